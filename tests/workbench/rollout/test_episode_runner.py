"""What is written down of an episode, also of one in which numbers broke down."""

from types import SimpleNamespace

import numpy as np
import pytest

from policy.grounding import Grounding, Point
from workbench.rollout.episode_runner import record_of
from workbench.rollout.loop import INVALID_ACTION, Outcome, RunningEpisode
from workbench.runs.records import EpisodeRecord

EPISODE = SimpleNamespace(
    scene=SimpleNamespace(instruction="put it there"),
    factors={},
    spec=SimpleNamespace(index=3),
    split="",
    held_out=(),
)


def ran(positions, reason):
    """An episode that ended for a reason, its tool having been at these places."""
    episode = RunningEpisode(3, 0, 0.0, record_states=False, steps=len(positions) - 1)
    episode.positions = [np.array(position, float) for position in positions]
    episode.outcome = Outcome(False, reason)
    return episode


def test_an_episode_lost_at_its_first_action_is_a_record():
    record = record_of(ran([[0, 0, 0], [0, 0, 0]], INVALID_ACTION), EPISODE, "pick_place", 1)
    assert EpisodeRecord.from_json(record.to_json_line()) == record
    assert (record.failure_reason, record.steps, record.time_to_success_s) == ("invalid_action", 1, None)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_path_that_the_physics_lost_has_no_length(broken):
    positions = [[0, 0, 0.1 * i] for i in range(8)] + [[broken, 0, 0]]
    record = record_of(ran(positions, "unstable_physics"), EPISODE, "pick_place", 1)
    assert EpisodeRecord.from_json(record.to_json_line()) == record
    assert (record.path_length_m, record.smoothness) == (None, None)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_claim_knows_whether_it_is_finite(value):
    assert Grounding("front", (8, 8), points=(Point("grasp", (1.0, 2.0)),), trace=((1.0, 2.0),)).is_finite
    assert Grounding("front", (8, 8)).is_finite
    assert not Grounding("front", (8, 8), points=(Point("grasp", (1.0, value)),)).is_finite
    assert not Grounding("front", (8, 8), trace=((1.0, 2.0), (value, 1.0))).is_finite
