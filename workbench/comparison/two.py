"""Pairs the episodes of two runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.comparison.noise import noise_floor
from workbench.comparison.result import Comparison, ComparisonError
from workbench.comparison.sample import Sample, read_sample
from workbench.runs.records import EpisodeRecord
from workbench.stats import CONFIDENCE

_SHOWN, _FACTORS_SHOWN = 10, 2
ANYTIME = (
    "outcomes or a clock decided how many episodes there are, so test and interval are such that hold whenever one "
    "stops; the rates themselves lean toward what ended the row"
)


def compare(
    run_a: str | os.PathLike[str], run_b: str | os.PathLike[str], confidence: float = CONFIDENCE
) -> Comparison:
    """Compares two run folders on the episodes that both have.

    ComparisonError when they share none or met different episodes; RunFolderError when one cannot be read.
    Runs with another engine, renderer or number of environments are compared, with the noise floor that this
    implies: that may be the point.
    """
    return compare_samples(*named(read_sample(run_a), read_sample(run_b)), confidence=confidence)


def named(*samples: Sample) -> tuple[Sample, ...]:
    """The samples with their paths as names where names alone would not tell them apart."""
    names = [sample.name for sample in samples]
    return tuple(
        replace(s, name=str(s.path), notes=tuple(n.replace(s.name, str(s.path), 1) for n in s.notes))
        if names.count(s.name) > 1 and s.path is not None
        else s
        for s in samples
    )


def compare_records(
    records_a: Mapping[int, EpisodeRecord],
    records_b: Mapping[int, EpisodeRecord],
    *,
    name_a: str = "A",
    name_b: str = "B",
    confidence: float = CONFIDENCE,
) -> Comparison:
    """Compares records by their number in the suite, unbroken from 0 in both; see `compare`."""
    return compare_samples(
        Sample(name_a, dict(records_a)), Sample(name_b, dict(records_b)), confidence=confidence
    )


def compare_samples(a: Sample, b: Sample, *, confidence: float = CONFIDENCE) -> Comparison:
    """Compares what two runs contribute; see `compare`."""
    shared = range(next(k for k in range(len(a.records) + 1) if k not in a.records or k not in b.records))
    if not shared:
        raise ComparisonError(f"{a.name} and {b.name} share no episode, so there is nothing to compare")
    check_same_episodes(a, b, shared)
    notes = [*a.notes, *b.notes]
    if len(a.records) != len(b.records):
        more, fewer = (a, b) if len(a.records) > len(b.records) else (b, a)
        notes.append(
            f"{more.name} has {len(more.records)} episodes to compare and {fewer.name} has {len(fewer.records)}: the "
            f"first {len(shared)} are compared"
        )
    if a.chosen or b.chosen:
        notes.append(ANYTIME)
    won_a = {i for i in shared if a.records[i].success}
    won_b = {i for i in shared if b.records[i].success}
    floor = None
    if a.config is not None and b.config is not None:
        floor = noise_floor(
            (a.name, b.name), (a.config, b.config), len(shared), len(won_a ^ won_b), confidence
        )
    return Comparison(
        name_a=a.name,
        name_b=b.name,
        confidence=confidence,
        both=len(won_a & won_b),
        only_a=tuple(sorted(won_a - won_b)),
        only_b=tuple(sorted(won_b - won_a)),
        neither=len(shared) - len(won_a | won_b),
        anytime=a.chosen or b.chosen,
        same=_same(a, b, shared),
        floor=floor,
        notes=tuple(notes),
    )


def check_same_episodes(a: Sample, b: Sample, shared: range) -> None:
    """ComparisonError unless both met the same draws."""
    different = [
        f"episode {index}: {_told(field, mine, theirs)}"
        for index in shared
        for field in ("task", "seed", "instruction", "factors")
        if (mine := getattr(a.records[index], field)) != (theirs := getattr(b.records[index], field))
    ]
    if different:
        more = f"; and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        raise ComparisonError(
            f"{a.name} and {b.name} did not meet the same episodes, so pairing them would mean nothing: "
            f"{'; '.join(different[:_SHOWN])}{more}"
        )


def _told(field: str, mine: Any, theirs: Any) -> str:
    """What differs; of the factors, which."""
    if field != "factors":
        return f"{field} {mine!r} and {theirs!r}"
    names = [name for name in dict.fromkeys([*mine, *theirs]) if mine.get(name) != theirs.get(name)]
    shown = ", ".join(f"{n} = {mine.get(n)!r} and {theirs.get(n)!r}" for n in names[:_FACTORS_SHOWN])
    return f"factors {shown}" + (
        f" and {len(names) - _FACTORS_SHOWN} more" if len(names) > _FACTORS_SHOWN else ""
    )


def _same(a: Sample, b: Sample, shared: range) -> str | None:
    """Why two samples are one, if they are: one folder, or records that are equal in all but time."""
    if a.path is not None and b.path is not None and a.path.resolve() == b.path.resolve():
        return f"{a.name} is compared with itself"
    if all(replace(a.records[i], wall_s=0.0) == replace(b.records[i], wall_s=0.0) for i in shared):
        return f"every record of {a.name} and {b.name} is equal, as in a run that was copied or repeated"
    return None
