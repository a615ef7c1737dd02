"""What a search found, as data: how far each factor can go, and on what evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain_rand.sets import FactorSet
from workbench.stats.sequential import anytime_interval
from workbench.tuning.adr import Adr, Decision, Settings
from workbench.tuning.confirmation import PARTS
from workbench.tuning.ranges import FactorBound, narrowed, shares_of

WHOLE, LIMIT, NOT_DECIDED = "whole range", "limit found", "not decided"
"""States of a bound: it may go to the far end; it is enclosed between two values; data ran out in between."""
ASSUMES = (
    "success does not fall and rise again between the values tried: nominal, the bound, {inside} points inside and "
    "those of the bisection"
)


def describe(
    factor_set: FactorSet,
    bounds: Sequence[FactorBound],
    adr: Adr,
    skipped: Mapping[str, str],
    complete: bool,
) -> dict[str, Any]:
    """Plain JSON types: per factor the tuned range, and per bound the interval that its end lies in.

    ``held`` is the farthest value at which the policy was shown to bear the factor, as at all values tried before it,
    and ``broke`` the nearest beyond it at which it was shown to fail: with the stated confidence, for each bound,
    success falls through the two rates between them, if it only falls. Where values between the two were tried and
    gave no answer, the bound's state says so. The confirmation may have taken some of ``held`` back: ``used`` is left.
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
        "assumes": ASSUMES.format(inside=settings.inside),
        "episodes": sum(d.episodes for d in adr.decisions),
        "start": None if start is None else _decision(start, None, settings.confidence),
        "factors": [],
        "skipped": dict(skipped),
    }
    if not found:
        entry["reason"] = _reason(start, complete, settings)
        return entry
    entry["confirmation"] = _confirmation(adr)
    shares = shares_of(bounds, adr.held)
    by_name = {f.name: f for f in factor_set.factors}
    for name in dict.fromkeys(b.factor for b in bounds):
        own = [(i, b) for i, b in enumerate(bounds) if b.factor == name]
        described = [_bound(b, i, adr) for i, b in own]
        entry["factors"].append(
            {
                "factor": name,
                "unit": own[0][1].unit,
                "nominal": own[0][1].nominal,
                "tuned": narrowed(by_name[name], shares[name]) or None,
                "whole": all(bound["state"] == WHOLE for bound in described),
                "bounds": described,
            }
        )
    return entry


def _bound(bound: FactorBound, i: int, adr: Adr) -> dict[str, Any]:
    held, broke = adr.found[i], adr.broke[i]
    confidence = 1 - adr.error(bound.bound)
    own = [d for d in adr.decisions if d.trial.bound == i]
    between = {d.trial.position for d in own if d.trial.position > held} - {broke}
    undecided = sorted(
        {d.trial.position for d in own if d.holds is None}
        & {p for p in between if broke is None or p < broke}
    )
    entry = {
        "side": bound.side if bound.option is None else str(bound.option),
        "option": bound.option is not None,
        "state": NOT_DECIDED if undecided else LIMIT if broke is not None else WHOLE,
        "far": bound.end(bound.steps),
        "held": bound.end(held),
        "held_share": held / bound.steps,
        "broke": None if broke is None else bound.end(broke),
        "broke_share": None if broke is None else broke / bound.steps,
        "undecided": [bound.end(p) for p in undecided],
        "used": bound.end(adr.held[i]),
        "used_share": adr.held[i] / bound.steps,
        "decisions": [_decision(d, bound.end(d.trial.position), confidence) for d in own],
    }
    if broke is None:
        entry["broke_reason"] = (
            "the policy bears the whole range" if not undecided else "no value is shown to fail"
        )
    return entry


def _decision(decision: Decision, value: Any, confidence: float) -> dict[str, Any]:
    return {
        "value": value,
        "holds": decision.holds,
        "successes": decision.successes,
        "episodes": decision.episodes,
        "rate": decision.rate,
        # It was looked at after every batch, so only an interval that holds at any time is honest.
        "interval": list(anytime_interval(decision.successes, decision.episodes, confidence)),
        "decided": decision.holds is not None,
    }


def _confirmation(adr: Adr) -> dict[str, Any]:
    """All factors together: whether the ranges, as found or given way, are shown to hold, and every try.

    ``confirmed`` is true, false where the last set tried is shown to fail, or null where that is not decided.
    """
    tries = [d for d in adr.decisions if d.trial.whole]
    final = adr.confirmed or tries[-1]
    shown = _decision(final, final.trial.position / PARTS, adr.settings.confidence)
    return {
        "confirmed": shown["holds"],
        "as_found": adr.confirmed is not None and tuple(adr.held) == adr.found,
        "successes": final.successes,
        "episodes": final.episodes,
        "rate": final.rate,
        "interval": shown["interval"],
        "tries": [_decision(d, d.trial.position / PARTS, adr.settings.confidence) for d in tries],
    }


def _reason(start: Decision | None, complete: bool, settings: Settings) -> str:
    if start is not None and not start.holds:
        seen = f"the policy succeeds in {start.successes} of {start.episodes} episodes at nominal values"
        if start.holds is None:
            return (
                f"{seen}, and that does not decide between {settings.widen_above:g} and {settings.narrow_below:g} "
                f"(most={settings.most} episodes): nothing is widened"
            )
        return f"{seen} already, which is not above {settings.narrow_below:g}: there is nothing to widen"
    return "" if complete else "the search is not complete; the same command again goes on"
