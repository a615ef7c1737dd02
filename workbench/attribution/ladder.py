"""What a severity ladder showed: how success falls along each factor, where it breaks, and what range is shown to hold.

For every condition: retention S(level) / S(clean) with its interval. For every factor one test over all its levels
(`pooled`), corrected by Holm over the factors of the run; and McNemar's exact test of each level against clean on the
same episodes, corrected by Holm within its factor. A level *breaks* the policy where its factor's test and its own are
clear and retention is below ``breaks_below``; a factor does where a level of it does, or where its test is clear and
the falling fit ends below ``breaks_below`` though no single level is told. So a policy that no factor breaks is accused
with probability at most ``1 - confidence``. What is not shown to break is not thereby shown to hold: see `states`.

For every ladder with an order: the value at which success falls to half of clean, from the falling fit, with an
interval that claims no more than the tested levels show; and the area under the retention curve over severity
(Hendrycks & Dietterich 2019, Benchmarking neural network robustness, average over severities likewise). Undefined
numbers are null with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.attribution.curve import area_under, breaking_value, shown
from workbench.attribution.plan import BREAKS_BELOW, Ladder, LadderPlan, options_content
from workbench.attribution.pooled import pooled_p
from workbench.attribution.retention import PairedCounts
from workbench.attribution.states import (
    BREAKS,
    HOLDS,
    NOT_KNOWN,
    episodes_to_tell,
    held_to,
    holds,
    together,
)
from workbench.stats import CONFIDENCE, holm, keyed_generator, mcnemar_exact, wilson_interval


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
    alpha = 1 - confidence
    grouped = {
        name: [ladder for ladder in plan.ladders if ladder.factor == name]
        for name in dict.fromkeys(ladder.factor for ladder in plan.ladders)
    }
    pooled = [_pooled(name, ladders, table) for name, ladders in grouped.items()]
    factors = []
    for (name, ladders), p, adjusted in zip(grouped.items(), pooled, holm(pooled), strict=True):
        rule = _Rule(confidence, breaks_below, adjusted < alpha, sum(len(x.rungs) for x in ladders))
        levels = _levels(plan, ladders, table, counts, rule)
        data = [_ladder(plan, ladder, counts, levels, rule) for ladder in ladders]
        factors.append(_factor(name, list(zip(ladders, data, strict=True)), (p, adjusted), rule))
    factors.sort(key=lambda f: (not f["breaks"], f["area"] if f["area"] is not None else 2.0, f["factor"]))
    clean = table[0][~np.isnan(table[0])]
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
        "notes": _notes(plan, outcomes, int(clean.sum()), grouped, alpha),
    }


@dataclass(frozen=True)
class _Rule:
    """By what a factor's levels are judged."""

    confidence: float
    breaks_below: float
    falls: bool
    """Whether success is shown to fall somewhere along the factor."""
    tests: int
    """Levels of the factor."""


def _pooled(name: str, ladders: Sequence[Ladder], table: np.ndarray) -> float:
    rows = [0, *(k for ladder in ladders for k in ladder.rungs)]
    shape = [(len(ladder.rungs), ladder.axis != "option") for ladder in ladders]
    return pooled_p(table[rows], shape, keyed_generator(0, f"attribution/pooled/{name}"))


def _levels(
    plan: LadderPlan, ladders: Sequence[Ladder], table: np.ndarray, counts: list[PairedCounts], rule: _Rule
) -> dict[int, dict[str, Any]]:
    """All levels of one factor, by condition, corrected together."""
    tested = [k for ladder in ladders for k in ladder.rungs if counts[k].pairs]
    p_values = [mcnemar_exact(counts[k].only_clean, counts[k].only_here) for k in tested]
    tests = dict(zip(tested, zip(p_values, holm(p_values), strict=True), strict=True))
    return {
        k: _level(plan, ladder, k, table[k], counts[k], tests.get(k), rule)
        for ladder in ladders
        for k in ladder.rungs
    }


def least_episodes(conditions: int, alpha: float) -> int:
    """Clean successes that must all be lost before one condition among so many can be told from clean."""
    n = 1
    while 2.0 ** (1 - n) * conditions >= alpha:
        n += 1
    return n


def _notes(
    plan: LadderPlan,
    outcomes: Mapping[int, bool],
    successes: int,
    grouped: Mapping[str, Sequence[Ladder]],
    alpha: float,
) -> list[str]:
    notes = []
    if len(outcomes) < plan.quota:
        notes.append(
            f"{plan.quota - len(outcomes)} of {plan.quota} episodes are missing; this is what the others show."
        )
    least = min(
        (least_episodes(sum(len(x.rungs) for x in ladders), alpha) for ladders in grouped.values()), default=0
    )
    if successes < least:
        notes.append(
            f"With {successes} clean successes no level can be told from clean after correction, not even one at "
            f"which every episode fails: that takes {least} successes."
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
    ladder: Ladder,
    k: int,
    row: np.ndarray,
    counts: PairedCounts,
    test: tuple[float, float] | None,
    rule: _Rule,
) -> dict[str, Any]:
    """One rung: its rate, retention, test and state."""
    condition, confidence = plan.conditions[k], rule.confidence
    retention, interval = counts.retention, counts.interval(confidence)
    clear = test is not None and retention is not None and test[1] < 1 - confidence
    breaks = bool(rule.falls and clear and retention < rule.breaks_below)  # type: ignore[operator]
    state = BREAKS if breaks else HOLDS if holds(counts, rule.breaks_below, confidence) else NOT_KNOWN
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
        "state": state,
        "breaks": breaks,
        "episodes_to_tell": None
        if state != NOT_KNOWN
        else episodes_to_tell(counts, rule.breaks_below, confidence, rule.tests),
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
    rule: _Rule,
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
        "state": together([r["state"] for r in rungs]),
        "breaks_at": next((r["value"] for r in rungs if r["breaks"]), None),
    }
    if entry["breaks_at"] is None:
        entry["breaks_at_reason"] = "no tested level is shown to break it"
    if ladder.axis == "option":
        absent: dict[str, Any] = {
            "breaking_value": None,
            "area": None,
            "area_interval": None,
            "holds_to": None,
        }
        return (
            entry
            | absent
            | {"breaking_value_reason": "words have no order", "area_reason": "words have no order"}
        )
    entry |= breaking_value(plan, ladder, [counts[k] for k in ladder.rungs], rungs, rule.confidence)
    entry |= area_under(rungs)
    entry["holds_to"] = held_to(rungs)
    return entry


def _factor(
    name: str,
    ladders: list[tuple[Ladder, dict[str, Any]]],
    pooled: tuple[float, float],
    rule: _Rule,
) -> dict[str, Any]:
    """Both sides of a factor together."""
    areas = [d["area"] for _, d in ladders if d["area"] is not None]
    lowest = [d["fit"][-1]["retention"] for _, d in ladders if d.get("fit")]
    somewhere = rule.falls and min(lowest, default=1.0) < rule.breaks_below
    state = together([d["state"] for _, d in ladders])
    state = BREAKS if somewhere else state
    untold = [r["episodes_to_tell"] for _, d in ladders for r in d["levels"] if r["state"] == NOT_KNOWN]
    entry: dict[str, Any] = {
        "factor": name,
        "unit": ladders[0][0].unit,
        "state": state,
        "breaks": state == BREAKS,
        "p_value": pooled[0],
        "p_adjusted": pooled[1],
        "area": min(areas, default=None),
        "recommended": _recommended(ladders),
        "not_known": len(untold),
        "episodes_to_tell": None if None in untold else max(untold, default=None),
        "ladders": [d for _, d in ladders],
    }
    if entry["recommended"] is None:
        entry["recommended_reason"] = "nothing beside nominal is shown to hold"
    return entry


def _recommended(ladders: list[tuple[Ladder, dict[str, Any]]]) -> dict[str, Any] | None:
    """The part of the tested range that is shown to hold, as a factor set writes it."""
    ladder, data = ladders[0]
    if ladder.axis == "option":
        kept = [r["value"] for r in data["levels"] if r["state"] == HOLDS]
        nominal = [] if ladder.nominal is None else [ladder.nominal]
        return options_content([*nominal, *kept]) if kept else None
    assert ladder.span is not None
    share = {d["side"]: d["holds_to"] for _, d in ladders}
    if not any(share.values()):
        return None
    both = share.get("both")
    low, high = (share.get(side, 0.0) if both is None else both for side in ("low", "high"))
    return ladder.span.shrunk(low, high)
