"""What a search found, as data: how far each factor can go, and on what evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain_rand.sets import FactorSet
from workbench.sequential import anytime_interval
from workbench.tuning.adr import Adr, Decision
from workbench.tuning.ranges import FactorBound, narrowed, shares_of


def describe(
    factor_set: FactorSet,
    bounds: Sequence[FactorBound],
    adr: Adr,
    skipped: Mapping[str, str],
    complete: bool,
) -> dict[str, Any]:
    """Plain JSON types: per factor the tuned range, and per bound the interval that its end lies in.

    ``held`` is the farthest value at which the policy bears the factor and ``broke`` the nearest at which it fails:
    with the stated confidence, for each bound, success falls through the two rates between them, if it only falls.
    """
    settings = adr.settings
    start = adr.start
    found = complete and start is not None and start.holds
    entry: dict[str, Any] = {
        "mode": "adr",
        "widen_above": settings.widen_above,
        "narrow_below": settings.narrow_below,
        "confidence": settings.confidence,
        "others": "current" if settings.joint else "nominal",
        "complete": complete,
        "episodes": sum(d.episodes for d in adr.decisions),
        "start": None if start is None else _decision(start, None, settings.confidence),
        "factors": [],
        "skipped": dict(skipped),
    }
    if not found:
        entry["reason"] = _reason(start, complete, settings.narrow_below)
        return entry
    shares = shares_of(bounds, adr.held)
    by_name = {f.name: f for f in factor_set.factors}
    for name in dict.fromkeys(b.factor for b in bounds):
        own = [(i, b) for i, b in enumerate(bounds) if b.factor == name]
        entry["factors"].append(
            {
                "factor": name,
                "unit": own[0][1].unit,
                "nominal": own[0][1].nominal,
                "tuned": narrowed(by_name[name], shares[name]) or None,
                "whole": all(adr.broke[i] is None for i, _ in own),
                "bounds": [_bound(b, i, adr) for i, b in own],
            }
        )
    return entry


def _bound(bound: FactorBound, i: int, adr: Adr) -> dict[str, Any]:
    held, broke = adr.held[i], adr.broke[i]
    confidence = 1 - adr.error(bound.bound)
    entry = {
        "side": bound.side if bound.option is None else bound.option,
        "far": bound.end(bound.steps),
        "held": bound.end(held),
        "held_share": held / bound.steps,
        "broke": None if broke is None else bound.end(broke),
        "broke_share": None if broke is None else broke / bound.steps,
        "decisions": [
            _decision(d, bound.end(d.trial.position), confidence) for d in adr.decisions if d.trial.bound == i
        ],
    }
    if broke is None:
        entry["broke_reason"] = "the policy bears the whole range"
    return entry


def _decision(decision: Decision, value: Any, confidence: float) -> dict[str, Any]:
    return {
        "value": value,
        "holds": decision.holds,
        "successes": decision.successes,
        "episodes": decision.episodes,
        "rate": decision.successes / decision.episodes,
        # It was looked at after every batch, so only an interval that holds at any time is honest.
        "interval": list(anytime_interval(decision.successes, decision.episodes, confidence)),
        "decided": decision.decided,
    }


def _reason(start: Decision | None, complete: bool, narrow_below: float) -> str:
    if start is not None and not start.holds:
        return (
            f"the policy succeeds in {start.successes} of {start.episodes} episodes at nominal values already, which "
            f"is not above {narrow_below:g}: there is nothing to widen"
        )
    return "" if complete else "the search is not complete; the same command again goes on"
