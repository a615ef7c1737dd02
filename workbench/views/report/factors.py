"""Success against each randomised factor: what breaks the policy, with an interval on every level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from workbench.runs.records import EpisodeRecord, FactorValue
from workbench.stats import Interval, holm, wilson_interval
from workbench.stats.sequential import anytime_interval
from workbench.views.report.charts import number

MOST_LEVELS = 12
"""Levels of a factor that are drawn; the rarest are left out."""
MOST_BINS = 5
"""Bins of a numeric factor, of equal numbers of episodes."""
LEAST_PER_BIN = 10
"""Episodes below which no bin is made."""
MOST_COMPONENTS = 4
"""Length up to which a list is looked at number by number."""


@dataclass(frozen=True)
class Level:
    """Episodes with the same value, or with values in the same bin, of a factor."""

    label: str
    successes: int
    episodes: int
    interval: Interval


@dataclass(frozen=True)
class FactorEffect:
    """Success at each level of one factor."""

    name: str
    levels: tuple[Level, ...]
    p_value: float | None
    """Whether success depends on the factor at all, Holm-adjusted; None with too few episodes to test."""
    left_out: int = 0
    """Levels that are not drawn."""


def factor_effects(
    records: Sequence[EpisodeRecord], confidence: float
) -> tuple[list[FactorEffect], list[str]]:
    """Effects, strongest evidence first, and a sentence for each factor that cannot be shown.

    Numbers are binned by quantiles and tested by Mann-Whitney's U; strings and numbers with few values are
    shown level by level and tested by chi-squared where Cochran's rule allows it (no expected count below 1,
    at most a fifth below 5).
    """
    columns, notes = _columns(records)
    effects = []
    constant = []
    for name, (values, outcomes) in columns.items():
        if len(set(values)) == 1:
            constant.append(f"{name} = {_label(values[0])}")
            continue
        effect = _effect(name, values, outcomes, confidence)
        if isinstance(effect, str):
            notes.append(effect)
        else:
            effects.append(effect)
    if constant:
        notes.append(f"The same in every episode: {', '.join(constant)}.")
    tested = [e for e in effects if e.p_value is not None]
    adjusted = dict(
        zip((e.name for e in tested), holm([e.p_value for e in tested if e.p_value is not None]), strict=True)
    )
    effects = [replace(e, p_value=adjusted.get(e.name)) for e in effects]
    return sorted(effects, key=lambda e: (e.p_value is None, e.p_value or 0.0, e.name)), notes


def at_any_time(effects: Sequence[FactorEffect], confidence: float) -> list[FactorEffect]:
    """The effects with intervals that hold where outcomes decided how many episodes there are."""
    return [
        replace(
            effect,
            levels=tuple(
                replace(level, interval=anytime_interval(level.successes, level.episodes, confidence))
                for level in effect.levels
            ),
        )
        for effect in effects
    ]


Column = tuple[list[FactorValue], list[bool]]


def _columns(records: Sequence[EpisodeRecord]) -> tuple[dict[str, Column], list[str]]:
    """Scalar factors and components of short lists, each with its outcomes; sentences about the others."""
    raw: dict[str, Column] = {}
    for record in records:
        for name, value in record.factors.items():
            values, outcomes = raw.setdefault(name, ([], []))
            values.append(value)
            outcomes.append(record.success)
    columns: dict[str, Column] = {}
    notes = []
    for name, (values, outcomes) in sorted(raw.items()):
        if not any(isinstance(v, list) for v in values):
            columns[name] = (values, outcomes)
            continue
        lengths = {len(v) if isinstance(v, list) else -1 for v in values}
        length = lengths.pop()
        numeric = all(isinstance(v, list) and all(_is_number(x) for x in v) for v in values)
        if lengths or not numeric or not 1 <= length <= MOST_COMPONENTS:
            notes.append(
                f"{name} is a list and not shown: only lists of 1 to {MOST_COMPONENTS} numbers, "
                "of one length throughout, are."
            )
            continue
        for i in range(length):
            columns[f"{name}[{i}]"] = ([v[i] for v in values if isinstance(v, list)], outcomes)
    return columns, notes


def _effect(
    name: str, values: list[FactorValue], outcomes: list[bool], confidence: float
) -> FactorEffect | str:
    distinct = len(set(values))
    if all(_is_number(v) for v in values) and distinct > MOST_LEVELS // 2:
        numbers, won = np.asarray(values, float), np.asarray(outcomes)
        groups = _bins(numbers)
        if groups is None:
            return f"{name} takes {distinct} values over {len(values)} episodes: too few episodes to bin."
        levels = [_level(label, outcomes, np.flatnonzero(members), confidence) for label, members in groups]
        return FactorEffect(name, tuple(levels), _rank_test(numbers, won))
    if distinct > MOST_LEVELS and distinct > len(values) / 2:
        return f"{name} has another value in almost every episode ({distinct} values), so it is not shown."
    by_value: dict[FactorValue, list[int]] = {}
    for position, value in enumerate(values):
        by_value.setdefault(value, []).append(position)
    kept = sorted(by_value, key=lambda v: (-len(by_value[v]), str(v)))[:MOST_LEVELS]
    kept.sort(key=lambda v: (isinstance(v, str), v if _is_number(v) else 0, str(v)))
    levels = [_level(_label(v), outcomes, by_value[v], confidence) for v in kept]
    return FactorEffect(name, tuple(levels), _table_test(by_value, outcomes), distinct - len(kept))


def _bins(numbers: np.ndarray) -> list[tuple[str, np.ndarray]] | None:
    """Label and membership of bins with about equal numbers of episodes; None with too few for two."""
    count = min(MOST_BINS, len(numbers) // LEAST_PER_BIN)
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, count + 1)))
    if count < 2 or len(edges) < 3:
        return None
    index = np.searchsorted(edges[1:-1], numbers, side="right")
    found = [(f"{number(edges[b])} to {number(edges[b + 1])}", index == b) for b in range(len(edges) - 1)]
    return [(label, members) for label, members in found if members.any()]


def _level(label: str, outcomes: list[bool], members: Sequence[int] | np.ndarray, confidence: float) -> Level:
    successes = sum(outcomes[i] for i in members)
    return Level(label, successes, len(members), wilson_interval(successes, len(members), confidence))


def _rank_test(numbers: np.ndarray, won: np.ndarray) -> float | None:
    if min(won.sum(), (~won).sum()) < 5:
        return None
    return float(scipy.stats.mannwhitneyu(numbers[won], numbers[~won]).pvalue)


def _table_test(by_value: dict[FactorValue, list[int]], outcomes: list[bool]) -> float | None:
    wins = np.array([sum(outcomes[i] for i in members) for members in by_value.values()])
    table = np.stack([wins, np.array([len(members) for members in by_value.values()]) - wins])
    if (table.sum(axis=1) == 0).any():
        return None
    expected = scipy.stats.contingency.expected_freq(table)
    if expected.min() < 1 or (expected < 5).mean() > 0.2:
        return None
    return float(scipy.stats.chi2_contingency(table, correction=False).pvalue)


def _is_number(value: FactorValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _label(value: FactorValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, int | float) else str(value)
