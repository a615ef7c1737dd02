"""The tabletop environment of any task: named episodes, settings per environment, and what happens while they run.

The environment runs whatever `Scene` it is given. `assign` names the scene that an environment begins at its next
reset; without one it begins a default scene, so that Isaac Lab's own commands can run it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from policy.contract import Calibration
from tasks.engines.pushes import make_link_pushes, make_pushes
from tasks.episode import EpisodeSpec
from tasks.registry import find
from tasks.settings import PerEnvironment
from tasks.tabletop.believed_calibration import BelievedCalibration
from tasks.tabletop.body_table import BodyTable
from tasks.tabletop.composition import random_scene
from tasks.tabletop.disturbances import Disturbances
from tasks.tabletop.dropped import dropped
from tasks.tabletop.dynamics import Dynamics
from tasks.tabletop.happenings import let_happen, note_pushes
from tasks.tabletop.inference_time import InferenceTime
from tasks.tabletop.judge import Judge, State
from tasks.tabletop.reference import JOINTWISE, for_joints
from tasks.tabletop.scene import COLORS, Scene
from tasks.tabletop.sensing import Measured, Sensing
from tasks.tabletop.simulated_scene import SimulatedScene
from tasks.tabletop.view import PrivilegedView
from tasks.tabletop.workspace import ROOM_COLOR, TABLE_COLOR, on_table


class TabletopEnv(SimulatedScene):
    """A robot at a table, asked to do the task that its configuration names; many environments at once."""

    def __init__(self, cfg, render_mode: str | None = None, **kwargs) -> None:
        self.task = find(cfg.task)
        self.scenes: list[Scene | None] = [None] * cfg.scene.num_envs
        self.default_scene: Callable[[int], Scene] = lambda k: random_scene(
            EpisodeSpec(cfg.task, k, cfg.seed or 0)
        )
        """Gives the scene of the k-th episode that nobody assigned; by default one drawn evenly from the seed."""
        self._assigned: dict[int, Scene] = {}
        self._unassigned_count = 0
        self._nominal_written = False
        super().__init__(cfg=cfg, render_mode=render_mode, **kwargs)

    def load_managers(self) -> None:
        self.progress: Judge = self.task.judge(
            BodyTable(self.slots.values(), self.device),
            self.num_envs,
            self.step_dt,
            self.device,
            self.robot_model,
        )
        super().load_managers()
        self.dynamics = Dynamics(self)
        self.pushes = make_pushes(self, self.bodies)
        self.hand_pushes = make_link_pushes(self, self.robot, self.hand_id)
        self.sensing = Sensing(self.num_envs, self.device, self.robot_model)
        self.disturbances = Disturbances(self.num_envs, self.device, self.robot_model)
        on_the_hand = self.robot_model.wrist_camera.in_tool(self.robot_model.spec)
        self.believed = BelievedCalibration(self.num_envs, self.device, on_the_hand)
        self.inference = InferenceTime(self.num_envs, self.device)
        self.command = self.action_manager.get_term("command")
        self._owners: tuple[PerEnvironment, ...] = (
            self.layout,
            self.dynamics,
            self.command.path,
            self.sensing,
            self.disturbances,
            self.imaging,
            self.believed,
            self.inference,
        )
        self._owner_of = {name: owner for owner in self._owners for name in owner.names}
        self._changed: set[str] = set()

    # -- episodes

    def assign(self, row: int, scene: Scene) -> None:
        """Name the scene that environment ``row`` begins at its next reset."""
        self._assigned[row] = scene

    def begin_episodes(self, rows: Sequence[int]) -> None:
        """Reset event: put robot and bodies of these environments where their next scenes want them."""
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        if not self._nominal_written:
            self._nominal_written = True
            self._write_nominal()
        # A reset writes forces without a step to use them up, and PhysX adds them to those of the next step: the other
        # environments would be pushed twice as hard for an instant. `commit` writes them again.
        self.pushes.forget()
        self.hand_pushes.forget()
        for row in rows:
            self.scenes[row] = scene = self._assigned.pop(row, None) or self._next_default_scene()
            self.progress.begin(
                row,
                target=self.slot_index[scene.target.slot],
                receptacle=self.slot_index[scene.receptacle.slot],
                active=[self.slot_index[p.slot] for p in scene.placements],
            )
        self.place_bodies(rows)
        self._begin_posture(ids)
        self.paint(rows)

    def _write_nominal(self) -> None:
        """Make so what the assets do not say, or say in another unit: contact and colours."""
        rows = range(self.num_envs)
        self.dynamics.write_contact(torch.arange(self.num_envs, device=self.device))
        surfaces = {"table": TABLE_COLOR, "floor": ROOM_COLOR, "wall": ROOM_COLOR}
        colors = torch.tensor(list(surfaces.values()))[:, None].expand(-1, self.num_envs, -1)
        self.write_colors(list(surfaces), colors, rows)
        self.tint_robot(rows, torch.ones(self.num_envs, 3))

    def place_bodies(self, rows: Sequence[int]) -> None:
        """Put the pool where the scenes of these environments want it, what they do not use in the parking area.

        To be repeated after masses were changed: PhysX keeps a body's centre of mass in place then, by way of a
        rotation that remembers the inertia before, and the body moves by a rounding error.
        """
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        pose = self.parked(len(rows))
        for i, row in enumerate(rows):
            for p in self.scenes[row].placements:
                yaw = torch.tensor(p.yaw / 2)
                z = self.slots[p.slot].height / 2 + 0.0005
                pose[i, self.slot_index[p.slot]] = torch.tensor(
                    (
                        *on_table((p.x, p.y), self.robot_model.workspace),
                        z,
                        0.0,
                        0.0,
                        torch.sin(yaw),
                        torch.cos(yaw),
                    )
                )
        self.write_body_poses(ids, pose)

    def _begin_posture(self, ids: torch.Tensor) -> None:
        """Put the arms where they begin, hands open; the command starts from there, as the encoders read it."""
        home = torch.tensor(self.robot_model.spec.home, device=self.device)
        posture = home + self.layout["initial_arm"][ids]
        self.command.begin(ids, posture + self.command.path["encoder_bias"][ids])
        self.write_joints(ids, posture)

    def clear(self, rows: Sequence[int]) -> None:
        """Take everything off the tables of these environments, send their arms home, and let nothing happen any more.

        After one physics step like this an engine has forgotten all contacts. A body that is merely moved along the
        table keeps its old contact there, with the friction of the episode before in it, and the next episode would
        depend on that in its last digits.
        """
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        self.disturbances.stop(rows)
        self.write_body_poses(ids, self.parked(len(rows)))
        self._begin_posture(ids)

    def _next_default_scene(self) -> Scene:
        self._unassigned_count += 1
        return self.default_scene(self._unassigned_count - 1)

    def paint(self, rows: Sequence[int]) -> None:
        """Give every body of these environments the colour of its scene."""
        color = torch.full((len(self.slots), len(rows), 3), 0.5)
        for i, row in enumerate(rows):
            for p in self.scenes[row].placements:
                color[self.slot_index[p.slot], i] = torch.tensor(COLORS[p.color])
        self.write_colors(list(self.slots), color, rows)

    def _paint_dropped(self, rows: Sequence[int]) -> None:
        """Give what will fall its colour where something will: after the factors, which paint what stands there."""
        for row in rows:
            if self.disturbances["distractor_drop"][row]:
                name, color = dropped(self.scenes[row])
                self.write_colors([name], torch.tensor([[COLORS[color]]]), [row])

    # -- settings

    def set(self, name: str, rows: Sequence[int], values: Sequence[Any]) -> None:
        """Ask for a setting in the environments ``rows``; `commit` makes it so. KeyError for an unknown name."""
        if name in JOINTWISE:
            values = for_joints(values, len(self.arm_joint_ids))
        self._owner_of[name].set(name, rows, values)
        self._changed.add(name)

    def commit(self, rows: Sequence[int], seeds: Sequence[int]) -> None:
        """Make the settings take effect in environments whose episodes begin now.

        Args:
            rows: environments ``[n]``.
            seeds: randomness of what happens during each episode ``[n]``.
        """
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        changed, self._changed = self._changed, set()
        for owner in self._owners:
            owner.begin(rows, seeds)
        if changed & self.layout.names:
            self.write_layout(ids)
        for owner in self._owners:
            owner.commit(rows, changed)
        self._begin_posture(ids)
        self.place_bodies(rows)
        self._paint_dropped(rows)
        self._write_forces()
        self.sensing.reset(ids, self.joint_pos[ids], self.joint_vel[ids], self.gripper_width[ids])

    # -- while episodes run

    def step(self, action: torch.Tensor):
        """One control step; what disturbs the scene begins before it."""
        if self.disturbances.active:
            before = (self.disturbances.object_force.clone(), self.disturbances.hand_force.clone())
            for happening in self.disturbances.advance():
                let_happen(self, happening)
            after = (self.disturbances.object_force, self.disturbances.hand_force)
            if any(not torch.equal(a, b) for a, b in zip(before, after, strict=True)):
                note_pushes(self)
                self._write_forces()
        return super().step(action)

    def update_progress(self) -> None:
        """Judge the state after a step; the reward term calls it, once per step."""
        self.sensing.remember(self.joint_pos, self.joint_vel, self.gripper_width)
        self.imaging.advance()
        self.remember_poses()
        self.progress.update(
            State(
                self.body_pose_on_table,
                self.body_velocity,
                *self.tool_on_table,
                self.finger_pos,
                self.joint_vel,
            )
        )

    def _write_forces(self) -> None:
        """Push bodies and hands by gravity's difference from nominal and by the disturbances of this step."""
        rows = torch.arange(self.num_envs, device=self.device)
        force = self.dynamics.gravity_force.clone()
        force[rows, self.progress.target] += self.disturbances.object_force
        self.pushes.set(force)
        self.hand_pushes.set((self.disturbances.hand_force + self.dynamics.hand_force)[:, None])

    # -- what policies are told

    def measure(self) -> Measured:
        """What the robots report of themselves, all environments."""
        bias = self.command.path["encoder_bias"]
        if self.sensing.truthful and not bool(bias.any()):
            return Measured(self.joint_pos, self.joint_vel, self.gripper_width, *self.tool())
        return self.sensing.measure(bias)

    def believed_calibration(self, camera: str) -> Calibration:
        """What the robots believe of a camera, all environments."""
        layout = self.layout
        is_fixed = camera in layout.fixed
        stands = (layout.camera_position[camera], layout.camera_rotation[camera]) if is_fixed else None
        return self.believed.of(self.cameras[camera], *self.calibration(camera), stands)

    def privileged_view(self, rows: Sequence[int], camera: str = "front") -> PrivilegedView:
        """The simulator's state for some environments, base frame."""
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        spec = self.cameras[camera]
        intrinsics, distortion = self.calibration(camera)
        return PrivilegedView(
            slots=tuple(self.slots.values()),
            robot=self.robot_model,
            body_pose=self.body_pose[ids],
            active=self.progress.active[ids],
            target=self.progress.target[ids],
            receptacle=self.progress.receptacle[ids],
            in_place=self.progress.in_place[ids],
            tool=self.tool()[0][ids],
            table_z=self.layout.table_height_in_base[ids],
            camera=camera,
            image_size=(spec.width, spec.height),
            intrinsics=intrinsics[ids],
            distortion=distortion[ids],
            camera_position=self.layout.camera_position[camera][ids],
            camera_rotation=self.layout.camera_rotation[camera][ids],
        )
