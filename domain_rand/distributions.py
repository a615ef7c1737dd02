"""Typed distributions, validated when built: an inverted range is an error where it is written, not a bias later."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np


@dataclass(frozen=True)
class Range:
    """Uniform over [lo, hi]."""

    kind: ClassVar[str] = "range"
    lo: float
    hi: float

    def __post_init__(self) -> None:
        ends = (self.lo, self.hi)
        if any(isinstance(end, bool) or not isinstance(end, (int, float)) for end in ends):
            raise ValueError(f"a range needs finite numbers, not lo={self.lo!r}, hi={self.hi!r}")
        if not (math.isfinite(self.lo) and math.isfinite(self.hi) and self.lo <= self.hi):
            raise ValueError(f"a range needs finite lo <= hi, not lo={self.lo}, hi={self.hi}")

    def sample(self, rng: np.random.Generator) -> float:
        """One draw."""
        return float(rng.uniform(self.lo, self.hi))

    def outside(self, other: Distribution) -> list[Any]:
        """What of another distribution lies outside this range."""
        return [end for end in _ends(other) if not (_is_number(end) and self.lo <= end <= self.hi)]


@dataclass(frozen=True)
class LogRange(Range):
    """Log-uniform over [lo, hi], both positive: halving is as likely as doubling. For scales."""

    kind: ClassVar[str] = "log_range"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lo <= 0:
            raise ValueError(f"a log range needs lo > 0, not {self.lo}")

    def sample(self, rng: np.random.Generator) -> float:
        """One draw."""
        return float(math.exp(rng.uniform(math.log(self.lo), math.log(self.hi))))


@dataclass(frozen=True)
class Integers:
    """Uniform over the integers lo, ..., hi."""

    kind: ClassVar[str] = "integers"
    lo: int
    hi: int

    def __post_init__(self) -> None:
        whole = all(isinstance(end, int) and not isinstance(end, bool) for end in (self.lo, self.hi))
        if not whole or self.lo > self.hi:
            raise ValueError(f"integers need whole lo <= hi, not lo={self.lo}, hi={self.hi}")

    def sample(self, rng: np.random.Generator) -> int:
        """One draw."""
        return int(rng.integers(self.lo, self.hi + 1))

    def outside(self, other: Distribution) -> list[Any]:
        """What of another distribution is none of these integers."""
        return [
            end
            for end in _ends(other)
            if not (_is_number(end) and end == int(end) and self.lo <= end <= self.hi)
        ]


@dataclass(frozen=True)
class Numbered(Integers):
    """Uniform over the entries lo, ..., hi of a numbered list, less some: their numbers are names, not quantities."""

    kind: ClassVar[str] = "numbered"
    without: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        entries = range(self.lo, self.hi + 1)
        if not isinstance(self.without, tuple) or not all(n in entries for n in self.without):
            raise ValueError(
                f"without needs to list numbers from {self.lo} to {self.hi}, not {self.without!r}"
            )
        if not self.options:
            raise ValueError(f"a numbered list needs an entry, and without={list(self.without)} leaves none")

    @property
    def options(self) -> tuple[int, ...]:
        """The numbers of the entries."""
        return tuple(n for n in range(self.lo, self.hi + 1) if n not in self.without)

    def sample(self, rng: np.random.Generator) -> int:
        """One draw; where none is left out, the same as of `Integers`."""
        return self.options[int(rng.integers(len(self.options)))]


@dataclass(frozen=True)
class Choice:
    """Uniform over named options."""

    kind: ClassVar[str] = "choice"
    options: tuple[str, ...]

    def __post_init__(self) -> None:
        if isinstance(self.options, str) or not all(isinstance(option, str) for option in self.options):
            raise ValueError(f"options must be a list of words, not {self.options!r}")
        if not self.options or len(set(self.options)) != len(self.options):
            raise ValueError(f"a choice needs at least one option and no repeats, not {list(self.options)}")

    def sample(self, rng: np.random.Generator) -> str:
        """One draw."""
        return self.options[int(rng.integers(len(self.options)))]

    def outside(self, other: Distribution) -> list[Any]:
        """The options of another distribution that are none of these."""
        options = other.options if isinstance(other, Choice) else _ends(other)
        return [option for option in options if option not in self.options]


@dataclass(frozen=True)
class Fixed:
    """Always the same value: a number, a word, or a list of them for a factor of several components."""

    kind: ClassVar[str] = "fixed"
    value: Any

    def sample(self, rng: np.random.Generator) -> Any:
        """The value; takes no random number."""
        return list(self.value) if isinstance(self.value, tuple) else self.value

    def outside(self, other: Distribution) -> list[Any]:
        """The other's value, if it is not this one."""
        return [] if isinstance(other, Fixed) and other.value == self.value else [other]


Distribution = Range | LogRange | Integers | Numbered | Choice | Fixed


def _ends(distribution: Distribution) -> list[Any]:
    """The extreme values that a distribution gives."""
    if isinstance(distribution, Fixed):
        value = distribution.value
        return list(value) if isinstance(value, list | tuple) else [value]
    if isinstance(distribution, Choice | Numbered):
        return list(distribution.options)
    return [distribution.lo, distribution.hi]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
