"""Scorecards: intervals, tests, noise floor, and what is refused."""

import numpy as np
import pytest

from workbench.gap.scorecard import Cell, GapError, score


def cells(real, sim, trials=(20, 100)):
    return [
        Cell(f"p{i}", "task", (round(r * trials[0]), trials[0]), (round(s * trials[1]), trials[1]))
        for i, (r, s) in enumerate(zip(real, sim, strict=True))
    ]


SPREAD = np.linspace(0.1, 0.85, 6)


def test_a_good_simulator_beats_chance_and_is_as_good_as_a_perfect_one():
    told = score(cells(SPREAD, SPREAD), draws=500).scores
    assert told["mmrv"].value < 0.05
    assert told["mmrv"].p_chance < 0.02
    assert told["mmrv"].p_perfect > 0.1
    assert told["pearson"].interval[0] > 0
    assert told["bias"].interval[0] < 0 < told["bias"].interval[1]


def test_a_reversed_order_is_worse_than_a_perfect_simulator_would_ever_be():
    told = score(cells(SPREAD, SPREAD[::-1]), draws=500).scores
    assert told["mmrv"].p_chance > 0.9
    assert told["mmrv"].p_perfect < 0.01
    assert told["pearson"].value == pytest.approx(-1, abs=0.02)


def test_a_simulator_that_is_too_kind_has_a_bias_beyond_chance():
    told = score(cells(SPREAD, np.minimum(1, SPREAD + 0.25), (50, 200)), draws=500).scores["bias"]
    assert told.interval[0] > 0.1
    assert told.p_perfect < 0.01


def test_policies_that_bunch_leave_a_high_noise_floor():
    bunched = score(cells(np.linspace(0.45, 0.58, 6), np.linspace(0.45, 0.58, 6)), draws=500).scores["mmrv"]
    spread = score(cells(SPREAD, SPREAD), draws=500).scores["mmrv"]
    assert bunched.floor > 2 * spread.floor


def test_correlations_without_variance_are_undefined_and_the_rest_is_told():
    told = score(cells([0.5] * 4, [0.2, 0.4, 0.6, 0.8]), draws=100)
    assert told.scores["pearson"].value is None
    assert told.undefined == "all real rates are 0.50"
    assert told.scores["bias"].value == pytest.approx(0)


def test_order_is_permuted_within_tasks():
    """Two tasks of which one is hard on both sides: that alone is no agreement about policies."""
    easy = [Cell(f"p{i}", "easy", (18, 20), (90, 100)) for i in range(3)]
    hard = [Cell(f"p{i}", "hard", (2, 20), (10, 100)) for i in range(3)]
    assert score([*easy, *hard], draws=200).scores["pearson"].p_chance == 1.0


def test_the_same_cells_and_seed_give_the_same_scorecard():
    assert score(cells(SPREAD, SPREAD), seed=3, draws=50) == score(cells(SPREAD, SPREAD), seed=3, draws=50)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (cells([0.5, 0.6], [0.5, 0.6]), "2 policies on tasks have no order"),
        (cells([0.5] * 3, [0.5] * 3, (4, 100)), "4 real trials: with fewer than 5"),
        ([*cells(SPREAD, SPREAD), cells(SPREAD, SPREAD)[0]], "p0 on task task is given twice"),
        ([*cells(SPREAD, SPREAD), Cell("q", "task", (9, 8), (1, 2))], "9 of 8 real trials is no rate"),
    ],
)
def test_what_is_too_thin_is_refused(given, says):
    with pytest.raises(GapError, match=says):
        score(given)
