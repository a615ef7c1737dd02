"""Bounds that differ are converted by name; what else differs is not."""

from dataclasses import replace

import pytest
import torch

from policy.action import ActionChannel, ActionSpec
from policy.action_bounds import CLIP_TO_ROBOT, bounds_conversion, within_bounds_of
from policy.contract import Decision, Policy, takes_committed

GRIPPER = ActionChannel("gripper", "1", "joint", "absolute", -1.0, 1.0)


def spec(reach, turn):
    move = ActionChannel("dx", "m", "base", "previous_command", -reach, reach)
    roll = ActionChannel("drot_x", "rad", "base", "previous_command", -turn, turn)
    return ActionSpec("tested", "arm", 20.0, (move, roll, GRIPPER))


ROBOT, OTHER = spec(0.08, 0.12), spec(0.05, 0.25)


class Says:
    """A policy that says the same to everyone."""

    name, cameras, privileged, execute_steps = "says", ("front",), False, 2

    def __init__(self, action_spec, *actions):
        self.action_spec, self.actions, self.resets = action_spec, torch.tensor([actions]), []

    def reset(self, env_ids, seeds):
        self.resets.append((list(env_ids), list(seeds)))

    def act(self, observation):
        return Decision(self.actions, [None])


def test_a_policy_with_the_robots_bounds_is_left_alone():
    policy = Says(ROBOT, [0.5, 0.5, 1.0])
    assert bounds_conversion(ROBOT, ROBOT) is None
    assert within_bounds_of(policy, ROBOT) is policy


def test_the_conversion_is_declared_with_the_channels_that_differ():
    assert bounds_conversion(OTHER, ROBOT) == {
        "name": CLIP_TO_ROBOT,
        "channels": {
            "dx": {"own": [-0.05, 0.05], "robot": [-0.08, 0.08]},
            "drot_x": {"own": [-0.25, 0.25], "robot": [-0.12, 0.12]},
        },
    }


def test_actions_are_clipped_and_not_scaled():
    policy = within_bounds_of(Says(OTHER, [0.05, 0.25, 1.0], [-0.01, -0.06, -1.0]), ROBOT)
    torch.testing.assert_close(
        policy.act(None).actions, torch.tensor([[[0.05, 0.12, 1.0], [-0.01, -0.06, -1.0]]])
    )


def test_the_converted_policy_is_a_policy_with_the_robots_bounds():
    inner = Says(OTHER, [0.0, 0.0, 1.0])
    policy = within_bounds_of(inner, ROBOT)
    assert isinstance(policy, Policy)
    assert policy.action_spec == ROBOT
    assert (policy.name, policy.cameras, policy.execute_steps) == ("says", ("front",), 2)
    assert not takes_committed(policy)
    inner.takes_committed = True
    assert takes_committed(within_bounds_of(inner, ROBOT))
    policy.reset([3], [7])
    assert inner.resets == [([3], [7])]


@pytest.mark.parametrize(
    "change",
    [{"control_hz": 10.0}, {"robot": "another"}, {"gripper_sign": "+1 closes"}, {"channels": (*OTHER.channels[1:],)}],
)  # fmt: skip
def test_what_is_no_matter_of_bounds_is_not_converted(change):
    other = replace(OTHER, **change)
    policy = Says(other, [0.0] * other.dim)
    assert bounds_conversion(other, ROBOT) is None
    assert within_bounds_of(policy, ROBOT) is policy
    assert policy.action_spec.mismatches(ROBOT)
