"""Attribution as part of a run: from its records to ``attribution.json``."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from domain_rand.sets import FactorSet
from workbench.attribution.factorial import analyse_factorial
from workbench.attribution.ladder import analyse_ladder, least_episodes
from workbench.attribution.plan import LadderPlan
from workbench.attribution.planning import choose_factors
from workbench.durable import write_atomically
from workbench.records import EpisodeRecord

FILE = "attribution.json"


def attribute_ladder(
    plan: LadderPlan, records: Mapping[int, EpisodeRecord], confidence: float, breaks_below: float
) -> dict[str, Any]:
    """What a ladder's records show; see `analyse_ladder`."""
    outcomes = {index: record.success for index, record in records.items()}
    return analyse_ladder(plan, outcomes, confidence=confidence, breaks_below=breaks_below)


def attribute_factorial(
    factor_set: FactorSet,
    records: Mapping[int, EpisodeRecord],
    confidence: float,
    seed: int,
    only: Collection[str] = (),
) -> dict[str, Any]:
    """What a run shows in which all factors varied; see `analyse_factorial`.

    Factors whose draw has a structure of its own are left out: what they draw depends on other factors' values.
    """
    chosen = choose_factors(factor_set, only)
    names = [f.name for f in chosen if f.distribution is not None]
    ordered = [records[index] for index in sorted(records)]
    analysis = analyse_factorial(
        [{name: record.factors[name] for name in names if name in record.factors} for record in ordered],
        [record.success for record in ordered],
        nominal={f.name: f.nominal for f in chosen if f.nominal is not None},
        units={f.name: f.unit for f in chosen},
        confidence=confidence,
        seed=seed,
    )
    analysis["skipped"] |= {
        f.name: "its draw has a structure of its own" for f in chosen if f.distribution is None
    }
    return analysis


def write_attribution(folder: Path, analysis: Mapping[str, Any]) -> None:
    """Replaces ``attribution.json``."""
    text = json.dumps(_short(analysis), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / FILE, text + "\n")


def _short(value: Any) -> Any:
    """The same data with six significant digits, so that a small p-value does not become 0."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: _short(v) for key, v in value.items()}
    return [_short(v) for v in value] if isinstance(value, list | tuple) else value


def doubts(plan: LadderPlan, alpha: float) -> list[str]:
    """What makes a planned ladder unlikely to show anything, one sentence each."""
    least = least_episodes(len(plan.conditions) - 1, alpha)
    if plan.episodes >= least:
        return []
    return [
        f"with {plan.episodes} episodes under each of {len(plan.conditions)} conditions, no condition can be told from "
        f"clean once that many tests are corrected for; that takes at least {least} episodes, or fewer factors="
    ]
