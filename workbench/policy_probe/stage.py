"""`Stage`: scenes of a task in its own simulation, with the tool wherever a situation wants it; nothing is stepped."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from domain_rand.sets import FactorSet
from policy.contract import Calibration
from workbench.policy_check.changes import Seen
from workbench.policy_check.situations import OVER, Situation

ITERATIONS = 80
"""Of inverse kinematics: situations lie far from each other."""
MOST_OFF_M, MOST_OFF_RAD = 0.004, 0.03
"""How far the tool may be from where it is wanted for a scene to count."""
TURN_WEIGHT = 0.004
"""What a radian of turning the hand counts against a metre of room beside the fingers, as for the experts."""


@dataclass(frozen=True)
class Shown:
    """A situation in every scene ``S``."""

    seen: Seen
    view: Any
    """What privileged policies see: `tasks.tabletop.view.PrivilegedView`."""
    calibration: Mapping[str, Calibration]
    position: np.ndarray
    rotation: np.ndarray
    goal: np.ndarray
    reached: np.ndarray


class Stage:
    """Scenes that begin once and are then shown, a situation at a time."""

    def __init__(self, env: Any, seeds: Sequence[int], cameras: Sequence[str] = ()) -> None:
        """
        Args:
            env: the environments, one a scene, whose episodes have begun.
            seeds: for the policy, one a scene.
            cameras: whose pictures are wanted.
        """
        self.env, self.seeds, self.cameras = env, list(seeds), tuple(cameras)
        self.scenes: int = env.num_envs
        rows = range(self.scenes)
        model = env.robot_model
        self._control, self._kinematics = model.tool_control(), model.kinematics()
        self._scale: float = model.workspace.scale
        view = env.privileged_view(rows)
        self._bodies = env.body_pose.clone()
        choice = (view.grasp_clearance - TURN_WEIGHT * view.grasp_turn).argmax(1)
        self._grasp, self._closing = view.grasp_point(choice), view.grasp_closing(choice)
        self._target = view.target
        self._width = self._held_width(view, choice)
        self._shown: dict[Situation, Shown] = {}

    @classmethod
    def begun(cls, env: Any, factor_set: FactorSet, seed: int, cameras: Sequence[str]) -> Stage:
        """The first scenes of the suite that a factor set and a seed name."""
        from workbench.rollout.simulation import TabletopSimulation

        rows = range(env.num_envs)
        simulation = TabletopSimulation(env, factor_set, seed, max_steps=1)
        return cls(env, simulation.begin(rows, rows), cameras)

    def show(self, situation: Situation) -> Shown:
        """The situation; drawn once."""
        if situation not in self._shown:
            self._shown[situation] = self._set(situation)
        return self._shown[situation]

    def _set(self, situation: Situation) -> Shown:
        env, device = self.env, self.env.device
        up = torch.tensor((0.0, 0.0, OVER), device=device)
        goal = self._grasp + self._scale * up
        offset = torch.tensor(situation.offset, device=device)
        position = self._grasp.clone() if situation.at_grasp else goal + self._scale * offset
        rotation = self._control.grasp_rotation(position, self._closing + situation.heading)
        if any(situation.turn):
            turn = torch.tensor(situation.turn, device=device).expand(self.scenes, -1)
            rotation = self._control.turned(position, rotation, turn)
        home = torch.tensor(env.robot_model.spec.home, device=device).expand(self.scenes, -1)
        joints = self._kinematics.inverse(position, rotation, home, iterations=ITERATIONS)
        at, turned, _ = self._kinematics.forward(joints)
        off = torch.linalg.matrix_norm(turned - rotation) / 2**0.5
        reached = ((at - position).norm(dim=1) < MOST_OFF_M) & (off < MOST_OFF_RAD)
        width = torch.full((self.scenes,), env.robot_model.gripper.open_width, device=device)
        bodies = self._bodies.clone()
        if situation.holds:
            width = self._width
            rows = torch.arange(self.scenes, device=device)
            bodies[rows, self._target, :3] += at - self._grasp
        env.show(torch.arange(self.scenes, device=device), joints, width, bodies)
        return self._look(at, turned, goal, reached)

    def _look(
        self, at: torch.Tensor, turned: torch.Tensor, goal: torch.Tensor, reached: torch.Tensor
    ) -> Shown:
        env = self.env
        rows = range(self.scenes)
        quaternion = Rotation.from_matrix(_array(turned)).as_quat()
        seen = Seen(
            joint_pos=_array(env.joint_pos),
            joint_vel=_array(env.joint_vel),
            gripper_width=_array(env.gripper_width),
            ee_pose=np.concatenate([_array(at), quaternion.astype(np.float32)], 1),
            images={name: _array(env.image(name)) for name in self.cameras},
            instruction=[scene.instruction for scene in env.scenes],
            simulator=np.arange(self.scenes),
        )
        calibration = {name: env.believed_calibration(name) for name in self.cameras}
        view = env.privileged_view(rows)
        return Shown(seen, view, calibration, *(_array(value) for value in (at, turned, goal, reached)))

    def _held_width(self, view: Any, choice: torch.Tensor) -> torch.Tensor:
        """How far the fingers are apart around the object ``[S]`` [m]."""
        found = []
        for slot, k in zip(view.target.tolist(), choice.tolist(), strict=True):
            body = view.slots[slot]
            grasps = body.body.grasps
            found.append(
                grasps[k % (2 * len(grasps)) // 2].width * body.scale
            )  # each grasp is there turned by half
        return torch.tensor(found, device=view.tool.device)


def rows_of(view: Any, rows: np.ndarray) -> Any:
    """A privileged view whose rows are those of other scenes."""
    index = torch.from_numpy(rows)
    changed = {
        field.name: value[index.to(value.device)]
        for field in dataclasses.fields(view)
        if isinstance(value := getattr(view, field.name), torch.Tensor)
    }
    return dataclasses.replace(view, **changed)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return np.array(tensor.detach().cpu().numpy())
