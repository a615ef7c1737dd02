"""The rollout against a made-up simulation: every named episode once, at the right time, and without bias."""

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workbench.rollout.fake_simulation import CHANNELS, IDLE, FakePolicy, FakeSimulation, roll
from workbench.stats import wilson_interval

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

QUOTA, REPEATS = 52, 100  # Wilson covers 0.5 in 96.4 % of samples of 52: exact binomial sum
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


@pytest.mark.parametrize("n", [1, 5, 50])
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


def test_a_policy_is_told_of_environments_that_have_nothing_to_run_before_it_is_asked_about_them():
    """As in a run that is resumed near its end, whose batches are as large as if it had never ended."""

    class Remembering(FakePolicy):
        def act(self, observation):
            known = {row for row, _ in self.resets}
            assert known.issuperset(observation.env_ids), "it was never told of an episode"
            asked.append(list(observation.env_ids))
            return super().act(observation)

    asked = []
    ended, _ = roll(FakeSimulation(3, [4, 4, 4, 5, 4, 5]), Remembering(execute_steps=2), indices=[3, 5])
    assert asked == [[0, 1, 2]] * len(asked)
    assert sorted(episode.index for episode in ended) == [3, 5]


def test_who_watches_is_told_of_every_episode_decision_and_step():
    told = []

    class Watching:
        def began(self, rows, indices):
            told.append(("began", list(rows), list(indices)))

        def decided(self, rows, observation, decision, thought_s):
            told.append(("decided", list(rows)))
            assert len(decision.actions) == len(rows)
            assert thought_s >= 0

        def stepped(self):
            told.append(("stepped",))

        def ended(self, episodes):
            told.append(("ended", [(e.row, e.index, e.outcome.success) for e in episodes]))

    sim = FakeSimulation(2, [2, 4, 2])
    roll(sim, FakePolicy(execute_steps=2), watcher=Watching())
    assert told[:4] == [("began", [0, 1], [0, 1]), ("decided", [0, 1]), ("stepped",), ("stepped",)]
    assert told.count(("stepped",)) == len(sim.actions)
    ended = [(row, index) for kind, *rest in told if kind == "ended" for row, index, _ in rest[0]]
    assert sorted(ended) == [(0, 0), (0, 2), (1, 1)]
