"""Between bounds of actions that differ: the one conversion there is, by name, `CLIP_TO_ROBOT`.

Bounds say which numbers a robot accepts and not what a number means, so specs that differ in nothing else can be
converted: a model's output becomes physical by the model's own statistics and bounds, and is then clipped, channel by
channel, to what the robot accepts. Whatever else differs is no matter of bounds, and `ActionSpec.mismatches` names it,
as it names bounds that nobody converts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from policy.action import ActionSpec
from policy.contract import Decision, Observation, Policy, takes_committed

CLIP_TO_ROBOT = "clip_to_robot"


def bounds_conversion(own: ActionSpec, robot: ActionSpec) -> dict[str, Any] | None:
    """What is done to a policy's actions on a robot with other bounds, for the record; None where nothing is.

    ``{"name": "clip_to_robot", "channels": {NAME: {"own": [low, high], "robot": [low, high]}}}``, the channels that
    differ. Specs that differ in what actions mean are not converted: None.
    """
    if own.mismatches(robot, bounds=False):
        return None
    channels = {
        mine.name: {"own": [mine.low, mine.high], "robot": [theirs.low, theirs.high]}
        for mine, theirs in zip(own.channels, robot.channels, strict=True)
        if (mine.low, mine.high) != (theirs.low, theirs.high)
    }
    return {"name": CLIP_TO_ROBOT, "channels": channels} if channels else None


def within_bounds_of(policy: Policy, robot: ActionSpec) -> Policy:
    """The policy with its actions clipped to the robot's bounds; itself where they are its own, or cannot be."""
    return ClippedToRobot(policy, robot) if bounds_conversion(policy.action_spec, robot) else policy


class ClippedToRobot:
    """A policy whose actions are clipped to the bounds of a robot's spec."""

    def __init__(self, policy: Policy, robot: ActionSpec) -> None:
        self.policy = policy
        channels = zip(policy.action_spec.channels, robot.channels, strict=True)
        self.action_spec = replace(
            policy.action_spec,
            channels=tuple(replace(mine, low=theirs.low, high=theirs.high) for mine, theirs in channels),
        )
        self.name, self.cameras, self.privileged = policy.name, policy.cameras, policy.privileged
        self.execute_steps = policy.execute_steps
        self.takes_committed = takes_committed(policy)

    def reset(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """See `policy.contract.Policy`."""
        self.policy.reset(env_ids, seeds)

    def act(self, observation: Observation) -> Decision:
        """See `policy.contract.Policy`."""
        decision = self.policy.act(observation)
        low, high = (
            torch.as_tensor(bound, dtype=decision.actions.dtype, device=decision.actions.device)
            for bound in (self.action_spec.low, self.action_spec.high)
        )
        return replace(decision, actions=torch.clamp(decision.actions, low, high))
