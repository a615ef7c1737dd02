"""Intervals and tests against independent implementations, published values, and their promised coverage."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from workbench.stats import (
    clopper_pearson_interval,
    holm,
    jeffreys_interval,
    keyed_generator,
    mcnemar_exact,
    mean_interval,
    paired_difference_interval,
    quantile_interval,
    stratified_interval,
    wilson_interval,
)

counts = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@given(counts, levels)
def test_proportion_intervals_equal_those_of_statsmodels(count, confidence):
    k, n = count
    for ours, method in ((wilson_interval, "wilson"), (clopper_pearson_interval, "beta")):
        theirs = proportion_confint(k, n, 1 - confidence, method)
        assert ours(k, n, confidence) == pytest.approx(theirs, abs=1e-9), method
    if 0 < k < n:
        theirs = proportion_confint(k, n, 1 - confidence, "jeffreys")
        assert jeffreys_interval(k, n, confidence) == pytest.approx(theirs, abs=1e-9)


def test_intervals_of_no_success_in_twenty():
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert clopper_pearson_interval(0, 20) == pytest.approx((0.0, 0.1684), abs=5e-5)
    assert wilson_interval(20, 20) == pytest.approx((0.8389, 1.0), abs=5e-5)


@pytest.mark.parametrize(
    ("n", "low", "high"),
    [
        (10, 0.24, 0.76),
        (20, 0.3, 0.7),
        (50, 0.37, 0.63),
        (100, 0.4, 0.6),
        (200, 0.43, 0.57),
        (500, 0.46, 0.54),
        (2000, 0.48, 0.52),
    ],
)
def test_wilson_interval_at_one_half(n, low, high):
    assert wilson_interval(n // 2, n) == pytest.approx((low, high), abs=0.005)


@given(counts, levels)
def test_every_interval_holds_its_estimate_and_stays_between_0_and_1(count, confidence):
    k, n = count
    for interval in (wilson_interval, clopper_pearson_interval, jeffreys_interval):
        low, high = interval(k, n, confidence)
        assert 0 <= low <= k / n <= high <= 1, interval.__name__


@pytest.mark.parametrize("rate", [0.02, 0.2, 0.5, 0.93])
def test_clopper_pearson_never_covers_less_than_it_says(rate):
    n = 40
    covered = sum(
        stats.binom.pmf(k, n, rate)
        for k in range(n + 1)
        if clopper_pearson_interval(k, n)[0] <= rate <= clopper_pearson_interval(k, n)[1]
    )
    assert covered >= 0.95


@pytest.mark.parametrize("bad", [(-1, 10), (11, 10), (0, 0)])
def test_impossible_counts_are_refused(bad):
    with pytest.raises(ValueError, match="0 <= k <= n"):
        wilson_interval(*bad)


def test_a_confidence_in_percent_is_refused():
    with pytest.raises(ValueError, match=r"0.95 for 95 %"):
        wilson_interval(5, 10, 95)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_equals_that_of_statsmodels(b, c):
    theirs = 1.0 if b + c == 0 else mcnemar([[5, b], [c, 7]], exact=True).pvalue
    assert mcnemar_exact(b, c) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize(
    ("table", "confidence", "expected"),
    [
        # PropCIs::scoreci.mp(7, 1, 21, 0.95) in R; airway reactivity, Fagerland et al. (2014), Stat. Med. 33.
        ((1, 1, 7, 12), 0.95, (-0.517, -0.026)),
        # PropCIs::scoreci.mp(25, 28, 618, 0.90) in R.
        ((0, 28, 25, 565), 0.90, (-0.0148, 0.0247)),
    ],
)
def test_tango_interval_equals_that_of_propcis(table, confidence, expected):
    places = 0.5 * 10.0 ** -len(str(expected[1]).partition(".")[2])
    assert paired_difference_interval(*table, confidence, "tango") == pytest.approx(expected, abs=places)


def test_newcombe_interval_equals_published_ones():
    # The same table in Fagerland et al. (2014); and Altman et al. (2000), Statistics with Confidence, table 6.2.
    ours = paired_difference_interval(1, 1, 7, 12, method="newcombe")
    assert ours == pytest.approx((-0.507, -0.026), abs=5e-4)
    ours = paired_difference_interval(14, 5, 0, 22, method="newcombe")
    assert ours == pytest.approx((0.011, 0.226), abs=1e-3)


def score_by_brute_force(b, c, n, difference):
    """Tango's statistic with the constrained maximum likelihood found numerically instead of in closed form."""
    low, high = max(0.0, -difference), (1 - difference) / 2

    def negative_log_likelihood(p_c):
        p_b = p_c + difference
        parts = ((b, p_b), (c, p_c), (n - b - c, 1 - p_b - p_c))
        return -sum(k * math.log(max(p, 1e-300)) for k, p in parts if k)

    p_c = optimize.minimize_scalar(
        negative_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    ).x
    return (b - c - n * difference) / math.sqrt(n * (2 * p_c + difference - difference**2))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 40))
def test_tango_bounds_are_where_the_brute_force_score_is_critical(b, c, concordant):
    low, high = paired_difference_interval(concordant, b, c, 0, method="tango")
    n = b + c + concordant
    assert score_by_brute_force(b, c, n, low) == pytest.approx(1.96, abs=1e-3)
    assert score_by_brute_force(b, c, n, high) == pytest.approx(-1.96, abs=1e-3)


tables = st.tuples(*[st.integers(0, 200)] * 4).filter(any)


@settings(deadline=None)
@given(tables, st.sampled_from(["exact", "tango", "newcombe"]), levels)
def test_paired_intervals_hold_the_difference_and_mirror_when_the_runs_swap(table, method, confidence):
    both, only_a, only_b, neither = table
    low, high = paired_difference_interval(both, only_a, only_b, neither, confidence, method)
    assert -1 <= low <= (only_a - only_b) / sum(table) <= high <= 1
    swapped = paired_difference_interval(both, only_b, only_a, neither, confidence, method)
    assert swapped == pytest.approx((-high, -low), abs=1e-8)


@pytest.mark.parametrize("method", ["tango", "newcombe"])
@pytest.mark.parametrize(
    "cells", [(0.5, 0.1, 0.1, 0.3), (0.4, 0.25, 0.05, 0.3), (0.8, 0.08, 0.02, 0.1), (0.1, 0.3, 0.3, 0.3)]
)
def test_paired_intervals_cover_as_they_say(cells, method):
    """Exact coverage over all tables of 30 pairs, rather than a simulation."""
    n, covered = 30, 0.0
    true_difference = cells[1] - cells[2]
    model = stats.multinomial(n, cells)
    for both, only_a, only_b in product(range(n + 1), repeat=3):
        neither = n - both - only_a - only_b
        if neither < 0 or (p := model.pmf((both, only_a, only_b, neither))) < 1e-7:
            continue
        low, high = paired_difference_interval(both, only_a, only_b, neither, method=method)
        covered += p * (low <= true_difference <= high)
    assert 0.93 <= covered <= 0.99, f"{method} covers {covered:.4f} at {cells}"


def test_an_empty_table_and_an_unknown_method_are_refused():
    with pytest.raises(ValueError, match="not all 0"):
        paired_difference_interval(0, 0, 0, 0)
    with pytest.raises(ValueError, match="'exact', 'tango' or 'newcombe'"):
        paired_difference_interval(1, 1, 1, 1, method="wald")


@given(st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=60), st.sampled_from([0.5, 0.3]), levels)
def test_quantile_interval_equals_that_of_scipy(values, quantile, confidence):
    test = stats.quantile_test(values, q=0, p=quantile).confidence_interval(confidence)
    theirs = None if math.isnan(test.low) or math.isnan(test.high) else (test.low, test.high)
    assert quantile_interval(values, quantile, confidence) == theirs


def test_a_median_needs_six_values():
    assert quantile_interval([5, 1, 4, 2, 3]) is None
    assert quantile_interval([5, 1, 4, 2, 3, 6]) == (1, 6)
    assert quantile_interval([]) is None


def test_the_interval_of_a_mean_of_symmetric_values_is_students():
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    expected = stats.t.interval(0.95, 5, loc=3.5, scale=stats.sem(values))
    assert mean_interval(values[::-1]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("draw", "truth", "least"),
    [
        (lambda rng, n: rng.normal(size=n), 0.0, 0.93),
        (lambda rng, n: rng.exponential(size=n), 1.0, 0.91),
        (lambda rng, n: rng.gamma(4, size=n), 4.0, 0.92),
        (lambda rng, n: rng.lognormal(0, 0.75, n), math.exp(0.75**2 / 2), 0.89),
    ],
)
@pytest.mark.parametrize("n", [8, 32])
def test_the_interval_of_a_mean_covers_at_few_values_too(draw, truth, least, n):
    """Nearly as it says: a bootstrap (BCa) covers in .84 of exponential samples of 8 instead."""
    rng = np.random.default_rng(1)
    found = [mean_interval(draw(rng, n).tolist()) for _ in range(700)]
    covered = np.mean([low <= truth <= high for low, high in found])
    assert least <= covered <= 0.98


@given(st.lists(st.floats(0, 1e3), min_size=3, max_size=40), levels)
def test_the_interval_of_a_mean_holds_it_and_stays_in_bounds(values, confidence):
    low, high = mean_interval(values, confidence, (0.0, 1e3))
    assert 0.0 <= low <= math.fsum(values) / len(values) * (1 + 1e-12)
    assert math.fsum(values) / len(values) * (1 - 1e-12) <= high <= 1e3


def test_the_interval_of_a_mean_of_degenerate_data():
    assert mean_interval([1.0, 2.0]) is None
    assert mean_interval([2.0] * 5) == (2.0, 2.0)
    with pytest.raises(ValueError, match="NaN"):
        mean_interval([1.0, float("nan"), 2.0])


def test_keyed_generators_are_independent_of_each_other_and_repeatable():
    assert keyed_generator(1, "a").random() == keyed_generator(1, "a").random()
    draws = {keyed_generator(seed, name).random() for seed in (1, 2) for name in ("a", "b")}
    assert len(draws) == 4


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_equals_that_of_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)


def test_a_stratified_rate_weighs_its_strata():
    rate, (low, high) = stratified_interval([(9, 10), (3, 10)], [1, 1])
    assert rate == pytest.approx(0.6)
    assert low < 0.6 < high
    alone, interval = stratified_interval([(9, 10), (3, 10)], [2, 0])
    assert (alone, interval) == (pytest.approx(0.9), pytest.approx(wilson_interval(9, 10)))
    for strata, weights in (([(1, 2)], []), ([(1, 2)], [-1]), ([(1, 2)], [0]), ([(0, 0)], [1])):
        with pytest.raises(ValueError, match=r"weights|n >= 1"):
            stratified_interval(strata, weights)


def test_a_stratified_interval_covers():
    """Exactly, over all outcomes of two strata of 20 and 30 episodes at rates of 0.9 and 0.4, weighted 1 : 3."""
    first, second = (stats.binom.pmf(np.arange(n + 1), n, p) for n, p in ((20, 0.9), (30, 0.4)))
    covered = 0.0
    for i, j in product(range(21), range(31)):
        low, high = stratified_interval([(i, 20), (j, 30)], [1, 3])[1]
        covered += first[i] * second[j] * (low <= 0.25 * 0.9 + 0.75 * 0.4 <= high)
    assert 0.94 <= covered <= 0.97
