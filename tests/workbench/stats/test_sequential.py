"""The sequential test keeps its error at every look: exactly, by simulation, and where a naive test does not."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from workbench.stats import wilson_interval
from workbench.stats.sequential import SequentialTest, anytime_interval, anytime_quantile_interval


def evidence(p0, k, n):
    test = SequentialTest(p0, 0.05, 10_000)
    test.n, test.successes = n, k
    return test.log_evidence()


def probability_of_ever(stop, p, n_max):
    """Probability that ``stop(k, n)`` ever holds for n = 1..n_max at success rate p, by exact recursion."""
    alive, stopped = np.array([1.0]), 0.0
    for n in range(1, n_max + 1):
        alive = np.append(alive * (1 - p), 0) + np.append(0, alive * p)
        hit = np.array([stop(k, n) for k in range(n + 1)])
        stopped += alive[hit].sum()
        alive[hit] = 0.0
    return stopped


@pytest.mark.parametrize("p0", [0.5, 0.8, 0.95])
def test_type_one_error_is_at_most_alpha_with_a_look_after_every_episode(p0):
    threshold = -math.log(0.05)
    above = probability_of_ever(lambda k, n: evidence(p0, k, n)[0] >= threshold, p0, 150)
    below = probability_of_ever(lambda k, n: evidence(p0, k, n)[1] >= threshold, p0, 150)
    assert 0.005 < above <= 0.05, "the test of 'above' must be valid and not absurdly timid"
    assert 0.005 < below <= 0.05, "the test of 'not above' must be valid and not absurdly timid"


@pytest.mark.parametrize(
    ("p", "wrong"), [(0.8, "accept above"), (0.7, "accept above"), (0.82, "accept below")]
)
def test_type_one_error_by_simulation(p, wrong):
    rng = np.random.default_rng(11)
    errors = 0
    for _ in range(400):
        errors += SequentialTest(0.8, 0.05, 150).update(rng.random(150) < p) == wrong
    assert errors / 400 <= 0.05 + 2.6 * math.sqrt(0.05 * 0.95 / 400)


def test_peeking_at_a_fixed_sample_interval_errs_far_more_often():
    """The reason for this module; also shows that the measurement above can fail."""
    naive = probability_of_ever(lambda k, n: n >= 10 and wilson_interval(k, n, 0.90)[0] > 0.8, 0.8, 100)
    assert naive > 0.10


def test_a_clearly_better_or_worse_policy_is_decided_early():
    rng = np.random.default_rng(5)
    for p, decision in ((0.97, "accept above"), (0.5, "accept below")):
        tests = [SequentialTest(0.8, 0.05, 200) for _ in range(100)]
        decided = [test.update(rng.random(200) < p) == decision for test in tests]
        assert np.mean(decided) > 0.95
        assert np.median([test.n for test in tests]) < 60


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.05, 0.95))
def test_the_stakes_are_fair_games_at_the_threshold(k, failures, p0):
    """What is expected after one more episode is what there is now: the property that Ville's inequality needs."""
    n = k + failures
    now, win, lose = evidence(p0, k, n), evidence(p0, k + 1, n + 1), evidence(p0, k, n + 1)
    for side in (0, 1):
        expected = p0 * math.exp(win[side]) + (1 - p0) * math.exp(lose[side])
        assert expected == pytest.approx(math.exp(now[side]), rel=1e-6, abs=1e-12)


@given(st.lists(st.booleans(), max_size=120), st.integers(0, 120))
def test_the_decision_does_not_depend_on_how_outcomes_are_handed_over(outcomes, cut):
    at_once, in_parts = SequentialTest(0.6, 0.05, 120), SequentialTest(0.6, 0.05, 120)
    at_once.update(outcomes)
    in_parts.update(outcomes[:cut])
    in_parts.update(outcomes[cut:])
    assert (at_once.decision, at_once.n, at_once.successes) == (
        in_parts.decision,
        in_parts.n,
        in_parts.successes,
    )


def test_outcomes_after_the_decision_are_not_counted():
    test = SequentialTest(0.5, 0.05, 50)
    assert test.update([True] * 50) == "accept above"
    n = test.n
    assert n < 15
    assert test.update([False] * 500) == "accept above"
    assert test.n == n


def test_an_undecided_test_refuses_more_than_was_planned():
    test = SequentialTest(0.5, 0.05, 4)
    assert test.update([True, False, True, False]) is None
    with pytest.raises(ValueError, match="at most 4 episodes"):
        test.update([True])


@pytest.mark.parametrize(
    "bad", [(0, 0.05, 10), (1.0, 0.05, 10), (80, 0.05, 10), (0.8, 5, 10), (0.8, 0.05, 0)]
)
def test_impossible_plans_are_refused(bad):
    with pytest.raises(ValueError, match=r"between 0 and 1|at least 1"):
        SequentialTest(*bad)


@pytest.mark.parametrize("p", [0.5, 0.8, 0.97])
def test_the_anytime_interval_covers_at_all_times_at_once(p):
    def misses(k, n):
        low, high = anytime_interval(k, n)
        return not low <= p <= high

    assert 0.005 < probability_of_ever(misses, p, 60) <= 0.05


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_anytime_interval_contains_the_estimate_and_is_wider_than_a_fixed_one(count):
    k, n = count
    low, high = anytime_interval(k, n)
    assert 0 <= low <= k / n <= high <= 1
    fixed = stats.beta.ppf([0.025, 0.975], k + 0.5, n - k + 0.5)
    assert high - low > 0.95 * (fixed[1] - fixed[0])


def test_without_episodes_any_rate_is_possible():
    assert anytime_interval(0, 0) == (0.0, 1.0)


def test_the_anytime_interval_of_a_median_covers_at_all_times_at_once():
    """The number of values below the true median is Binomial(n, 1/2): exact, by recursion over it."""

    def misses(below, n):
        found = anytime_quantile_interval(range(n))  # values 0..n-1: the median lies after the first `below`
        return found is not None and not found[0] <= below - 0.5 <= found[1]

    assert 0.005 < probability_of_ever(misses, 0.5, 50) <= 0.05


def test_an_anytime_median_needs_more_values_than_a_fixed_one():
    assert anytime_quantile_interval(range(6)) is None
    assert anytime_quantile_interval([]) is None
    low, high = anytime_quantile_interval(range(40))
    assert 0 <= low < 19.5 < high <= 39
