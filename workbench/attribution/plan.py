"""The plan of a severity ladder: which conditions there are, and which of them form the rungs of one ladder.

A ladder takes one factor, on one side of its nominal value, away from nominal in steps; everything else stays as it
is in the clean condition, and every condition runs the same episodes. Run indices are ``condition * episodes +
episode``, so a ladder is one quota of named episodes like any other run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

BASES = ("nominal", "set")
"""What the other factors may do while one is taken up its ladder."""
BREAKS_BELOW = 0.8
"""Retention under which a level counts as breaking, and above which it must be shown to be for a level to hold: a
fifth of what the policy could do is lost."""

Axis = str
"""What the numbers along a ladder are: ``value`` of the factor; ``deviation`` of each component from nominal;
``ratio`` of each component to nominal; ``severity``, the share of the way from nominal to the bound; ``option``."""


@dataclass(frozen=True)
class Span:
    """A numeric range around nominal, and how it shrinks toward nominal."""

    nominal: tuple[float, ...]
    """Of each component."""
    lo: float
    hi: float
    log: bool
    """Whether shares of the way run along the logarithm."""
    whole: bool
    """Whether only whole numbers exist."""

    def shrunk(self, low: float, high: float) -> dict[str, float]:
        """``lo`` and ``hi`` of the range that goes these shares of the way, as a factor set writes them.

        A vector has one range for all components; where their nominal values differ, it always covers these.
        """
        lo = along(min(self.nominal), min(self.lo, *self.nominal), low, self.log)
        hi = along(max(self.nominal), max(self.hi, *self.nominal), high, self.log)
        return (
            {"lo": math.ceil(lo - 1e-9), "hi": math.floor(hi + 1e-9)} if self.whole else {"lo": lo, "hi": hi}
        )


def options_content(options: Sequence[Any]) -> dict[str, Any]:
    """Some of a factor's options, as a factor set writes them: words, or numbers of a list."""
    numbers = [o for o in options if isinstance(o, int)]
    if len(numbers) < len(options):
        return {"options": list(options)}
    lo, hi = min(numbers), max(numbers)
    without = [n for n in range(lo, hi + 1) if n not in numbers]
    return {"lo": lo, "hi": hi, "without": without} if without else {"lo": lo, "hi": hi}


def along(nominal: float, bound: float, severity: float, log: bool) -> float:
    """The value at a share of the way from nominal to a bound; the bound itself, to the last digit, at 1."""
    if severity >= 1 or nominal == bound:
        return bound
    if log:
        value = math.exp((1 - severity) * math.log(nominal) + severity * math.log(bound))
    else:
        value = nominal + severity * (bound - nominal)
    return float(f"{value:.12g}")  # 0.86, not 0.8600000000000001


@dataclass(frozen=True)
class Condition:
    """What one condition does to its factor; the clean one has none."""

    name: str
    factor: str | None = None
    severity: float = 0.0
    """Share of the way from nominal to the bound, in (0, 1]; 1 for an option."""
    value: Any = None
    """The factor's value in every episode; None where it depends on the episode's draw."""
    ends: tuple[tuple[float, float], ...] = ()
    """Vectors: for each component the value below and above nominal; the episode's own draw says which."""


@dataclass(frozen=True)
class Ladder:
    """Conditions of one factor on one side, mildest first."""

    factor: str
    unit: str
    side: str
    """``low``, ``high``, ``both`` (vectors), or ``option`` (words, which have no order)."""
    axis: Axis
    nominal: float | str | None
    """Where the axis begins: the nominal value, 0 for deviations, 1 for ratios; None if it always draws."""
    bound: float | None
    """Where it ends: the bound of the factor set."""
    log: bool
    """Whether severity runs along the logarithm."""
    whole: bool
    """Whether only whole numbers exist."""
    rungs: tuple[int, ...]
    """Indices of the conditions."""
    span: Span | None = None
    """The factor's whole range; None for words."""

    def at(self, severity: float) -> float:
        """Position on the axis, in its unit."""
        if self.bound is None or not isinstance(self.nominal, int | float):
            raise ValueError(f"{self.factor}: words have no position")
        return along(self.nominal, self.bound, severity, self.log)


@dataclass(frozen=True)
class LadderPlan:
    """All conditions of a run."""

    conditions: tuple[Condition, ...]
    """The clean one, (`workbench.runs.records.CLEAN`) first."""
    ladders: tuple[Ladder, ...]
    episodes: int
    """Of each condition."""
    base: str
    """What the other factors do: ``nominal``, or ``set`` for draws from the set."""
    skipped: tuple[tuple[str, str], ...] = ()
    """Factors that have no ladder, and why."""

    @property
    def quota(self) -> int:
        """Number of episodes of the run."""
        return len(self.conditions) * self.episodes

    def split(self, index: int) -> tuple[Condition, int]:
        """Condition and suite episode of a run index."""
        condition, episode = divmod(index, self.episodes)
        return self.conditions[condition], episode

    def describe(self) -> dict[str, Any]:
        """Plain JSON types."""
        data = asdict(self)
        data["skipped"] = dict(self.skipped)
        return data
