"""Several runs, or several recipes, compared at once, with the error rate of the whole family controlled.

Holm's procedure tests the smallest p-value at alpha / k, the next at alpha / (k - 1), and so on up to the first that
fails. Each interval is given at the level at which its difference was tested (those after the first failure at the
level of that), so it excludes 0 exactly where the difference is called real, and each covers at least as often as
``confidence`` says. Holm (1979), A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Protocol

from workbench.comparison.result import ComparisonError
from workbench.stats import Interval, holm

PAIRS, FIRST = "pairs", "first"
AGAINST = (PAIRS, FIRST)


class Contrast(Protocol):
    """A comparison of two."""

    @property
    def name_a(self) -> str:
        """The first."""
        ...

    @property
    def name_b(self) -> str:
        """The second."""
        ...

    @property
    def pairs(self) -> int:
        """Number of episodes."""
        ...

    @property
    def difference(self) -> float:
        """Rate of the first minus that of the second."""
        ...

    @property
    def p_value(self) -> float:
        """That they are equal, two-sided."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """How the episodes were taken."""
        ...

    def interval_at(self, confidence: float) -> Interval:
        """Interval of `difference`."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        ...


@dataclass(frozen=True)
class Member:
    """One comparison of a family."""

    contrast: Contrast
    p_adjusted: float
    interval: Interval
    """At the level at which Holm's procedure tested it."""
    real: bool
    """Whether a difference is shown, with the error rate of the whole family."""

    def verdict(self) -> str:
        """In a few words."""
        c = self.contrast
        if not self.real:
            return "not told apart"
        return f"{c.name_a if c.difference > 0 else c.name_b} succeeds more often"


@dataclass(frozen=True)
class Family:
    """Comparisons that are one experiment."""

    members: tuple[Member, ...]
    confidence: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "confidence": self.confidence,
            "correction": "Holm",
            "comparisons": [
                m.contrast.to_dict()
                | {
                    "p_adjusted": round(m.p_adjusted, 6),
                    "difference_interval": [round(x, 6) for x in m.interval],
                    "real": m.real,
                }
                for m in self.members
            ],
        }


def which_pairs(count: int, against: str) -> list[tuple[int, int]]:
    """Which of so many are compared with which: all pairs, or each with the first."""
    if count < 2:
        raise ComparisonError("there are at least two to compare")
    return [(k, 0) for k in range(1, count)] if against == FIRST else list(combinations(range(count), 2))


def family_of(contrasts: Sequence[Contrast], confidence: float) -> Family:
    """The comparisons with Holm's correction, in the order given."""
    alpha = 1 - confidence
    adjusted = holm([c.p_value for c in contrasts])
    order = sorted(range(len(contrasts)), key=lambda k: contrasts[k].p_value)
    level = alpha
    members: dict[int, Member] = {}
    failed = False
    for rank, k in enumerate(order):
        if not failed:
            level = alpha / (len(order) - rank)
            failed = contrasts[k].p_value >= level
        members[k] = Member(contrasts[k], adjusted[k], contrasts[k].interval_at(1 - level), not failed)
    return Family(tuple(members[k] for k in range(len(contrasts))), confidence)
