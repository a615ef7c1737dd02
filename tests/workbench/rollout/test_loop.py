"""The rollout against a made-up simulation: every named episode once, at the right time, and without bias."""

import heapq
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.grounding import Grounding, Point
from workbench.rollout.hand_moments import hand_moments
from workbench.rollout.loop import INVALID_ACTION, Outcome, Rollout
from workbench.stats import wilson_interval

IDLE = -7.0
CHANNELS = 3  # of an action: decision number, step within the chunk, row


class FakeSimulation:
    """Episode ``i`` lasts ``lengths[i]`` steps; what happens is written down."""

    idle_action = torch.full((CHANNELS,), IDLE)
    may_begin = True

    def end(self, rows):
        """Nothing to clear."""

    def __init__(self, num_envs, lengths, outcomes=None, max_steps=1000):
        self.num_envs, self.max_steps = num_envs, max_steps
        self.lengths, self.outcomes = lengths, outcomes
        self.index = np.full(num_envs, -1)
        self.age = np.zeros(num_envs, dtype=int)
        self.clock = 0
        self.begun = []
        """(clock, row, index)"""
        self.actions = []
        self.observed = []
        """Clock of each observation."""

    def begin(self, rows, indices):
        assert len(set(rows)) == len(rows) == len(indices)
        for row, index in zip(rows, indices, strict=True):
            self.begun.append((self.clock, row, index))
            self.index[row], self.age[row] = index, 0
        return [1000 + index for index in indices]

    def observe(self, policy):
        self.observed.append(self.clock)
        return SimpleNamespace(
            env_ids=range(self.num_envs),
            images={},
            clock=self.clock,
            index=self.index.copy(),
            age=self.age.copy(),
        )

    def true_grounding(self, row, claim):
        return None if claim.camera == "wrist" else said("front", self.clock, row)

    def seen(self, row, claim, positions):
        return None if claim.camera == "wrist" else 2 * positions[:, 1:]

    def closing(self, actions):
        """The hand is closed from the third to the fifth step of each episode."""
        return (self.age >= 3) & (self.age <= 5)

    def limited(self):
        """The limiter changes the second and the third command of each episode."""
        return (self.age == 2) | (self.age == 3)

    def step(self, actions):
        self.actions.append(actions.clone())
        self.clock += 1
        self.age += 1

    def finished(self):
        return np.array(
            [i >= 0 and age >= self.lengths[i] for i, age in zip(self.index, self.age, strict=True)]
        )

    def outcome(self, row):
        good = self.outcomes is None or bool(self.outcomes[self.index[row]])
        return Outcome(good, None if good else "timeout")

    def tool_positions(self):
        return np.stack((self.index, self.age, np.arange(self.num_envs)), 1).astype(float)

    def snapshot(self):
        return {"index": self.index, "age": self.age, "clock": np.full(self.num_envs, self.clock)}


def said(camera, clock, row):
    return Grounding(camera, (10, 10), points=(Point("grasp", (clock, row)),))


class FakePolicy:
    """Writes into its actions which decision they belong to, and claims when and for which row."""

    cameras, privileged, name = (), False, "fake"

    def __init__(self, execute_steps=1, chunk=None, camera="front"):
        self.execute_steps, self.chunk, self.camera = execute_steps, chunk or execute_steps, camera
        self.resets = []
        self.decisions = 0

    def reset(self, env_ids, seeds):
        self.resets += zip(env_ids, seeds, strict=True)

    def act(self, observation):
        n = len(observation.env_ids)
        actions = torch.zeros(n, self.chunk, CHANNELS)
        actions[..., 0] = self.decisions
        actions[..., 1] = torch.arange(self.chunk)
        actions[..., 2] = torch.arange(n)[:, None]
        self.decisions += 1
        claims = [said(self.camera, observation.clock, row) if self.camera else None for row in range(n)]
        return SimpleNamespace(actions=actions, grounding=claims)


def roll(sim, policy=None, indices=None, done=None, **keep):
    """Run to the end; the episodes in the order in which they were handed over, and the tally."""
    ended = []

    def collect(episode):
        ended.append(episode)
        return done(episode) if done else None

    indices = range(len(sim.lengths)) if indices is None else indices
    return ended, Rollout(sim, policy or FakePolicy(), indices, collect, **keep).run()


lengths_of_episodes = st.lists(st.integers(1, 12), min_size=1, max_size=40)


# -- the quota


@pytest.mark.parametrize("n", [1, 3, 16])
@given(lengths=lengths_of_episodes, execute=st.integers(1, 5))
@settings(max_examples=40)
def test_every_episode_of_the_quota_runs_exactly_once(n, lengths, execute):
    sim = FakeSimulation(n, lengths)
    ended, tally = roll(sim, FakePolicy(execute))
    assert sorted(e.index for e in ended) == list(range(len(lengths)))
    assert sorted(index for _, _, index in sim.begun) == list(range(len(lengths)))
    assert [e.steps for e in sorted(ended, key=lambda e: e.index)] == lengths
    assert (tally.episodes, tally.env_steps) == (len(lengths), sum(lengths))


@given(st.integers(1, 8), lengths_of_episodes, st.data())
@settings(max_examples=60)
def test_where_an_episode_runs_depends_on_its_index_only(n, lengths, data):
    """So a resumed run, which lacks the episodes that are done, repeats what an uninterrupted one does."""
    missing = data.draw(st.sets(st.integers(0, len(lengths) - 1)))
    sim = FakeSimulation(n, lengths)
    ended, _ = roll(sim, indices=missing)
    assert {e.index for e in ended} == missing
    for _, row, index in sim.begun:
        assert row == index % n
    for row in range(n):
        own = [index for _, r, index in sim.begun if r == row]
        assert own == sorted(own), "a row must run its episodes in order"


def test_an_index_given_twice_runs_once():
    ended, _ = roll(FakeSimulation(2, [3, 3, 3]), indices=[2, 0, 2, 1, 0])
    assert sorted(e.index for e in ended) == [0, 1, 2]


def test_an_empty_quota_does_nothing():
    sim = FakeSimulation(4, [])
    ended, tally = roll(sim)
    assert ended == []
    assert (sim.clock, sim.observed, tally.decisions) == (0, [], 0)


def test_an_episode_without_end_ends_with_its_time():
    sim = FakeSimulation(2, [10**9, 4], outcomes=[False, True], max_steps=30)
    ended, _ = roll(sim)
    assert {e.index: (e.steps, e.outcome.success) for e in ended} == {0: (30, False), 1: (4, True)}


def test_an_episode_that_is_decided_in_its_last_step_counts_as_decided():
    ended, _ = roll(FakeSimulation(1, [30], outcomes=[True], max_steps=30))
    assert (ended[0].steps, ended[0].outcome.success) == (30, True)


# -- time


@given(st.integers(1, 6), lengths_of_episodes, st.integers(1, 5), st.integers(1, 7))
@settings(max_examples=60)
def test_episodes_begin_when_the_policy_decides_and_at_no_other_time(n, lengths, execute, chunk):
    sim = FakeSimulation(n, lengths)
    roll(sim, FakePolicy(execute, chunk))
    every = min(execute, chunk)
    assert {clock % every for clock, _, _ in sim.begun} == {0}
    assert sim.observed == [k * every for k in range(len(sim.observed))], "decisions are not evenly spaced"
    assert {clock for clock, _, _ in sim.begun} <= set(sim.observed)


@given(st.integers(1, 6), lengths_of_episodes, st.integers(1, 5), st.integers(1, 7))
@settings(max_examples=60)
def test_rows_with_an_episode_do_what_the_policy_said_and_the_others_idle(n, lengths, execute, chunk):
    sim = FakeSimulation(n, lengths)
    roll(sim, FakePolicy(execute, chunk))
    every = min(execute, chunk)
    running = {(clock + k, row) for clock, row, index in sim.begun for k in range(lengths[index])}
    for clock, actions in enumerate(sim.actions):
        for row in range(n):
            expected = [clock // every, clock % every, row] if (clock, row) in running else [IDLE] * CHANNELS
            assert actions[row].tolist() == expected, f"row {row} at step {clock}"


def test_a_row_waits_for_the_next_decision_after_its_episode():
    sim = FakeSimulation(1, [3, 3])
    roll(sim, FakePolicy(execute_steps=8))
    assert [clock for clock, _, _ in sim.begun] == [0, 8]


def test_nothing_is_simulated_once_everything_has_ended():
    sim = FakeSimulation(2, [3, 4])
    roll(sim, FakePolicy(execute_steps=1))
    assert sim.clock == 4


def test_the_policy_begins_anew_with_the_seed_of_each_episode():
    sim, policy = FakeSimulation(3, [2] * 7), FakePolicy()
    roll(sim, policy)
    assert policy.resets == [(row, 1000 + index) for _, row, index in sim.begun]


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


# -- an early end


def test_a_caller_that_has_seen_enough_ends_the_rollout():
    sim = FakeSimulation(4, [5] * 40)
    ended, tally = roll(sim, done=lambda episode: episode.index == 5)
    assert {e.index for e in ended} == set(range(8)), "what ended in the same step is handed over too"
    assert tally.episodes == 8
    assert sim.clock == 11, "five steps, one to clear, five steps"


def test_a_caller_that_returns_anything_false_goes_on():
    for nothing in (None, False, 0):
        ended, _ = roll(FakeSimulation(3, [2] * 9), done=lambda episode, nothing=nothing: nothing)
        assert len(ended) == 9


# -- bias: successes that end early must not be counted more often

QUOTA, REPEATS = 52, 200  # Wilson covers 0.5 in 96.4 % of samples of 52: exact binomial sum
SUCCESS_STEPS, FAILURE_STEPS = 5, 50


@pytest.fixture(scope="module")
def luck():
    """Whether episode ``i`` of repeat ``r`` succeeds: fair coins ``[R, many]``."""
    return np.random.default_rng(0).random((REPEATS, 40 * QUOTA)) < 0.5


def measured(n, outcomes):
    """Success rate of a quota by the rollout; steps are in units of 5 to save time: 1 and 10."""
    scale = SUCCESS_STEPS
    lengths = np.where(outcomes[:QUOTA], SUCCESS_STEPS // scale, FAILURE_STEPS // scale)
    ended, _ = roll(FakeSimulation(n, lengths, outcomes))
    return np.mean([e.outcome.success for e in ended])


def first_to_finish(n, outcomes):
    """What many benchmarks do: refill environments as they finish, and count the first episodes that end."""
    waiting = iter(enumerate(outcomes))
    running = []

    def begin(now, row):
        index, good = next(waiting)
        heapq.heappush(running, (now + (SUCCESS_STEPS if good else FAILURE_STEPS), row, index))

    for row in range(n):
        begin(0, row)
    counted = []
    while len(counted) < QUOTA:
        now, row, index = heapq.heappop(running)
        counted.append(outcomes[index])
        begin(now, row)
    return np.mean(counted)


def covered(rates):
    intervals = [wilson_interval(round(rate * QUOTA), QUOTA) for rate in rates]
    return np.mean([low <= 0.5 <= high for low, high in intervals])


@pytest.mark.parametrize("n", [1, 5, 25, 50])
def test_a_rate_of_one_half_is_measured_as_one_half_with_any_number_of_environments(luck, n):
    rates = np.array([measured(n, outcomes) for outcomes in luck])
    error = 0.5 / np.sqrt(QUOTA * REPEATS)
    assert abs(rates.mean() - 0.5) < 3 * error, f"{rates.mean():.4f} with {n} environments"
    assert covered(rates) >= 0.93, f"the interval covers the truth in {covered(rates):.1%} of runs"
    np.testing.assert_array_equal(rates, luck[:, :QUOTA].mean(1))


@pytest.mark.parametrize(("n", "least"), [(5, 0.53), (25, 0.6), (50, 0.7)])
def test_counting_the_first_to_finish_would_be_biased(luck, n, least):
    """The test above can fail: this is how it would look."""
    rates = np.array([first_to_finish(n, outcomes) for outcomes in luck])
    assert rates.mean() > least, f"{rates.mean():.3f} with {n} environments"
    if n >= 25:
        assert covered(rates) < 0.8, "the interval would still cover the truth"
