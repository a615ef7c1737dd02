"""`Sensing`: what the robot reports of itself, as against what is so. Pure torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from robots.protocol import RobotModel
from robots.registry import robot
from tasks.settings import PerEnvironment, stream
from tasks.tabletop.action_spaces import CONTROL_DT, MAX_STATE_DELAY
from tasks.tabletop.command_path import NOISE_STEPS


@dataclass(frozen=True)
class Measured:
    """Proprioception of ``N`` environments as a policy gets it."""

    joint_pos: torch.Tensor
    """``[N, J]`` [rad]"""
    joint_vel: torch.Tensor
    """``[N, J]`` [rad/s]"""
    gripper_width: torch.Tensor
    """``[N]`` [m]"""
    ee_position: torch.Tensor
    """``[N, 3]`` [m], robot base frame"""
    ee_rotation: torch.Tensor
    """``[N, 3, 3]``"""


class Sensing(PerEnvironment):
    """Sensors of ``N`` robots. At nominal settings they tell the truth.

    Settings:
        joint_noise: standard deviation of each joint position, anew each step [rad].
        joint_velocity_noise: standard deviation of each joint velocity [rad/s].
        joint_drift: rate at which each joint's reading runs away, up or down for the whole episode [rad/s].
        ee_noise: standard deviation per axis of the reported tool position [m].
        ee_bias: what the reported tool position is off ``[3]`` [m].
        gripper_noise: standard deviation of the reported finger distance [m].
        state_delay: control steps by which all of it comes late.
    """

    def __init__(self, num_envs: int, device: str = "cpu", model: RobotModel | None = None) -> None:
        """``model`` is the robot, of ``J`` arm joints, that is sensed; None: the default one."""
        super().__init__(
            num_envs,
            device,
            joint_noise=0.0,
            joint_velocity_noise=0.0,
            joint_drift=0.0,
            ee_noise=0.0,
            ee_bias=(0.0,) * 3,
            gripper_noise=0.0,
            state_delay=0,
        )
        model = model or robot()
        self._j = j = len(model.spec.arm_joints)
        self._forward = model.kinematics().forward
        self._history = torch.zeros(MAX_STATE_DELAY + 1, num_envs, 2 * j + 1, device=device)
        self._step = torch.zeros(num_envs, dtype=torch.long, device=device)
        self._noise = torch.zeros(num_envs, NOISE_STEPS, 2 * j + 4, device=device)
        self._drift_sign = torch.ones(num_envs, j, device=device)

    def begin(self, rows: Sequence[int], seeds: Sequence[int]) -> None:
        """Draw the random numbers of new episodes."""
        for row, seed in zip(rows, seeds, strict=True):
            rng = stream(seed, "sensing")
            self._drift_sign[row] = torch.from_numpy(rng.choice([-1.0, 1.0], self._j)).float()
            self._noise[row] = torch.from_numpy(
                rng.standard_normal((NOISE_STEPS, 2 * self._j + 4), dtype="float32")
            )

    def reset(
        self, ids: torch.Tensor, joint_pos: torch.Tensor, joint_vel: torch.Tensor, width: torch.Tensor
    ) -> None:
        """Start the record of these environments anew with their present state ``[n, ...]``."""
        self._history[:, ids] = torch.cat((joint_pos, joint_vel, width[:, None]), 1)
        self._step[ids] = 0

    def remember(self, joint_pos: torch.Tensor, joint_vel: torch.Tensor, width: torch.Tensor) -> None:
        """Take note of the true state after a control step, all environments."""
        self._history = torch.roll(self._history, 1, 0)
        self._history[0] = torch.cat((joint_pos, joint_vel, width[:, None]), 1)
        self._step += 1

    @property
    def truthful(self) -> bool:
        """Whether every environment's sensors tell the truth, encoders aside."""
        return not any(bool(value.any()) for value in self.values.values())

    def measure(self, encoder_bias: torch.Tensor) -> Measured:
        """What is reported now; ``encoder_bias`` ``[N, J]`` [rad] is what the encoders read too much."""
        rows = torch.arange(self.num_envs, device=self.device)
        state = self._history[self["state_delay"], rows]
        noise = self._noise[rows, self._step % NOISE_STEPS]
        elapsed = self._step[:, None] * CONTROL_DT
        j, k = self._j, 2 * self._j
        joint_pos = state[:, :j] + encoder_bias + self["joint_drift"][:, None] * elapsed * self._drift_sign
        joint_pos = joint_pos + self["joint_noise"][:, None] * noise[:, :j]
        joint_vel = state[:, j:k] + self["joint_velocity_noise"][:, None] * noise[:, j:k]
        width = state[:, k] + self["gripper_noise"] * noise[:, k + 3]
        position, rotation, _ = self._forward(joint_pos)
        position = position + self["ee_bias"] + self["ee_noise"][:, None] * noise[:, k : k + 3]
        return Measured(joint_pos, joint_vel, width, position, rotation)
