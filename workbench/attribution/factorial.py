"""What a run in which all factors vary at once says about which of them break the policy, alone and in pairs.

Two stages, each with its own error rate ``1 - confidence``: which factors success depends on (`screening`, and
`related` for facts that follow from the same draws), and which pairs break the policy together (`interactions`), among
those with a member found in the first stage; so a policy without any weakness gets a false finding of either kind in at
most a share ``1 - confidence`` of runs. Regions and their rates (`regions`) and each factor's share of success
(`importance`) describe what was found.

Why tests and not a fitted forest or a regression on everything: with 40 to 80 factors of which few matter, and a few
hundred episodes of which few fail, a model of everything has more coefficients than failures, and its importances
have no error rate. Independent draws make each factor's own test exact instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.attribution.columns import LEAST, Column, columns_of
from workbench.attribution.importance import shares
from workbench.attribution.interactions import PairTest, find_pairs
from workbench.attribution.options_shown import options_shown
from workbench.attribution.patterns import acting
from workbench.attribution.regions import Cut, cross_fitted, region_rate, with_intervals, worst_region
from workbench.attribution.related import told_apart
from workbench.attribution.screening import FactorTest, screen
from workbench.stats import CONFIDENCE, Interval


def analyse_factorial(
    factors: Sequence[Mapping[str, Any]],
    success: Sequence[bool],
    *,
    nominal: Mapping[str, Any] | None = None,
    units: Mapping[str, str] | None = None,
    kinds: Mapping[str, str] | None = None,
    given: Mapping[str, Sequence[str]] | None = None,
    about: Mapping[str, Sequence[str]] | None = None,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> dict[str, Any]:
    """The analysis as plain JSON types.

    Args:
        factors: values drawn in each episode, by factor.
        success: whether it succeeded.
        nominal: nominal values by factor, where there are any.
        units: units by factor.
        kinds: what a factor's numbers are, where they are no quantities; see `columns_of`.
        given: for a factor whose draw depends on others, a word an episode that says what those were.
        about: the factors that a fact follows from; see `told_apart`.
        confidence: of every interval; its complement is the error rate of each stage.
        seed: of the permutations and splits.
    """
    y = np.asarray(success, bool)
    columns, skipped = columns_of(factors, nominal or {}, kinds, given)
    failures, notes = int((~y).sum()), []
    tests: list[FactorTest] = []
    if min(failures, len(y) - failures) < LEAST:
        kind = "failed" if failures < LEAST else "succeeded"
        notes.append(
            f"Too few episodes {kind} ({min(failures, len(y) - failures)}, and {LEAST} are needed) to say on "
            "what success depends."
        )
    else:
        tests = sorted(screen(columns, y, seed=seed), key=_evidence)
    alpha = 1 - confidence
    tests = sorted(told_apart(tests, columns, y, about or {}, alpha=alpha, seed=seed), key=_evidence)
    importance = shares([t.column for t in tests], y, confidence=confidence) if tests else []
    entries = [
        _factor(test, share, interval, y, units or {}, confidence, seed, len(tests))
        for test, (share, interval) in zip(tests, importance, strict=True)
    ]
    for entry in entries:
        entry["gone_with"] = [t.factor for t in tests if t.goes_with == entry["factor"]]
    pairs = find_pairs(tests, y, alpha=alpha, seed=seed)
    return {
        "mode": "factorial",
        "recorded": len(y),
        "successes": int(y.sum()),
        "confidence": confidence,
        "breaking": [t.factor for t in tests if t.p_adjusted < alpha],
        "factors": entries,
        "pairs": [_pair(p, y, units or {}, confidence, seed) for p in pairs if p.p_adjusted < alpha],
        "pairs_tested": len(pairs),
        "skipped": skipped,
        "notes": notes,
    }


def _evidence(test: FactorTest) -> tuple[float, float]:
    """Sorts strongest evidence first."""
    return test.p_value, -abs(test.correlation)


def _factor(
    test: FactorTest,
    share: float,
    interval: tuple[float, float],
    success: np.ndarray,
    units: Mapping[str, str],
    confidence: float,
    seed: int,
    factors: int,
) -> dict[str, Any]:
    found = test.p_adjusted < 1 - confidence
    entry: dict[str, Any] = {
        "factor": test.factor,
        "unit": units.get(test.factor, ""),
        "column": test.column.label,
        "kind": test.column.kind,
        "pattern": test.pattern,
        "rises": test.correlation > 0,
        "p_value": test.p_value,
        "p_adjusted": test.p_adjusted,
        "found": found,
        "importance": share,
        "importance_interval": list(interval),
        "region": None,
        "region_reason": f"what is seen of it goes with {test.goes_with}"
        if test.goes_with
        else "no dependence is shown",
    }
    if found:
        if test.column.words:
            entry["options"] = options_shown(test.column, success, factors=factors, confidence=confidence)
        column = acting(test.column, test.pattern, success)
        region = worst_region([column], success)
        if region is None:
            entry["region_reason"] = f"no region holds {LEAST} episodes"
        else:
            (cut,) = with_intervals(region, success, confidence)
            fitted, chosen = cross_fitted([column], success, seed=seed, name=column.label)[0], cut.mask()
            entry["region"] = {
                "cuts": _cuts([cut], units),
                "inside": _rate(region_rate(success, fitted, chosen, confidence)),
                "outside": _rate(region_rate(success, ~fitted, ~chosen, confidence)),
            }
            del entry["region_reason"]
    return entry


def _pair(
    test: PairTest, success: np.ndarray, units: Mapping[str, str], confidence: float, seed: int
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "factors": [c.factor for c in test.columns],
        "columns": [c.label for c in test.columns],
        "p_value": test.p_value,
        "p_adjusted": test.p_adjusted,
    }
    region = worst_region(test.columns, success)
    assert region is not None, "a pair was found, so it has a region"
    label = " and ".join(entry["columns"])
    cuts = with_intervals(region, success, confidence)
    fitted = _cells(*cross_fitted(test.columns, success, seed=seed, name=label))
    chosen = _cells(*(cut.mask() for cut in cuts))
    entry["cuts"] = _cuts(cuts, units)
    entry["cells"] = {
        name: _rate(region_rate(success, fitted[name], chosen[name], confidence)) for name in fitted
    }
    entry["elsewhere"] = _rate(region_rate(success, ~fitted["both"], ~chosen["both"], confidence))
    return entry


def _cells(first: np.ndarray, second: np.ndarray) -> dict[str, np.ndarray]:
    """Masks of the four cells of two cuts ``[N]``."""
    return {
        "both": first & second,
        "only_first": first & ~second,
        "only_second": ~first & second,
        "neither": ~(first | second),
    }


def _cuts(region: Sequence[Cut], units: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "column": cut.column.label,
            "factor": cut.column.factor,
            "unit": units.get(cut.column.factor, ""),
            "op": cut.op,
            "threshold": cut.threshold,
            "interval": None if cut.interval is None else list(cut.interval),
        }
        for cut in region
    ]


def _rate(counted: tuple[int, int, Interval | None]) -> dict[str, Any]:
    k, n, interval = counted
    if interval is None:
        return {
            "successes": 0,
            "episodes": 0,
            "rate": None,
            "rate_reason": "no episode is in it",
            "interval": None,
        }
    return {"successes": k, "episodes": n, "rate": k / n, "interval": list(interval)}


__all__ = ["Column", "analyse_factorial"]
