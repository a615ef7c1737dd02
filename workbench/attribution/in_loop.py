"""Attribution as part of a run: from its records to ``attribution.json``."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from domain_rand.distributions import Numbered
from domain_rand.sets import FactorSet
from tasks.registry import find
from tasks.tabletop.layout_facts import LayoutFact
from workbench.attribution.columns import WORD
from workbench.attribution.detectable import detectable
from workbench.attribution.factorial import analyse_factorial
from workbench.attribution.ladder import analyse_ladder
from workbench.attribution.plan import LadderPlan
from workbench.attribution.planning import choose_factors
from workbench.runs.durable import write_atomically
from workbench.runs.records import EpisodeRecord

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

    Factors whose draw has a structure of its own are looked at through the facts of the layout that they make.
    """
    chosen = choose_factors(factor_set, only)
    simple = [f for f in chosen if f.distribution is not None]
    ordered = [records[index] for index in sorted(records)]
    drawn = [{f.name: r.factors[f.name] for f in simple if f.name in r.factors} for r in ordered]
    layouts = [find(record.task).layout_facts(record.factors) for record in ordered]
    names = {f.name for f in chosen}
    facts = [{n: fact for n, fact in layout.items() if names >= set(fact.about)} for layout in layouts]
    known = {name: fact for described in facts for name, fact in described.items()}
    analysis = analyse_factorial(
        [
            values | {name: f.value for name, f in own.items()}
            for values, own in zip(drawn, facts, strict=True)
        ],
        [record.success for record in ordered],
        nominal={f.name: f.nominal for f in chosen if f.nominal is not None},
        units={f.name: f.unit for f in chosen} | {name: fact.unit for name, fact in known.items()},
        kinds={f.name: WORD for f in simple if isinstance(f.distribution, Numbered)}
        | {name: fact.kind for name, fact in known.items()},
        given={
            name: [_alike(fact, r, layout) for r, layout in zip(ordered, layouts, strict=True)]
            for name, fact in known.items()
            if fact.given
        },
        about={name: fact.about for name, fact in known.items()},
        confidence=confidence,
        seed=seed,
    )
    described = {name for fact in known.values() for name in fact.about}
    analysis["skipped"] |= {
        f.name: "its draw has a structure of its own"
        for f in chosen
        if f.distribution is None and f.name not in described
    }
    return analysis


def _alike(fact: LayoutFact, record: EpisodeRecord, layout: Mapping[str, LayoutFact]) -> str:
    """What an episode is like in that on which the fact's chances depend."""
    parents = (layout[p].value if p in layout else record.factors.get(p) for p in fact.given)
    return "/".join(map(str, parents))


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


def prospects(plan: LadderPlan, confidence: float, breaks_below: float) -> list[str]:
    """What a planned ladder can show, one sentence each; see `detectable`."""
    return detectable(plan, confidence=confidence, breaks_below=breaks_below).sentences()
