"""`Layout`: where robot, table and cameras stand relative to each other, and the posture in which an episode begins.

Only relations matter, so the table is what stays: a higher table is a lower robot with its cameras, a tilted one is a
tilted robot, cameras and gravity. That is exact, and works on engines that cannot move a fixed collider.
Frames: *table*, in which scenes are composed (its origin is the nominal robot base); *base*, the robot's own, in which
everything is told to policies; *world*.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from robots.protocol import RobotModel
from robots.registry import robot
from tasks.camera_spec import CameraSpec
from tasks.cameras import look_at
from tasks.poses import compose, conjugate, from_rotation_vector, matrix, product, relative, rotate
from tasks.settings import PerEnvironment
from tasks.tabletop.workspace import TABLE_PIVOT, on_table


class Layout(PerEnvironment):
    """Geometry of ``N`` environments; lengths are those of the composed scene, and less in a smaller workspace.

    Settings:
        table_height: height of the table above where it stands nominally [m].
        table_tilt: rotation vector of the table about its middle, x and y ``[2]`` [rad].
        robot_base: displacement of the robot's base, x and y [m] and turn [rad] ``[3]``; cameras stay.
        initial_arm: what the arm's first posture differs from home ``[J]`` [rad].
        NAME_position: displacement of the fixed camera NAME, each has its own ``[3]`` [m], axes of the room.
        NAME_rotation: turn of that camera about its own axes, a rotation vector ``[3]`` [rad].
    """

    def __init__(
        self,
        num_envs: int,
        device: str,
        cameras: Mapping[str, CameraSpec],
        model: RobotModel | None = None,
    ) -> None:
        """``cameras`` stand where they do for ``model``, the robot; None: the default one."""
        model = model or robot()
        self.scale = model.workspace.scale
        self.pivot = on_table(TABLE_PIVOT, model.workspace)
        """Point of the table about which it tilts (x, y) [m]."""
        self.fixed = {name: spec for name, spec in cameras.items() if spec.eye is not None}
        own = {f"{name}_{what}": (0.0,) * 3 for name in self.fixed for what in ("position", "rotation")}
        super().__init__(
            num_envs,
            device,
            table_height=0.0,
            table_tilt=(0.0, 0.0),
            robot_base=(0.0, 0.0, 0.0),
            initial_arm=(0.0,) * len(model.spec.arm_joints),
            **own,
        )
        identity = torch.tensor((0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0), device=device)
        self.room = identity.repeat(num_envs, 1)
        """Pose of the room with its cameras in the table's frame ``[N, 7]``."""
        self.base = identity.repeat(num_envs, 1)
        """Pose of the robot's base in the table's frame ``[N, 7]``."""
        self.camera_position: dict[str, torch.Tensor] = {}
        """Fixed cameras' positions ``[N, 3]`` [m], base frame."""
        self.camera_rotation: dict[str, torch.Tensor] = {}
        """Fixed cameras' OpenCV axes as columns ``[N, 3, 3]``, base frame."""
        for name, spec in self.fixed.items():
            eye = torch.tensor([spec.eye], device=device)
            self.camera_position[name] = eye.repeat(num_envs, 1)
            self.camera_rotation[name] = look_at(eye, torch.tensor([spec.target], device=device)).repeat(
                num_envs, 1, 1
            )

    def solve(self, ids: torch.Tensor) -> None:
        """Work out room, base and cameras of the environments ``ids`` from the settings."""
        tilt, base = self["table_tilt"][ids], self["robot_base"][ids].clone()
        base[:, :2] *= self.scale
        zero = torch.zeros_like(tilt[:, :1])
        # Seen from the table, the room turns the other way, about the table's middle, which is higher in the room.
        turn = from_rotation_vector(-torch.cat((tilt, zero), 1))
        pivot = torch.tensor((*self.pivot, 0.0), device=self.device).expand(len(ids), 3)
        middle = torch.cat((pivot[:, :2], self.scale * self["table_height"][ids][:, None]), 1)
        room = torch.cat((pivot - rotate(turn, middle), turn), 1)
        stand = torch.cat(
            (base[:, :2], zero, from_rotation_vector(torch.cat((zero, zero, base[:, 2:]), 1))), 1
        )
        self.room[ids], self.base[ids] = room, compose(room, stand)
        for name, spec in self.fixed.items():
            axes = look_at(torch.tensor([spec.eye]), torch.tensor([spec.target]))[0].to(self.device)
            eye = torch.tensor(spec.eye, device=self.device) + self.scale * self[f"{name}_position"][ids]
            turned = matrix(from_rotation_vector(self[f"{name}_rotation"][ids]))
            back = conjugate(stand[:, 3:])
            self.camera_position[name][ids] = rotate(back, eye - stand[:, :3])
            self.camera_rotation[name][ids] = product(matrix(back), product(axes, turned))

    @property
    def up(self) -> torch.Tensor:
        """The vertical ``[N, 3]`` in the table's frame."""
        return matrix(self.room[:, 3:])[:, :, 2]

    @property
    def table_height_in_base(self) -> torch.Tensor:
        """Height of the table's middle ``[N]`` [m] in the base frame."""
        middle = torch.zeros(self.num_envs, 7, device=self.device)
        middle[:, :2] = torch.tensor(self.pivot, device=self.device)
        middle[:, 6] = 1.0
        return relative(self.base, middle)[:, 2]
