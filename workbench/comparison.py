"""Two runs on the same episodes: is one policy better, by how much, and on which episodes do they differ?

Episodes are paired by index. Pairing only means something where both runs faced the same draw, so task, seed,
instruction and factors must agree on every shared index; that they do is checked, not assumed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from workbench.records import EpisodeRecord
from workbench.run_folder import RunFolder
from workbench.statistics import (
    CONFIDENCE,
    Interval,
    mcnemar_exact,
    paired_difference_interval,
    wilson_interval,
)

_SHOWN = 10


class ComparisonError(Exception):
    """The runs cannot be compared; one sentence says why."""


@dataclass(frozen=True)
class Comparison:
    """The outcome of two runs on the episodes that both have."""

    name_a: str
    name_b: str
    confidence: float
    both: int
    """Episodes that both solved."""
    only_a: tuple[int, ...]
    """Indices of those that only the first solved."""
    only_b: tuple[int, ...]
    """Indices of those that only the second solved."""
    neither: int
    """Episodes that neither solved."""
    warnings: tuple[str, ...] = ()
    """What weakens the comparison, in plain sentences."""

    @property
    def pairs(self) -> int:
        """Number of episodes that both runs have."""
        return self.both + len(self.only_a) + len(self.only_b) + self.neither

    @property
    def difference(self) -> float:
        """Success rate of the first minus that of the second."""
        return (len(self.only_a) - len(self.only_b)) / self.pairs

    @property
    def difference_interval(self) -> Interval:
        """Tango's score interval of `difference`."""
        return paired_difference_interval(
            self.both, len(self.only_a), len(self.only_b), self.neither, self.confidence
        )

    @property
    def p_value(self) -> float:
        """Exact McNemar test that both succeed equally often, two-sided."""
        return mcnemar_exact(len(self.only_a), len(self.only_b))

    def rate(self, which: str) -> tuple[int, Interval]:
        """Successes of run ``"a"`` or ``"b"`` on the shared episodes, and the Wilson interval of its rate."""
        successes = self.both + len(self.only_a if which == "a" else self.only_b)
        return successes, wilson_interval(successes, self.pairs, self.confidence)

    def verdict(self) -> str:
        """One sentence: what these episodes show."""
        low, high = self.difference_interval
        alpha = 1 - self.confidence
        if self.p_value < alpha:
            names = (self.name_a, self.name_b)
            better, worse = names if self.difference > 0 else names[::-1]
            return f"{better} succeeds more often than {worse} (p = {self.p_value:.3g})."
        return (
            f"These {self.pairs} episodes do not tell the two apart (p = {self.p_value:.3g}); "
            f"differences from {100 * low:+.1f} to {100 * high:+.1f} points are compatible with them."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, floats rounded to 6 decimals."""
        runs = {}
        for which, name in (("a", self.name_a), ("b", self.name_b)):
            successes, interval = self.rate(which)
            runs[which] = {
                "name": name,
                "successes": successes,
                "success_rate": round(successes / self.pairs, 6),
                "success_interval": [round(x, 6) for x in interval],
            }
        return {
            **runs,
            "episodes": self.pairs,
            "confidence": self.confidence,
            "table": {
                "both": self.both,
                "only_a": len(self.only_a),
                "only_b": len(self.only_b),
                "neither": self.neither,
            },
            "difference": round(self.difference, 6),
            "difference_interval": [round(x, 6) for x in self.difference_interval],
            "difference_interval_method": "Tango score",
            "p_value": round(self.p_value, 6),
            "p_value_method": "McNemar exact, two-sided",
            "differing_episodes": {"only_a": list(self.only_a), "only_b": list(self.only_b)},
            "verdict": self.verdict(),
            "warnings": list(self.warnings),
        }

    def __rich__(self) -> RenderableType:
        return render(self)


def compare(
    run_a: str | os.PathLike[str], run_b: str | os.PathLike[str], confidence: float = CONFIDENCE
) -> Comparison:
    """Compares two run folders on the episodes that both have.

    ComparisonError when they share none or met different episodes; RunFolderError when one cannot be read.
    Runs with another engine, renderer or quota are compared with a warning: that may be the point.
    """
    a, b = RunFolder(run_a), RunFolder(run_b)
    name_a, name_b = a.path.resolve().name, b.path.resolve().name
    if name_a == name_b:
        name_a, name_b = str(a.path), str(b.path)
    config_a, config_b = a.config(), b.config()
    warnings = [
        f"{key} differs: {name_a} has {config_a.get(key)}, {name_b} has {config_b.get(key)}"
        for key in ("physics", "renderer")
        if config_a.get(key) != config_b.get(key)
    ]
    warnings += [
        f"{name} was allowed to stop early, so its rate here is not that of a fixed number of episodes"
        for name, config in ((name_a, config_a), (name_b, config_b))
        if config.get("stop_above") is not None
    ]
    return compare_records(
        a.completed(),
        b.completed(),
        name_a=name_a,
        name_b=name_b,
        confidence=confidence,
        warnings=tuple(warnings),
    )


def compare_records(
    records_a: Mapping[int, EpisodeRecord],
    records_b: Mapping[int, EpisodeRecord],
    *,
    name_a: str = "A",
    name_b: str = "B",
    confidence: float = CONFIDENCE,
    warnings: tuple[str, ...] = (),
) -> Comparison:
    """Compares episodes by index; see `compare`."""
    shared = sorted(records_a.keys() & records_b.keys())
    if not shared:
        raise ComparisonError(f"{name_a} and {name_b} share no episode, so there is nothing to compare")
    different = [
        f"episode {index}: {field} {mine!r} and {theirs!r}"
        for index in shared
        for field in ("task", "seed", "instruction", "factors")
        if (mine := getattr(records_a[index], field)) != (theirs := getattr(records_b[index], field))
    ]
    if different:
        more = f"; and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        raise ComparisonError(
            f"{name_a} and {name_b} did not meet the same episodes, so pairing them would mean nothing: "
            f"{'; '.join(different[:_SHOWN])}{more}"
        )
    unshared = len(records_a) + len(records_b) - 2 * len(shared)
    if unshared:
        warnings += (f"{unshared} episodes are in one run only and are left out",)
    won_a = {i for i in shared if records_a[i].success}
    won_b = {i for i in shared if records_b[i].success}
    return Comparison(
        name_a=name_a,
        name_b=name_b,
        confidence=confidence,
        both=len(won_a & won_b),
        only_a=tuple(sorted(won_a - won_b)),
        only_b=tuple(sorted(won_b - won_a)),
        neither=len(shared) - len(won_a | won_b),
        warnings=warnings,
    )


def render(comparison: Comparison) -> RenderableType:
    """The comparison for a terminal."""
    c = comparison
    level = f"{100 * c.confidence:g} % interval"
    rates = Table("run", "successes", "rate", level, title=f"{c.pairs} shared episodes", title_justify="left")
    for which, name in (("a", c.name_a), ("b", c.name_b)):
        successes, interval = c.rate(which)
        rates.add_row(
            Text(name), f"{successes}/{c.pairs}", f"{100 * successes / c.pairs:.1f} %", _percent(interval)
        )
    low, high = c.difference_interval
    rates.add_section()
    rates.add_row(
        "difference", "", f"{100 * c.difference:+.1f} points", f"{100 * low:+.1f} to {100 * high:+.1f} points"
    )
    table = Table("", escape(f"{c.name_b} succeeds"), escape(f"{c.name_b} fails"))
    table.add_row(Text(f"{c.name_a} succeeds"), str(c.both), str(len(c.only_a)))
    table.add_row(Text(f"{c.name_a} fails"), str(len(c.only_b)), str(c.neither))
    lines: list[RenderableType] = [rates, table, Text(c.verdict(), style="bold")]
    for name, indices in ((c.name_a, c.only_a), (c.name_b, c.only_b)):
        if indices:
            shown = ", ".join(map(str, indices[:30])) + (" ..." if len(indices) > 30 else "")
            lines.append(Text(f"Only {name} solves: {shown}"))
    return Group(*lines, *(Text(f"Warning: {w}.", style="yellow") for w in c.warnings))


def _percent(interval: Interval) -> str:
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %"
