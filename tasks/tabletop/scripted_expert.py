"""`ScriptedExpert`: what the scripted experts of all tasks have in common, from the errors they make to how they move.

An expert goes through phases, each with a goal for the tool. With a grounding error it takes things to be elsewhere by
that many pixels, and says so in its grounding. With a latency, its actions reach the arm that many steps late.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from policy.action import ActionSpec
from robots.registry import robot
from tasks.tabletop.action_spaces import DELTA_EEF, DELTA_JOINTS, MAX_LEAD
from tasks.tabletop.expert_motion import ToolMotion

GROUNDING_EVERY = 20
"""Steps between two reports of grounding."""
CORRECTION = 0.15
"""Share of the remaining error that is corrected in each step once the command has arrived; what biased encoders, play
in the gears and a push leave over."""
MAX_CORRECTION = 0.15
"""Greatest correction [m]: of relative commands, those that got lost add up."""
WAITS = MAX_LEAD - 0.01
"""Distance of the tool from where it has been told to be beyond which the expert waits for it [m]."""


class ScriptedExpert:
    """State of the experts of `N` environments; see `tasks.tabletop.task.MakeExpert` for how they are made."""

    privileged = True
    cameras: tuple[str, ...] = ()
    execute_steps = 1

    def __init__(
        self,
        num_envs: int,
        action_spec: ActionSpec = DELTA_EEF,
        grounding_error_px: float = 0.0,
        latency_steps: int = 0,
        device: str = "cpu",
        error_attempts: int = 0,
    ) -> None:
        """
        Args:
            num_envs: number of environments.
            action_spec: the robot's, ``delta_eef`` or ``delta_joints``.
            grounding_error_px: standard deviation per axis of the error in where it sees things [px], drawn once
                per episode for the object and once for the receptacle.
            latency_steps: control steps by which its actions come late.
            device: torch device.
            error_attempts: attempts after which it sees things where they are; 0 for never.
        """
        if action_spec.name not in (DELTA_EEF.name, DELTA_JOINTS.name):
            raise ValueError(f"the expert does not speak the action space {action_spec.name!r}")
        self.name = "expert" if grounding_error_px == 0 and latency_steps == 0 else "noisy_expert"
        self.action_spec = action_spec
        self.grounding_error_px = grounding_error_px
        self.latency_steps = latency_steps
        self.error_attempts = error_attempts
        n = num_envs
        model = robot(action_spec.robot)
        self._scale = model.workspace.scale
        self.phase = torch.zeros(n, dtype=torch.long, device=device)
        self.clock = torch.zeros(n, dtype=torch.long, device=device)
        """Steps in this phase ``[N]``."""
        self.failed = torch.zeros(n, dtype=torch.long, device=device)
        """Attempts of this episode that have failed ``[N]``."""
        self.motion = ToolMotion(n, device, model)
        self.correction = torch.zeros(n, 3, device=device)
        """What is added to goals because the arm does not get where it is told ``[N, 3]`` [m]."""
        self.closing = torch.zeros(n, device=device)
        """Heading along which the fingers close ``[N]`` [rad]."""
        self.fresh = torch.ones(n, dtype=torch.bool, device=device)
        self.error_px = torch.zeros(n, 2, 2, device=device)
        """Error of this episode for object and receptacle ``[N, 2, 2]`` [px]."""
        self._late = torch.zeros(latency_steps + 1, n, action_spec.dim, device=device)
        self._prepare(n, device)

    def _prepare(self, num_envs: int, device: str) -> None:
        """Make room for what experts of one kind keep beside this, a row an environment."""

    def reset(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """See `Policy`."""
        ids = torch.as_tensor(list(env_ids), dtype=torch.long, device=self.phase.device)
        self.phase[ids], self.clock[ids], self.fresh[ids] = 0, 0, True
        self.failed[ids] = 0
        self.correction[ids] = 0.0
        self._late[:, ids] = torch.tensor(self.action_spec.idle_action, device=self.phase.device)
        for row, seed in zip(env_ids, seeds, strict=True):
            error = np.random.default_rng(seed).normal(0.0, 1.0, (2, 2)) * self.grounding_error_px
            self.error_px[row] = torch.from_numpy(error).float()

    def _error_px(self, ids: torch.Tensor) -> torch.Tensor:
        """``[n, 2, 2]`` by which object and receptacle are seen elsewhere now."""
        if not self.error_attempts:
            return self.error_px[ids]
        errs = self.failed[ids] < self.error_attempts
        return self.error_px[ids] * errs[:, None, None]

    def _lead(self, ids: torch.Tensor, tool: torch.Tensor) -> torch.Tensor:
        """How far the tools ``[n, 3]`` are behind where they have been told to be ``[n, 3]`` [m]."""
        return self.motion.position[ids] - self.correction[ids] - tool

    def _correct(self, ids: torch.Tensor, told: torch.Tensor, free: torch.Tensor, tool: torch.Tensor) -> None:
        """Take in what the arm lacks of what it has been told, once it could have got there.

        Args:
            ids: rows ``[n]``.
            told: whether the command has arrived at its goal ``[n]``, bool.
            free: whether nothing holds the hand where it is ``[n]``, bool.
            tool: where the tools are ``[n, 3]`` [m].
        """
        lead = self._lead(ids, tool)
        # A tool that is waited for and does not come never got some of the commands.
        settled = free & (told | (lead.norm(dim=1) > WAITS))
        corrected = self.correction[ids] + CORRECTION * torch.where(settled[:, None], lead, 0.0)
        self.correction[ids] = corrected.clamp(-MAX_CORRECTION, MAX_CORRECTION)

    def _turn(self, ids: torch.Tensor, rotation: torch.Tensor) -> torch.Tensor:
        """What is left to turn the hand to a rotation ``[n, 3, 3]``: turns ``[n, R]`` [rad]."""
        return self.motion.control.turn_to(self.motion.rotation[ids], rotation)

    def _move(
        self,
        ids: torch.Tensor,
        offset: torch.Tensor,
        turn: torch.Tensor,
        fastest: torch.Tensor,
        tool: torch.Tensor,
        closed: torch.Tensor,
    ) -> torch.Tensor:
        """Actions ``[n, A]`` of one step, late by the stated latency.

        Args:
            ids: rows that move ``[n]``.
            offset: way that is left ``[n, 3]`` [m].
            turn: turn that is left ``[n, R]`` [rad].
            fastest: greatest speed ``[n, 1]`` [m/s].
            tool: where the tool is ``[n, 3]`` [m]: a command too far ahead of it waits.
            closed: which hands are told to close ``[n]``, bool.
        """
        motion, spec = self.motion, self.action_spec
        lead = self._lead(ids, tool).norm(dim=1, keepdim=True)
        fastest = torch.where(lead > WAITS, torch.zeros_like(lead), fastest)
        before = motion.joints[ids]
        arm = motion.step(ids, offset, turn, fastest)
        if spec.name == DELTA_JOINTS.name:
            arm = motion.joints[ids] - before
        gripper = torch.where(closed, spec.gripper_command(closed=True), spec.gripper_command(closed=False))
        self._late[:, ids] = torch.roll(self._late[:, ids], 1, 0)
        self._late[0, ids] = torch.cat((arm, gripper[:, None]), 1)
        late: Any = self._late[self.latency_steps, ids]
        return late
