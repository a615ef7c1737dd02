"""Two policies on the same episodes, with a look after every pair: error, agreement of test and interval, power."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.stats import mcnemar_exact
from workbench.stats.sequential_paired import PairedSequentialTest, anytime_paired_interval, paired_anytime_p

COUNTS = st.tuples(st.integers(0, 40), st.integers(0, 40))


def probability_of_ever(rejects, share, pairs):
    """Probability that ``rejects(b, c)`` ever holds within so many discordant pairs, by exact recursion."""
    alive, stopped = np.array([1.0]), 0.0
    for n in range(1, pairs + 1):
        alive = np.append(alive * (1 - share), 0) + np.append(0, alive * share)
        hit = np.array([rejects(b, n - b) for b in range(n + 1)])
        stopped += alive[hit].sum()
        alive[hit] = 0.0
    return stopped


def test_type_one_error_is_at_most_alpha_with_a_look_after_every_pair():
    assert 0.005 < probability_of_ever(lambda b, c: paired_anytime_p(b, c) < 0.05, 0.5, 100) <= 0.05


def test_looking_at_mcnemars_test_after_every_pair_errs_far_more_often():
    """The reason for this module; also shows that the measurement above can fail."""
    assert probability_of_ever(lambda b, c: mcnemar_exact(b, c) < 0.05, 0.5, 100) > 0.12


@given(COUNTS)
def test_the_stakes_are_a_fair_game_where_policies_are_equal(counts):
    """What is expected after one more discordant pair is what there is now, as Ville's inequality needs."""
    from workbench.stats.sequential_paired import _log_stake

    b, c = counts
    now, win, lose = (math.exp(_log_stake(x, y, x + y, 0.0)) for x, y in ((b, c), (b + 1, c), (b, c + 1)))
    assert (win + lose) / 2 == pytest.approx(now, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.integers(0, 200), st.sampled_from([0.9, 0.95]))
def test_the_interval_excludes_no_difference_exactly_where_the_test_rejects(counts, concordant, confidence):
    b, c = counts
    low, high = anytime_paired_interval(b, c, b + c + concordant, confidence)
    assert (low > 0 or high < 0) == (paired_anytime_p(b, c) < 1 - confidence)
    n = b + c + concordant
    assert -1 <= low <= (b - c) / max(n, 1) <= high <= 1
    assert anytime_paired_interval(c, b, n, confidence) == pytest.approx((-high, -low))


def test_the_interval_covers_at_all_times_at_once():
    rng = np.random.default_rng(4)
    cells, missed = (0.35, 0.15, 0.5), 0
    for _ in range(60):
        b, c, _ = np.cumsum(rng.multinomial(1, cells, size=60), axis=0).T
        intervals = [
            anytime_paired_interval(int(i), int(j), n) for n, (i, j) in enumerate(zip(b, c, strict=True), 1)
        ]
        missed += any(not low <= 0.2 <= high for low, high in intervals)
    assert missed <= 7, f"{missed} of 60 at 5 %"


def test_a_better_policy_is_found_and_the_rest_is_not_counted():
    test = PairedSequentialTest(0.05, 200)
    assert test.update([(True, False)] * 200) == "first better"
    n = test.n
    assert n < 12
    assert test.update([(False, True)] * 50) == "first better"
    assert test.n == n
    assert PairedSequentialTest(0.05, 50).update([(False, True)] * 50) == "second better"


def test_an_undecided_test_refuses_more_than_was_planned():
    test = PairedSequentialTest(0.05, 4)
    assert test.update([(True, True)] * 4) is None
    with pytest.raises(ValueError, match="at most 4 episodes"):
        test.update([(True, True)])


@pytest.mark.parametrize("bad", [(0, 10), (5, 10), (0.05, 0)])
def test_impossible_plans_are_refused(bad):
    with pytest.raises(ValueError, match=r"between 0 and 1|at least 1"):
        PairedSequentialTest(*bad)
