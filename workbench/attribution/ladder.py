"""What a severity ladder showed: how success falls along each factor, where it breaks, and what range it bears.

For every condition: retention S(level) / S(clean) with its interval, and McNemar's exact test against clean on the
same episodes, corrected by Holm over all conditions of the run. A level *breaks* the policy where retention is below
``breaks_below`` and the corrected test tells it from clean. For every ladder with an order: the value at which success
falls to half of clean, from the falling fit, with an interval that claims no more than the tested levels show; and the
area under the retention curve over severity (Hendrycks & Dietterich 2019, Benchmarking neural network robustness,
average over severities likewise). Undefined numbers are null with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.attribution.curve import area_under, bears, breaking_value, shown
from workbench.attribution.plan import Ladder, LadderPlan
from workbench.attribution.retention import PairedCounts
from workbench.statistics import CONFIDENCE, holm, mcnemar_exact, wilson_interval

BREAKS_BELOW = 0.8
"""Retention under which a level counts as breaking: a fifth of what the policy could do is lost."""


def analyse_ladder(
    plan: LadderPlan,
    outcomes: Mapping[int, bool],
    *,
    confidence: float = CONFIDENCE,
    breaks_below: float = BREAKS_BELOW,
) -> dict[str, Any]:
    """The analysis as plain JSON types.

    Args:
        plan: conditions and ladders.
        outcomes: success by run index; episodes that did not run (yet) are simply not there.
        confidence: of every interval; its complement is the error rate of the corrected tests.
        breaks_below: retention under which a level can count as breaking.
    """
    table = np.full((len(plan.conditions), plan.episodes), np.nan)
    for index, success in outcomes.items():
        table[divmod(index, plan.episodes)] = float(success)
    counts = [PairedCounts.of(table[0], row) for row in table]
    tested = [k for k in range(1, len(counts)) if counts[k].pairs]
    p_values = [mcnemar_exact(counts[k].only_clean, counts[k].only_here) for k in tested]
    adjusted = dict(zip(tested, zip(p_values, holm(p_values), strict=True), strict=True))
    levels = {
        k: _level(plan, k, table[k], counts[k], adjusted.get(k), confidence, breaks_below)
        for k in range(1, len(counts))
    }
    clean = table[0][~np.isnan(table[0])]
    ladders = [_ladder(plan, ladder, counts, levels, confidence, breaks_below) for ladder in plan.ladders]
    factors = [
        _factor(name, [(p, d) for p, d in zip(plan.ladders, ladders, strict=True) if p.factor == name])
        for name in dict.fromkeys(ladder.factor for ladder in plan.ladders)
    ]
    factors.sort(key=lambda f: (not f["breaks"], f["area"] if f["area"] is not None else 2.0, f["factor"]))
    return {
        "mode": "ladder",
        "base": plan.base,
        "episodes": plan.episodes,
        "conditions": len(plan.conditions),
        "recorded": len(outcomes),
        "confidence": confidence,
        "breaks_below": breaks_below,
        "clean": _rate(clean, confidence),
        "breaking": [f["factor"] for f in factors if f["breaks"]],
        "factors": factors,
        "skipped": dict(plan.skipped),
        "notes": _notes(plan, outcomes, int(clean.sum()), len(tested), 1 - confidence),
    }


def least_episodes(conditions: int, alpha: float) -> int:
    """Clean successes that must all be lost before one condition among so many can be told from clean."""
    n = 1
    while 2.0 ** (1 - n) * conditions >= alpha:
        n += 1
    return n


def _notes(
    plan: LadderPlan, outcomes: Mapping[int, bool], successes: int, tested: int, alpha: float
) -> list[str]:
    notes = []
    if len(outcomes) < plan.quota:
        notes.append(
            f"{plan.quota - len(outcomes)} of {plan.quota} episodes are missing; this is what the others show."
        )
    least = least_episodes(max(tested, 1), alpha)
    if successes < least:
        notes.append(
            f"With {successes} clean successes and {tested} conditions no level can be told from clean after "
            f"correction, not even one at which every episode fails: that takes {least} successes."
        )
    return notes


def _rate(row: np.ndarray, confidence: float) -> dict[str, Any]:
    n, k = len(row), int(row.sum())
    if n == 0:
        return {
            "successes": 0,
            "episodes": 0,
            "rate": None,
            "rate_reason": "no episode ran",
            "interval": None,
        }
    return {
        "successes": k,
        "episodes": n,
        "rate": k / n,
        "interval": list(wilson_interval(k, n, confidence)),
    }


def _level(
    plan: LadderPlan,
    k: int,
    row: np.ndarray,
    counts: PairedCounts,
    test: tuple[float, float] | None,
    confidence: float,
    breaks_below: float,
) -> dict[str, Any]:
    """One rung: its rate, retention and test."""
    condition = plan.conditions[k]
    ladder = next(ladder for ladder in plan.ladders if k in ladder.rungs)
    retention, interval = counts.retention, counts.interval(confidence)
    clear = test is not None and retention is not None and test[1] < 1 - confidence
    entry: dict[str, Any] = {
        "condition": condition.name,
        "severity": condition.severity,
        "value": shown(ladder, condition.severity) if ladder.axis != "option" else _option(condition.value),
        **_rate(row[~np.isnan(row)], confidence),
        "pairs": counts.pairs,
        "only_clean": counts.only_clean,
        "only_here": counts.only_here,
        "retention": retention,
        "retention_interval": None if interval is None else list(interval),
        "p_value": None if test is None else test[0],
        "p_adjusted": None if test is None else test[1],
        "breaks": bool(clear and retention < breaks_below),  # type: ignore[operator]
        "better": bool(clear and retention > 1),  # type: ignore[operator]
    }
    if retention is None:
        entry["retention_reason"] = (
            "no pair ran" if counts.pairs == 0 else "the clean condition never succeeds"
        )
    return entry


def _option(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value


def _ladder(
    plan: LadderPlan,
    ladder: Ladder,
    counts: list[PairedCounts],
    levels: Mapping[int, dict[str, Any]],
    confidence: float,
    breaks_below: float,
) -> dict[str, Any]:
    rungs = [levels[k] for k in ladder.rungs]
    entry: dict[str, Any] = {
        "side": ladder.side,
        "axis": ladder.axis,
        "nominal": ladder.nominal,
        "bound": ladder.bound,
        "log": ladder.log,
        "whole": ladder.whole,
        "levels": rungs,
        "breaks_at": next((r["value"] for r in rungs if r["breaks"]), None),
    }
    if entry["breaks_at"] is None:
        entry["breaks_at_reason"] = "no tested level breaks it"
    if ladder.axis == "option":
        absent: dict[str, Any] = {"breaking_value": None, "area": None, "area_interval": None, "bears": None}
        return (
            entry
            | absent
            | {"breaking_value_reason": "words have no order", "area_reason": "words have no order"}
        )
    entry |= breaking_value(plan, ladder, [counts[k] for k in ladder.rungs], rungs, confidence)
    entry |= area_under(rungs)
    entry["bears"] = bears(entry, rungs, breaks_below)
    return entry


def _factor(name: str, ladders: list[tuple[Ladder, dict[str, Any]]]) -> dict[str, Any]:
    """Both sides of a factor together."""
    areas = [d["area"] for _, d in ladders if d["area"] is not None]
    tests = [r["p_adjusted"] for _, d in ladders for r in d["levels"] if r["p_adjusted"] is not None]
    entry: dict[str, Any] = {
        "factor": name,
        "unit": ladders[0][0].unit,
        "breaks": any(d["breaks_at"] is not None for _, d in ladders),
        "p_adjusted": min(tests, default=None),
        "area": min(areas, default=None),
        "recommended": _recommended(ladders),
        "ladders": [d for _, d in ladders],
    }
    if entry["recommended"] is None:
        entry["recommended_reason"] = (
            "no option is left" if ladders[0][0].axis == "option" else "retention is undefined"
        )
    return entry


def _recommended(ladders: list[tuple[Ladder, dict[str, Any]]]) -> dict[str, Any] | None:
    """The part of the tested range that the policy bears, as a factor set writes it."""
    ladder, data = ladders[0]
    if ladder.axis == "option":
        kept = [r["value"] for r in data["levels"] if not r["breaks"]]
        options = [*([ladder.nominal] if isinstance(ladder.nominal, str) else []), *kept]
        return {"options": options} if options else None
    assert ladder.span is not None
    share = {d["side"]: d["bears"] for _, d in ladders}
    if None in share.values():
        return None
    both = share.get("both")
    low, high = (share.get(side, 0.0) if both is None else both for side in ("low", "high"))
    return ladder.span.shrunk(low, high)
