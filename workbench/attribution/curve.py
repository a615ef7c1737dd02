"""What the retention curve of one ladder says: where it falls to half, and the area under it."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.attribution.plan import Ladder, LadderPlan
from workbench.attribution.retention import PairedCounts, bracket, crossing, falling

HALF = 0.5
"""Share of clean success at which the breaking value lies: the middle of a psychometric curve."""


def shown(ladder: Ladder, severity: float) -> float:
    """Position on the ladder's axis."""
    at = ladder.at(severity)
    return round(at) if ladder.whole and abs(at - round(at)) < 1e-9 else float(f"{at:.12g}")


def breaking_value(
    plan: LadderPlan,
    ladder: Ladder,
    counts: list[PairedCounts],
    rungs: list[dict[str, Any]],
    confidence: float,
) -> dict[str, Any]:
    """Where success falls to half of clean: estimate, interval, and the fitted retention curve behind it."""
    if any(c.retention is None for c in counts):
        reason = next(r["retention_reason"] for r in rungs if r["retention"] is None)
        return {
            "breaking_value": None,
            "breaking_value_reason": reason,
            "breaking_interval": None,
            "fit": None,
        }
    severities = [plan.conditions[k].severity for k in ladder.rungs]
    retention = [float(c.retention) for c in counts if c.retention is not None]
    # With everything else nominal, clean is the ladder's own beginning; else it is another mixture of conditions.
    begins = plan.base == "nominal"
    curve = falling([1.0, *retention] if begins else retention, [1.0] * (len(retention) + begins)).tolist()
    at = [0.0, *severities] if begins else severities
    top = float(curve[0]) if begins else 1.0
    found = crossing(at, curve, HALF * top)
    low, high = bracket(severities, counts, HALF, confidence)
    ends = [shown(ladder, low), None if high is None else shown(ladder, high)]
    entry: dict[str, Any] = {
        "breaking_value": None if found is None else ladder.at(found),
        "breaking_interval": ends if ladder.side != "low" else ends[::-1],
        "fit": [{"severity": s, "retention": float(c)} for s, c in zip(at, curve, strict=True)],
    }
    if found is None:
        below = bool(curve[0] < HALF * top)
        entry["breaking_value_reason"] = (
            "success is below half of clean at the mildest level already"
            if below
            else "success stays above half of clean up to the bound"
        )
    if high is None:
        entry["breaking_interval_reason"] = "no level is shown to be below half of clean, so one end is open"
    return entry


def area_under(rungs: list[dict[str, Any]]) -> dict[str, Any]:
    """Area under retention over severity from 0 to 1, 1 for a policy that loses nothing; trapezoids.

    Its interval adds up the levels' intervals as if they erred together: they share the clean episodes and mostly
    do, and the sum is on the safe side if they do not (MOVER with correlation 1: Zou & Donner 2008, Statistics in
    Medicine 27).
    """
    if any(r["retention"] is None for r in rungs):
        reason = next(r["retention_reason"] for r in rungs if r["retention"] is None)
        return {"area": None, "area_reason": reason, "area_interval": None}
    severities = [0.0, *(r["severity"] for r in rungs)]

    def area(values: list[float]) -> float:
        return float(np.trapezoid([1.0, *values], severities))

    ends = [area([r["retention_interval"][e] for r in rungs]) for e in (0, 1)]
    return {"area": area([r["retention"] for r in rungs]), "area_interval": ends}
