"""The real rate from few real and many simulated trials."""

import numpy as np
import pytest

from tools.gap_statistics import correlated
from workbench.gap.prediction_powered import estimate, trials_to_decide
from workbench.stats import wilson_interval


def test_a_simulator_that_is_always_right_stands_for_real_trials():
    y = [True, False, True, True, False, True, True, True, True, False] * 3
    told = estimate(real=y, paired_sim=y, more_sim=[True] * 700 + [False] * 300)
    assert told.weight > 0.8
    assert told.effective_trials > 100
    assert told.interval[1] - told.interval[0] < 0.6 * (told.alone[1] - told.alone[0])
    assert told.rate == pytest.approx(0.7, abs=0.03)


def test_a_simulator_that_is_always_too_kind_bends_nothing():
    y = [True, False] * 15
    told = estimate(real=y, paired_sim=[True] * 30, more_sim=[True] * 1000)
    assert told.rate == pytest.approx(0.5, abs=0.02)
    assert told.interval == pytest.approx(told.alone, abs=0.03)
    assert told.trials_saved < 3


def test_a_simulator_that_says_the_contrary_is_of_use_too():
    y = [True] * 20 + [False] * 10
    told = estimate(real=y, paired_sim=[not x for x in y], more_sim=[False] * 600 + [True] * 400)
    assert told.weight < -0.8
    assert told.rate == pytest.approx(0.6, abs=0.05)


def test_the_same_numbers_give_the_same_answer():
    args = {"real": [True] * 12, "paired_sim": [True] * 11 + [False], "more_sim": [True] * 90}
    assert estimate(**args) == estimate(**args)


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_it_covers(rho):
    """At 95 %, averaged over rates; tools/gap_statistics.py measures more of it."""
    rng, hits = np.random.default_rng(3), []
    for p in (0.1, 0.3, 0.5, 0.7, 0.9):
        for _ in range(60):
            y, f = correlated(rng, p, p, rho, 20)
            low, high = estimate(real=y, paired_sim=f, more_sim=rng.random(200) < p).interval
            hits.append(low <= p <= high)
    assert np.mean(hits) >= 0.92  # 300 draws: .95 less two and a half standard errors


def test_outcomes_that_are_no_pairs_are_refused():
    with pytest.raises(ValueError, match="3 real outcomes and 2 simulated ones are no pairs"):
        estimate(real=[True] * 3, paired_sim=[True] * 2, more_sim=[])


@pytest.mark.parametrize(("rate", "threshold"), [(0.9, 0.8), (0.6, 0.8), (0.82, 0.8)])
def test_as_many_trials_decide_as_it_says_and_one_less_does_not(rate, threshold):
    needed = trials_to_decide(rate, threshold)
    for n, decides in ((needed, True), (needed - 1, False)):
        low, high = wilson_interval(rate * n, n)
        assert (not low <= threshold <= high) is decides


def test_nothing_decides_whether_a_rate_is_above_itself():
    assert trials_to_decide(0.8, 0.8) is None
