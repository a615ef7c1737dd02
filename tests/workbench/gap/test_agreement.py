"""Measures of agreement against worked numbers and other implementations."""

import numpy as np
import pytest
import scipy

from workbench.gap.agreement import MEASURES, measures, mmrv, why_undefined

SPREAD = np.linspace(0.1, 0.85, 6)


def test_a_perfect_order_violates_no_rank_and_the_reversed_one_all():
    assert mmrv(real=[0.1, 0.5, 0.9], sim=[0.2, 0.4, 0.8]) == 0
    # Each is farthest from an end: .8, .4, .8.
    assert mmrv(real=[0.1, 0.5, 0.9], sim=[0.8, 0.4, 0.2]) == pytest.approx((0.8 + 0.4 + 0.8) / 3)


def test_one_swapped_pair_costs_what_it_differs_by_in_reality():
    assert mmrv(real=[0.1, 0.5, 0.7], sim=[0.1, 0.6, 0.5]) == pytest.approx((0 + 0.2 + 0.2) / 3)


def test_ties_in_simulation_count_with_the_strict_rule_alone_and_from_one_side():
    real, sim = [0.2, 0.6], [0.5, 0.5]
    assert mmrv(real=real, sim=sim) == 0
    # S_1 < S_2 is false and R_1 < R_2 true: violated; of (2, 1) both are false.
    assert mmrv(real=real, sim=sim, strict=True) == pytest.approx(0.4 / 2)


def test_chance_violates_ranks_as_the_reference_says():
    """Six spread policies in random order: mean .44, fifth percentile .175 (to the step of what is possible)."""
    rng = np.random.default_rng(0)
    found = mmrv(real=np.tile(SPREAD, (20_000, 1)), sim=rng.permuted(np.tile(SPREAD, (20_000, 1)), axis=1))
    assert found.mean() == pytest.approx(0.44, abs=0.01)
    assert np.quantile(found, 0.05) == pytest.approx(0.175, abs=0.03)


@pytest.mark.parametrize(("rates", "rank", "r"), [((0.1, 0.85), 0.020, 0.94), ((0.45, 0.58), 0.14, 0.27)])
def test_a_perfect_simulator_scores_what_the_reference_says(rates, rank, r):
    """20 real and 100 simulated trials of six policies at one rate on both sides."""
    rng, true = np.random.default_rng(1), np.linspace(*rates, 6)
    draws = {side: rng.binomial(n, true, (20_000, 6)) / n for side, n in (("real", 20), ("sim", 100))}
    told = measures(**draws)
    assert told["mmrv"].mean() == pytest.approx(rank, abs=0.015)
    assert np.nanmean(told["pearson"]) == pytest.approx(r, abs=0.03)


def test_correlations_equal_those_of_scipy():
    rng = np.random.default_rng(2)
    for _ in range(50):
        real, sim = rng.integers(0, 8, (2, 6)) / 7  # with ties
        if why_undefined(real=real, sim=sim):
            continue
        told = measures(real=real, sim=sim)
        assert told["pearson"] == pytest.approx(scipy.stats.pearsonr(real, sim).statistic)
        assert told["spearman"] == pytest.approx(scipy.stats.spearmanr(real, sim).statistic)
        assert told["kendall"] == pytest.approx(scipy.stats.kendalltau(real, sim).statistic)


def test_what_is_undefined_is_nan_and_says_why():
    told = measures(real=[0.5] * 5, sim=SPREAD[:5])
    assert all(np.isnan(told[name]) for name in ("pearson", "spearman", "kendall"))
    assert why_undefined(real=[0.5] * 5, sim=SPREAD[:5]) == "all real rates are 0.50"
    assert "fewer than 4" in why_undefined(real=SPREAD[:3], sim=SPREAD[:3])
    assert np.isnan(measures(real=SPREAD[:3], sim=SPREAD[:3])["pearson"])


def test_equal_rates_are_perfect():
    told = measures(real=SPREAD, sim=SPREAD)
    assert {m.name: float(told[m.name]) for m in MEASURES} == pytest.approx(
        {m.name: m.perfect for m in MEASURES}
    )


@pytest.mark.parametrize(("real", "sim"), [([0.1], [0.1, 0.2]), ([], []), ([1.2], [0.3]), ([np.nan], [0.3])])
def test_what_is_no_pair_of_rates_is_refused(real, sim):
    with pytest.raises(ValueError, match=r"no pairs|from 0 to 1"):
        measures(real=real, sim=sim)
