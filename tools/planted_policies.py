"""The scripted expert of pick and place, sound or with one fault planted: what `tools.verdict_study` validates.

workbench validate policy=tools/planted_policies.py:GripperReversed dr=none
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from policy.action import ActionSpec
from policy.contract import Decision, Observation
from policy.grounding import Box, Grounding, Point
from robots.registry import robot
from tasks.registry import DEFAULT as DEFAULT_TASK
from tasks.registry import find
from tasks.tabletop.workspace import front_camera

TASK = DEFAULT_TASK


class Sound:
    """The expert as it is, behind the same code as its faulty kin."""

    privileged = True
    execute_steps = 1

    def __init__(self, num_envs: int, action_spec: ActionSpec, device: str) -> None:
        self.action_spec = action_spec
        self.expert: Any = find(TASK).expert(num_envs, action_spec, device=device)
        self.asked = torch.zeros(num_envs, dtype=torch.long)
        """Decisions since each episode began ``[N]``."""

    def reset(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """See `Policy`."""
        self.asked[list(env_ids)] = 0
        self.expert.reset(env_ids, seeds)

    def act(self, observation: Observation) -> Decision:
        """See `Policy`."""
        decision = self.decide(observation)
        self.asked[list(observation.env_ids)] += 1
        return decision

    def decide(self, observation: Observation) -> Decision:
        """What a fault changes."""
        found: Decision = self.expert.act(observation)
        return found

    def idle(self, observation: Observation) -> Decision:
        """No motion, the hand open."""
        n = len(observation.env_ids)
        return Decision(torch.tensor(self.action_spec.idle_action).repeat(n, 1, 1), [None] * n)


class Slow(Sound):
    """Moves in every fourth control step only."""

    every = 4

    def __init__(self, num_envs: int, action_spec: ActionSpec, device: str) -> None:
        super().__init__(num_envs, action_spec, device)
        self.hand = torch.full((num_envs,), float(action_spec.gripper_command(closed=False)))

    def decide(self, observation: Observation) -> Decision:
        """See `Sound`."""
        ids = list(observation.env_ids)
        if int(self.asked[ids[0]]) % self.every == 0:
            found = super().decide(observation)
            self.hand[ids] = found.actions[:, 0, self.action_spec.gripper_index].cpu()
            return found
        still = self.idle(observation)
        still.actions[:, 0, self.action_spec.gripper_index] = self.hand[ids]
        return still

    def reset(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """See `Policy`."""
        super().reset(env_ids, seeds)
        self.hand[list(env_ids)] = float(self.action_spec.gripper_command(closed=False))


class GripperReversed(Sound):
    """Closes its hand where it should open it."""

    def decide(self, observation: Observation) -> Decision:
        """See `Sound`."""
        found = super().decide(observation)
        found.actions[..., self.action_spec.gripper_index] *= -1
        return found


class ChannelScaled(Sound):
    """Gives one channel in millimetres."""

    def decide(self, observation: Observation) -> Decision:
        """See `Sound`."""
        found = super().decide(observation)
        found.actions[..., self.action_spec.index("dy")] *= 1000
        return found


class NeedsTime(Sound):
    """Thinks for 300 ms about each step."""

    def decide(self, observation: Observation) -> Decision:
        """See `Sound`."""
        time.sleep(0.3)
        return super().decide(observation)


class CameraSensitive(Sound):
    """Takes the front camera to be where it was in training, and makes much of the difference."""

    gain_px = 1500.0
    """Error in the picture for a metre that the camera was moved [px/m]."""

    def __init__(self, num_envs: int, action_spec: ActionSpec, device: str) -> None:
        super().__init__(num_envs, action_spec, device)
        self.nominal = torch.tensor(front_camera(workspace=robot(action_spec.robot).workspace).eye)

    def decide(self, observation: Observation) -> Decision:
        """See `Sound`."""
        view = observation.privileged["view"]
        moved = view.camera_position.cpu() - self.nominal
        ids = list(observation.env_ids)
        self.expert.error_px[ids] = self.gain_px * moved[:, None, :2].expand(-1, 2, -1).to(
            self.expert.error_px
        )
        return super().decide(observation)


class EngineSensitive(Sound):
    """Acts on PhysX alone."""

    def decide(self, observation: Observation) -> Decision:
        """See `Sound`."""
        return super().decide(observation) if "ovphysx" in sys.modules else self.idle(observation)


class LeavesWorkspace(Sound):
    """Goes up out of the workspace on its way, and comes down again."""

    begins, steps, rise = 8, 32, 0.012
    """Control steps; [m] a step."""

    def decide(self, observation: Observation) -> Decision:
        """See `Sound`."""
        since = int(self.asked[observation.env_ids[0]]) - self.begins
        if not 0 <= since < 2 * self.steps:
            return super().decide(observation)
        found = self.idle(observation)
        found.actions[..., self.action_spec.index("dz")] = self.rise if since < self.steps else -self.rise
        return found


class BlindGrounding(Sound):
    """Acts rightly, and says each time that it will act at the same places of the picture."""

    def decide(self, observation: Observation) -> Decision:
        """See `Sound`."""
        found = super().decide(observation)
        return replace(found, grounding=[claim and self.elsewhere(claim) for claim in found.grounding])

    def elsewhere(self, claim: Grounding) -> Grounding:
        """The same things, somewhere."""
        width, height = claim.image_size
        u, v = 0.1 * width, 0.1 * height
        return replace(
            claim,
            boxes=tuple(Box(box.label, (u, v, 2 * u, 2 * v)) for box in claim.boxes),
            points=tuple(Point(point.label, (u, v)) for point in claim.points),
            trace=(),
        )
