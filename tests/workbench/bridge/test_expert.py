"""The twin's expert, and what makes it worse."""

import numpy as np
import pytest

from robots.action_spaces import DELTA_EEF
from robots.driver import ArmState, Reading
from robots.registry import robot
from workbench.bridge.observation import Observed, Poses
from workbench.bridge.policies.expert import PoseExpert
from workbench.bridge.policies.expert_errors import ExpertErrors

SPEC = robot().action_spaces(20.0)[DELTA_EEF]
DOWN = np.array([0.4, 0.0, 0.4, 1.0, 0.0, 0.0, 0.0])
CUBE, TRAY = (np.array([x, y, 0.0225, 0.0, 0.0, 0.0, 1.0]) for x, y in ((0.5, 0.1), (0.5, -0.2)))


def observed(pose: np.ndarray) -> Observed:
    """A hand that is where it is commanded to be, open."""
    none, width = Reading(np.zeros(7), 0.0), Reading(np.array([0.08]), 0.0)
    state = ArmState(none, none, none, Reading(pose, 0.0), width)
    return Observed(0.0, 0, "", state, pose, pose, poses=Poses({"cube": CUBE, "tray": TRAY}, 0.0))


def actions(errors: ExpertErrors | None, seed: int, steps: int = 34) -> np.ndarray:
    """What it does from above the table on, each action carried out to the letter."""
    policy, pose, made = PoseExpert(SPEC, DOWN, 1.0, errors), DOWN.copy(), []
    policy.reset("", seed)
    for _ in range(steps):
        made.append(policy.act(observed(pose)).actions[0])
        pose = np.concatenate((pose[:3] + made[-1][:3], pose[3:]))
    return np.array(made)


def test_a_noisy_expert_goes_beside_the_object_by_as_much_as_it_says_and_the_same_for_a_seed():
    def beside(seed: int) -> np.ndarray:
        return actions(ExpertErrors(position=0.02), seed)[:, :2].sum(0) - actions(None, seed)[:, :2].sum(0)

    offsets = np.array([beside(seed) for seed in range(40)])
    assert offsets.std(0) == pytest.approx([0.02, 0.02], rel=0.35)
    assert np.abs(offsets.mean(0)).max() < 0.01
    assert np.array_equal(beside(3), offsets[3])


def test_late_actions_are_the_same_and_come_later():
    late, plain = PoseExpert(SPEC, DOWN, 1.0, ExpertErrors(latency_steps=3)), PoseExpert(SPEC, DOWN, 1.0)
    for policy in (late, plain):
        policy.reset("", 1)
    told = [(late.act(observed(DOWN)).actions[0], plain.act(observed(DOWN)).actions[0]) for _ in range(8)]
    assert [np.array_equal(a, SPEC.idle_action) for a, _ in told[:3]] == [True] * 3
    assert np.array_equal([a for a, _ in told[3:]], [b for _, b in told[:5]])


def test_each_says_which_it_is():
    assert PoseExpert(SPEC, DOWN, 1.0).name == "expert"
    assert PoseExpert(SPEC, DOWN, 1.0, ExpertErrors(0.01)).name == "noisy_expert"
