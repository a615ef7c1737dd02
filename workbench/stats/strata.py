"""A rate over strata: what it would be if episodes were shared out among kinds as one says, not as they were drawn.

Strata are tasks, claims (whether the policy said rightly where it would act), or the values of a drawn factor that
takes few. Weighting them equally answers for a mixture that has as much of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.runs.records import EpisodeRecord
from workbench.stats import Interval, stratified_interval

MOST_STRATA = 24
EQUAL = "equal"
TASK, CLAIM = "task", "claim"


class StrataError(ValueError):
    """The episodes cannot be put into strata as asked; one sentence says why."""


def parse_weights(text: str) -> dict[str, float]:
    """Weights from ``NAME:WEIGHT,...``; empty for `EQUAL`. StrataError for anything else."""
    weights: dict[str, float] = {}
    for part in [] if text == EQUAL else text.split(","):
        name, colon, weight = part.rpartition(":")
        try:
            number = float(weight)
        except ValueError:
            number = -1.0
        if not colon or not name.strip() or not 0 <= number < float("inf") or name.strip() in weights:
            raise StrataError(
                f"weights must be {EQUAL} or STRATUM:WEIGHT,... with weights of at least 0, not {text!r}"
            )
        weights[name.strip()] = number
    if weights and sum(weights.values()) <= 0:
        raise StrataError(f"weights must not all be 0: {text!r}")
    return weights


def stratified(
    records: Sequence[EpisodeRecord],
    by: str,
    weights: Mapping[str, float],
    confidence: float,
    interval: Callable[[int, int, float], Interval],
) -> dict[str, Any]:
    """The stratified rate as plain JSON types; null with a reason where it does not exist."""
    nothing = {"by": by, "success_rate": None, "success_interval": None}
    try:
        groups = _groups(records, by)
        missing = sorted(set(weights) - set(groups))
        unweighted = sorted(set(groups) - set(weights)) if weights else []
        if missing or unweighted:
            what = (
                f"no episode is in {', '.join(missing)}"
                if missing
                else f"no weight is given for {', '.join(unweighted)}"
            )
            raise StrataError(f"{what}; the strata are {', '.join(groups)}")
    except StrataError as problem:
        return nothing | {"success_rate_reason": str(problem)}
    counts = {name: (sum(r.success for r in some), len(some)) for name, some in groups.items()}
    shares = {name: weights.get(name, 1.0) if weights else 1.0 for name in groups}
    rate, ends = stratified_interval(list(counts.values()), list(shares.values()), confidence, interval)
    total = sum(shares.values())
    return {
        "by": by,
        "success_rate": rate,
        "success_interval": list(ends),
        "strata": {
            name: {"successes": k, "episodes": n, "weight": shares[name] / total}
            for name, (k, n) in counts.items()
        },
    }


def _groups(records: Sequence[EpisodeRecord], by: str) -> dict[str, list[EpisodeRecord]]:
    groups: dict[str, list[EpisodeRecord]] = {}
    for record in records:
        if by == TASK:
            value: Any = record.task
        elif by == CLAIM:
            right = (record.grounding or {}).get("right")
            value = "none" if right is None else "right" if right else "wrong"
        elif by in record.factors:
            value = record.factors[by]
        else:
            drawn = ", ".join(sorted(record.factors)[:5]) or "none was drawn"
            raise StrataError(
                f"episodes have no {by!r}: strata are {TASK}, {CLAIM} or a drawn factor ({drawn} ...)"
            )
        groups.setdefault(str(value), []).append(record)
        if len(groups) > MOST_STRATA:
            raise StrataError(f"{by} takes more than {MOST_STRATA} values: strata need few")
    if not groups:
        raise StrataError("no episode is recorded")
    return dict(sorted(groups.items()))
