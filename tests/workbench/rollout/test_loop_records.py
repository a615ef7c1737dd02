"""What a rollout keeps of an episode: states, claims, where the hand acts, and what was not finite."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.grounding import Grounding, Point
from tests.workbench.rollout.fake_simulation import CHANNELS, IDLE, FakePolicy, FakeSimulation, roll
from workbench.rollout.hand_moments import hand_moments
from workbench.rollout.loop import INVALID_ACTION, Outcome

# -- what is kept


@pytest.mark.parametrize("execute", [1, 4])
def test_a_recorded_episode_holds_one_state_more_than_steps_and_they_are_its_own(execute):
    lengths = [5, 9, 3, 7, 6]
    ended, _ = roll(FakeSimulation(2, lengths), FakePolicy(execute), recorded=[1, 4])
    for e in ended:
        if e.index not in (1, 4):
            assert (e.states, e.actions) == ([], []), "states that nobody asked for are kept"
            continue
        assert (len(e.states), len(e.actions)) == (e.steps + 1, e.steps)
        assert [int(s["age"]) for s in e.states] == list(range(e.steps + 1))
        assert {int(s["index"]) for s in e.states} == {e.index}
        start = int(e.states[0]["clock"])
        for k, action in enumerate(e.actions):
            assert action.tolist() == [(start + k) // execute, (start + k) % execute, e.row]


def test_every_episode_keeps_one_position_more_than_steps():
    lengths = [5, 9, 3, 7, 6]
    ended, _ = roll(FakeSimulation(2, lengths), FakePolicy(4))
    for e in ended:
        assert [p.tolist() for p in e.positions] == [[e.index, k, e.row] for k in range(e.steps + 1)]


def test_steps_in_which_the_robots_limits_changed_the_command_are_counted_by_episode():
    ended, _ = roll(FakeSimulation(3, [1, 2, 3, 8, 5]))
    assert {e.index: e.limited for e in ended} == {0: 0, 1: 1, 2: 2, 3: 2, 4: 2}


def test_final_states_are_kept_where_asked_for():
    ended, _ = roll(FakeSimulation(2, [5, 9, 3]), keep_final=[0, 2])
    finals = {e.index: e.final_state for e in ended}
    assert finals[1] is None
    assert {i: int(finals[i]["age"]) for i in (0, 2)} == {0: 5, 2: 3}


def test_claims_are_kept_with_the_step_they_were_made_at_and_the_truth_of_that_moment():
    ended, _ = roll(FakeSimulation(2, [5, 9, 7]), FakePolicy(3), recorded=[2])
    for e in ended:
        steps = [0, 3, 6] if e.index == 2 else [0]
        assert [step for step, _ in e.decisions] == steps, "all claims of recorded episodes, else the first"
        assert [step for step, _ in e.truths] == steps
        begun = e.decisions[0][1].points[0].uv[0]
        for (step, claim), (_, truth) in zip(e.decisions, e.truths, strict=True):
            assert claim.points[0].uv == truth.points[0].uv == (begun + step, e.row)


def test_where_the_hand_closes_and_opens_is_kept_in_pixels_of_the_claim():
    sim = FakeSimulation(2, [9, 4, 2])
    ended, _ = roll(sim)
    acted = {e.index: (e.row, e.acted) for e in ended}
    row, whole = acted[0]
    assert whole == {"grasp": (4.0, 2.0 * row), "place": (10.0, 2.0 * row)}
    assert acted[1][1].keys() == {"grasp"}  # it ended with the hand closed
    assert acted[2][1] == {}  # it never closed
    assert all(not e.acted for e in roll(sim.__class__(2, [9]), FakePolicy(camera="wrist"))[0])


@given(st.lists(st.booleans(), max_size=20))
def test_the_hand_acts_where_it_first_closes_and_last_opens(closing):
    moments = hand_moments(closing)
    word = "".join("c" if closes else "o" for closes in closing)
    assert moments.get("grasp", -1) == word.find("c")
    assert moments.get("place", -1) == (word.rfind("co") + 1 or -1)


def test_a_policy_that_claims_nothing_and_an_image_without_truth_are_no_error():
    for camera, claims in ((None, 0), ("wrist", 1)):
        ended, _ = roll(FakeSimulation(1, [4]), FakePolicy(camera=camera))
        assert (len(ended[0].decisions), len(ended[0].truths)) == (claims, 0)


def test_the_tally_counts_work_and_not_idling():
    sim, policy = FakeSimulation(4, [6, 2]), FakePolicy(2)
    _, tally = roll(sim, policy)
    assert (tally.episodes, tally.env_steps) == (2, 8)
    assert tally.decisions == 3 + 1, "decisions for rows that idle are no work"
    assert tally.frames == 0


# -- what is not finite


class BrokenPolicy(FakePolicy):
    """Episode ``i`` gets ``value`` in one number of its action at its own step ``breaks[i]``."""

    def __init__(self, breaks, value, **settings):
        super().__init__(**settings)
        self.breaks, self.value = breaks, value

    def act(self, observation):
        decision = super().act(observation)
        for row, index in enumerate(observation.index):
            step = self.breaks.get(int(index), -1) - observation.age[row]
            if 0 <= step < self.chunk:
                decision.actions[row, step, 1] = self.value
        return decision


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("execute", [1, 3, 8])
def test_an_action_that_is_not_finite_loses_its_episode_and_no_other(value, execute):
    lengths, breaks = [9, 7, 8, 5, 6, 4], {1: 0, 2: 5}
    sim = FakeSimulation(3, lengths)
    ended, tally = roll(sim, BrokenPolicy(breaks, value, execute_steps=execute), recorded=range(6))
    found = {e.index: (e.steps, e.outcome) for e in ended}
    lost = Outcome(False, INVALID_ACTION)
    whole = {i: (length, Outcome(True, None)) for i, length in enumerate(lengths)}
    assert found == whole | {1: (1, lost), 2: (6, lost)}
    assert tally.episodes == 6
    for actions in sim.actions:
        assert actions.isfinite().all(), "the simulator was given what is not finite"
    for e in ended:
        assert len(e.actions) == e.steps == len(e.states) - 1
    idled = next(e for e in ended if e.index == 2)
    assert idled.actions[5].tolist() == [IDLE] * CHANNELS


def test_what_would_not_be_executed_loses_nothing():
    policy = BrokenPolicy({0: 2}, float("nan"), execute_steps=2, chunk=4)
    sim = FakeSimulation(1, [2])
    ended, _ = roll(sim, policy)
    assert ended[0].outcome == Outcome(True, None)


def test_a_claim_that_is_not_finite_is_none():
    class Lost(FakePolicy):
        def act(self, observation):
            decision = super().act(observation)
            decision.grounding[0] = Grounding(
                "front", (10, 10), points=(Point("grasp", (float("nan"), 1.0)),)
            )
            return decision

    ended, _ = roll(FakeSimulation(2, [4, 4]), Lost(), recorded=[0, 1])
    claims = {e.index: [step for step, claim in e.decisions if claim is not None] for e in ended}
    assert claims == {0: [], 1: [0, 1, 2, 3]}


def test_a_recording_says_from_when_a_claim_was_followed_by_none():
    class Now(FakePolicy):
        def act(self, observation):
            decision = super().act(observation)
            if self.decisions % 3 != 1:
                decision.grounding[:] = [None] * len(decision.grounding)
            return decision

    for recorded, expected in (([0], [(0, True), (1, False), (3, True), (4, False)]), ([], [(0, True)])):
        ended, _ = roll(FakeSimulation(1, [6]), Now(), recorded=recorded)
        assert [(step, claim is not None) for step, claim in ended[0].decisions] == expected
