"""The two action spaces of robots as Isaac Lab action terms; `tasks.tabletop.action_spaces` says what they mean.

Whatever the actions ask for passes `CommandPath` and then, last of all, the robot's `MotionLimiter`, which commands
joint positions at the rate of the physics, and their velocities with them: a drive whose damping acted on the whole
velocity would trail by damping over stiffness, 83 ms. With end-effector actions the commanded position may lead the
measured one by a bounded distance only, so that pushing against the table does not wind it up.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from isaaclab.managers import ActionTerm, ActionTermCfg
from isaaclab.utils import configclass

from robots.action_spaces import DELTA_EEF, DELTA_JOINTS
from robots.motion_limiter import MotionLimiter
from tasks.tabletop.action_spaces import CONTROL_DT, CONTROL_HZ, MAX_LEAD
from tasks.tabletop.command_path import CommandPath


class _JointTargetAction(ActionTerm):
    """Shared by both spaces: limits, the way of the commands, and writing joint targets at every physics step."""

    space: str
    """Name of the robot's action space."""

    def __init__(self, cfg: ActionTermCfg, env) -> None:
        super().__init__(cfg, env)
        n, device, model = self.num_envs, self.device, env.robot_model
        robot, self._j = model.spec, len(model.spec.arm_joints)
        self.spec = model.action_spaces(CONTROL_HZ)[self.space]
        self.kinematics = model.kinematics()
        self._arm, _ = self._asset.find_joints(list(robot.arm_joints), preserve_order=True)
        self._fingers, _ = self._asset.find_joints(list(robot.finger_joints), preserve_order=True)
        self._low = torch.tensor(self.spec.low, dtype=torch.float32, device=device)
        self._high = torch.tensor(self.spec.high, dtype=torch.float32, device=device)
        self._max_step = torch.tensor(robot.limits.velocity, device=device) * CONTROL_DT
        self._home = torch.tensor(robot.home, device=device).expand(n, self._j)
        self._raw = torch.zeros(n, self.spec.dim, device=device)
        self.path = CommandPath(n, self.spec, device, model)
        """What the commands go through on their way to the drives."""
        self._decimation = env.cfg.decimation
        self.limiter = MotionLimiter(robot.limits, CONTROL_DT, CONTROL_DT / self._decimation, n, device)
        """What the arm's drives are told, within the arm's limits."""
        self._targets = torch.zeros(n, self._j + len(self._fingers), device=device)
        self._fingers_before = self._targets[:, self._j :]
        self._joints = [*self._arm, *self._fingers]
        self._physics_step = 0
        self.command = self._home.clone()
        """Commanded arm joint positions ``[N, J]`` [rad], as the encoders read them."""
        self.reset()

    @property
    def action_dim(self) -> int:
        return self.spec.dim

    @property
    def raw_actions(self) -> torch.Tensor:
        return self._raw

    @property
    def processed_actions(self) -> torch.Tensor:
        """What the limiter is asked for ``[N, J + G]``: arm joint positions [rad], gripper joints [rad or m]."""
        return self._targets

    def process_actions(self, actions: torch.Tensor) -> None:
        self._raw[:] = torch.clamp(actions, self._low, self._high)
        executed = self.path.receive(self._raw)
        step = torch.clamp(
            self.next_command(executed[:, self.path.arm]) - self.command, -self._max_step, self._max_step
        )
        self.command = self.command + step
        self._fingers_before = self._targets[:, self._j :]
        self._targets = self.path.targets(self.command)
        self.limiter.follow(self._targets[:, : self._j])
        self._physics_step = 0

    def next_command(self, arm: torch.Tensor) -> torch.Tensor:
        """Wanted arm joint positions ``[N, J]`` [rad] after the arm channels ``[N, A - 1]`` of one action."""
        raise NotImplementedError

    def apply_actions(self) -> None:
        self._env.pushes.apply()
        self._env.hand_pushes.apply()
        self._env.remember_joints()
        self._physics_step += 1
        share = self._physics_step / self._decimation
        fingers = self._fingers_before + (self._targets[:, self._j :] - self._fingers_before) * share
        target = torch.cat((self.limiter.at(share), fingers), 1)
        self._asset.set_joint_position_target_index(target=target, joint_ids=self._joints)
        self._asset.set_joint_velocity_target_index(
            target=self.limiter.velocity_at(share), joint_ids=self._arm
        )

    def reset(self, env_ids: Sequence[int] | torch.Tensor | slice | None = None) -> dict:
        ids = slice(None) if env_ids is None else env_ids
        self.begin(torch.arange(self.num_envs, device=self.device)[ids], self._home[ids])
        return {}

    def begin(self, ids: torch.Tensor, command: torch.Tensor) -> None:
        """Start the environments ``ids`` from commanded arm positions ``[n, J]`` [rad], hands open."""
        self._raw[ids] = torch.tensor(self.spec.idle_action, device=self.device)
        self.command[ids] = command
        self.path.reset(ids, command)
        self._targets[ids] = self.path.standing[ids]
        self.limiter.begin(ids, self._targets[ids, : self._j])


class EndEffectorDeltaAction(_JointTargetAction):
    """Relative tool pose, solved by inverse kinematics on the commanded posture."""

    space = DELTA_EEF

    def next_command(self, arm: torch.Tensor) -> torch.Tensor:
        measured, _ = self._env.tool()
        lead = self.position + arm[:, :3] - measured
        self.position = measured + lead * (
            MAX_LEAD / lead.norm(dim=1, keepdim=True).clamp_min(1e-9)
        ).clamp_max(1)
        self.rotation = self._control.turned(self.position, self.rotation, arm[:, 3:])
        return self.kinematics.inverse(self.position, self.rotation, self.command, iterations=2)

    def begin(self, ids: torch.Tensor, command: torch.Tensor) -> None:
        super().begin(ids, command)
        if not hasattr(self, "position"):
            self._control = self._env.robot_model.tool_control()
            self.position, self.rotation, _ = self.kinematics.forward(self._home)
        # All rows at once: batched arithmetic rounds by batch size, and an episode must not depend on its company.
        position, rotation, _ = self.kinematics.forward(self.command)
        self.position[ids], self.rotation[ids] = position[ids], rotation[ids]


class JointDeltaAction(_JointTargetAction):
    """Relative joint positions."""

    space = DELTA_JOINTS

    def next_command(self, arm: torch.Tensor) -> torch.Tensor:
        return torch.clamp(self.command + arm, self.limiter.low, self.limiter.high)


@configclass
class EndEffectorDeltaActionCfg(ActionTermCfg):
    """Relative tool pose and gripper."""

    class_type: type[ActionTerm] = EndEffectorDeltaAction


@configclass
class JointDeltaActionCfg(ActionTermCfg):
    """Relative joint positions and gripper."""

    class_type: type[ActionTerm] = JointDeltaAction


ACTION_CFGS: dict[str, type[ActionTermCfg]] = {
    DELTA_EEF: EndEffectorDeltaActionCfg,
    DELTA_JOINTS: JointDeltaActionCfg,
}
