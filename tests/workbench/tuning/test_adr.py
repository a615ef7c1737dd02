"""Automatic domain randomisation finds planted limits, says how sure it is, and goes on after a kill."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.workbench.tuning.searches import SET
from workbench.tuning.adr import Adr, Bound, Settings, Trial, log_ratio
from workbench.tuning.result import describe

STEPS = 32


def search(bounds, rule, rng, given=None):
    """Run a search; the wave and outcome of every step, too."""
    adr = Adr(bounds, given or Settings())
    steps = adr.run()
    wave, history = next(steps), []
    while True:
        won = [int((rng.random(b.count) < rule(b.trial)).sum()) for b in wave]
        history.append((wave, won))
        try:
            wave = steps.send(won)
        except StopIteration:
            return adr, history


def limited(limits, high, low, smooth=0.0):
    """Success by how far a bound goes, in shares of the way; a step or a slope at its limit."""

    def rule(trial):
        if trial.bound is None:
            return high
        away = trial.position / STEPS - limits[trial.bound]
        if smooth == 0:
            return high if away <= 0 else low
        return low + (high - low) / (1 + math.exp(away / smooth))

    return rule


# -- recovery

LIMITS = (0.07, 0.3, 0.5, 0.72, 0.97, 2.0, 2.0)


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize(("high", "low"), [(1.0, 0.0), (0.9, 0.1), (0.85, 0.4)])
def test_planted_limits_are_recovered_at_every_level_of_noise(high, low, joint):
    rng = np.random.default_rng(0)
    worst, outside, found = 0.0, 0, 0
    for _ in range(10):
        adr, _ = search(
            [Bound(str(i), STEPS) for i in range(len(LIMITS))],
            limited(LIMITS, high, low),
            rng,
            Settings(joint=joint),
        )
        for held, broke, limit in zip(adr.held, adr.broke, LIMITS, strict=True):
            worst = max(worst, abs(held / STEPS - min(limit, 1.0)))
            outside += not (held / STEPS <= limit and (broke is None) == (limit > 1))
            outside += broke is not None and broke / STEPS < limit
            found += 1
    assert worst <= 0.1, f"a limit is off by {worst:.2f} of its range"
    assert outside / found <= 0.05, f"{outside} of {found} intervals miss the limit"


def test_a_smooth_limit_lies_where_success_is_between_the_two_rates():
    rng = np.random.default_rng(1)
    limits, misses = (0.3, 0.5, 0.7), 0
    for _ in range(15):
        adr, _ = search([Bound(str(i), STEPS) for i in range(3)], limited(limits, 0.95, 0.05, 0.06), rng)
        for held, broke, limit in zip(adr.held, adr.broke, limits, strict=True):
            above = limit + 0.06 * math.log((0.95 - 0.8) / (0.8 - 0.05))  # where success is 0.8
            below = limit + 0.06 * math.log((0.95 - 0.6) / (0.6 - 0.05))  # where it is 0.6
            assert abs(held / STEPS - limit) <= 0.1 + limit - above
            misses += held / STEPS > below or broke / STEPS < above
    assert misses / 45 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 45)


@pytest.mark.parametrize(("rate", "wrong"), [(0.8, False), (0.6, True)])
def test_a_decision_is_wrong_as_rarely_as_it_says(rate, wrong):
    rng = np.random.default_rng(2)
    bound = Bound("x", 1)
    errors = 0
    for _ in range(1000):
        adr, _ = search([bound], lambda trial: 1.0 if trial.bound is None else rate, rng)
        errors += (adr.held[0] == 1) is wrong
    assert errors / 1000 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1000)


@pytest.mark.parametrize(("inside", "positions"), [(0, [STEPS]), (3, [STEPS, 8, 16, 24])])
def test_a_factor_that_does_not_matter_costs_one_decision_and_those_inside(inside, positions):
    adr, _ = search([Bound("x", STEPS)], lambda trial: 1.0, np.random.default_rng(0), Settings(inside=inside))
    tried = [(d.trial.position, d.episodes) for d in adr.decisions if d.trial.bound == 0]
    assert tried == [(position, 32) for position in positions]
    assert adr.confirmed is not None


# -- what is not decided


@pytest.mark.parametrize(
    ("high", "low", "given"),
    [
        (0.9, 0.6, Settings(most=32)),
        (0.8, 0.6, Settings(most=32)),
        (0.8, 0.75, Settings(widen_above=0.8, narrow_below=0.75)),
    ],
)
def test_where_data_run_out_no_bound_is_farther_than_was_shown(high, low, given):
    """Half of the way holds. Taking the likelier rate for an answer goes past it in 40 to 60 % of searches."""
    rng = np.random.default_rng(4)
    past = short = 0
    for _ in range(60):
        adr, _ = search([Bound("x", STEPS)], limited((0.5,), high, low), rng, given)
        past += bool(adr.found) and adr.found[0] > STEPS // 2
        short += adr.broke[0] is not None and adr.broke[0] <= STEPS // 2
    assert past <= 6, f"{past} of 60 bounds lie past the limit; more than 6 are 3 % likely at the stated rate"
    assert short <= 6, f"{short} of 60 are said to fail where they hold"


def test_what_is_not_decided_is_said_and_moves_nothing():
    """At 0.7, between the two rates, 32 episodes hardly ever decide."""
    adr, _ = search(
        [Bound("x", STEPS)],
        lambda trial: 1.0 if trial.bound is None else 0.7,
        np.random.default_rng(2),
        Settings(most=16),
    )
    assert [d.holds for d in adr.decisions if d.trial.bound == 0][:1] == [None]
    assert (adr.held, adr.broke) == ([0], [None])


def test_a_policy_of_which_not_even_the_start_is_decided_is_not_tuned():
    settings = Settings(most=16)
    adr, _ = search([Bound("x", STEPS)], lambda trial: 0.7, np.random.default_rng(2), settings)
    found = describe(SET, [], adr, {}, True)
    assert adr.start.holds is None
    assert "does not decide between 0.8 and 0.6" in found["reason"]


# -- inside the range, and all together


@pytest.mark.parametrize(("first", "last"), [(6, 10), (14, 18), (22, 26)])
def test_a_failure_inside_the_range_is_found(first, last):
    """Success falls and rises again: at the far end all is well."""
    adr, _ = search(
        [Bound("x", STEPS)],
        lambda trial: 0.05 if trial.bound is not None and first <= trial.position <= last else 0.95,
        np.random.default_rng(0),
    )
    assert adr.found == (first - 1,)
    assert adr.broke == [first]


def joint_cost(cost, factors):
    """Each factor takes ``cost`` of success at its far end, in proportion to how far it goes, as if independent."""

    def rule(trial):
        if trial.whole:
            # Draws are uniform over the ranges: each factor takes half of what it would at its bound.
            return math.prod(1 - cost * p / STEPS / 2 for p in trial.others)
        return 1.0 if trial.bound is None else 1 - cost * trial.position / STEPS

    return [Bound(str(i), STEPS) for i in range(factors)], rule


def test_many_small_costs_are_seen_together_and_the_ranges_give_way():
    bounds, rule = joint_cost(0.12, 10)
    good = 0
    for seed in range(20):
        adr, _ = search(bounds, rule, np.random.default_rng(seed))
        assert adr.found == (STEPS,) * 10, "alone each holds to its end"
        final = rule(Trial(None, 0, tuple(adr.held), 1)) if adr.confirmed else 0.6
        assert adr.confirmed is None or adr.confirmed.holds
        good += adr.confirmed is None or final > 0.6
    assert rule(Trial(None, 0, (STEPS,) * 10, 1)) < 0.6
    assert good >= 18, f"{good} of 20 are good or not called so"


def test_what_costs_nothing_stays_wide_where_others_give_way():
    def rule(trial):
        if trial.whole:
            return 0.95 if trial.others[0] <= STEPS // 2 else 0.2
        return 0.85 if trial.bound == 0 else 1.0

    adr, _ = search([Bound(str(i), STEPS) for i in range(3)], rule, np.random.default_rng(0))
    assert adr.held[0] <= STEPS // 2
    assert adr.held[1:] == [STEPS, STEPS]


def test_a_set_that_never_holds_together_is_not_called_good():
    adr, _ = search(
        [Bound(str(i), STEPS) for i in range(3)],
        lambda trial: 0.3 if trial.whole else 0.97,
        np.random.default_rng(0),
    )
    assert adr.confirmed is None
    assert [d.holds for d in adr.decisions if d.trial.whole] == [False] * sum(
        d.trial.whole > 0 for d in adr.decisions
    )
    assert adr.held == list(adr.found)


def test_the_confirmation_runs_on_episodes_that_chose_nothing():
    _, history = search([Bound("x", STEPS)], lambda trial: 1.0, np.random.default_rng(0))
    chose = {b.first + k for wave, _ in history for b in wave if not b.trial.whole for k in range(b.count)}
    confirmed = {b.first + k for wave, _ in history for b in wave if b.trial.whole for k in range(b.count)}
    assert confirmed
    assert not chose & confirmed


def test_a_policy_that_fails_at_nominal_values_is_not_tuned():
    adr, history = search([Bound("x", STEPS)], lambda trial: 0.3, np.random.default_rng(0))
    assert adr.start.holds is False
    assert {b.trial.bound for wave, _ in history for b in wave} == {None}


def test_bounds_that_are_too_much_together_are_narrowed_again():
    """Each alone is harmless; what the others draw adds up, and only among the final ranges it shows."""
    bounds = [Bound(str(i), STEPS) for i in range(4)]

    def rule(trial):
        if trial.bound is None:
            return 1.0
        load = trial.position + sum(p for i, p in enumerate(trial.others) if i != trial.bound)
        return 0.95 if load <= 2 * STEPS else 0.1

    rng = np.random.default_rng(3)
    alone, _ = search(bounds, rule, rng)
    assert alone.held == [STEPS] * 4
    together, _ = search(bounds, rule, rng, Settings(joint=True))
    assert sum(together.held) <= 2 * STEPS
    for i, held in enumerate(together.held):
        others = sum(together.held) - held
        assert held + others <= 2 * STEPS, f"bound {i} was left where the policy does not bear it"


@pytest.mark.parametrize(("won", "n"), [(0, 1), (1, 1), (13, 16), (40, 80)])
def test_the_evidence_is_the_log_of_the_likelihood_ratio(won, n):
    expected = stats.binom.logpmf(won, n, 0.9) - stats.binom.logpmf(won, n, 0.5)
    assert log_ratio(won, n, Settings(widen_above=0.9, narrow_below=0.5)) == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_same_outcomes_give_the_same_search(seed):
    bounds = [Bound(str(i), STEPS) for i in range(3)]
    rule = limited((0.3, 0.6, 2.0), 0.9, 0.2)
    first, history = search(bounds, rule, np.random.default_rng(seed))
    again = Adr(bounds, Settings())
    steps = again.run()
    wave = next(steps)
    for expected, won in history[:-1]:
        assert wave == expected
        wave = steps.send(won)
    with pytest.raises(StopIteration):
        steps.send(history[-1][1])
    assert (again.held, again.broke, again.decisions) == (first.held, first.broke, first.decisions)
