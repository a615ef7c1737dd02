"""`Line`: one thing that a verdict rests on: number, threshold, evidence, and whether it is enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

State = Literal["pass", "fail", "not evaluated"]
PASS: State = "pass"
FAIL: State = "fail"
NOT_EVALUATED: State = "not evaluated"
"""Nothing is known; never a pass."""


@dataclass(frozen=True)
class Evidence:
    """Where a line's number comes from."""

    command: str
    """What makes it again, as typed."""
    folder: str = ""
    """Run folder or file, relative to the verdict's folder where it lies within; empty where nothing is kept."""


@dataclass(frozen=True)
class Line:
    """One requirement and what was found."""

    name: str
    """Of the requirement: ``success``."""
    what: str
    """What is required, in words."""
    state: State
    sentence: str
    """What was found, or why nothing was."""
    number: float | None = None
    """What is held against the threshold: of a rate, its bound; None where there is none."""
    interval: tuple[float, float] | None = None
    """Of the rate that the number bounds."""
    threshold: float | None = None
    at_least: bool = True
    """Whether the number must not be less than the threshold; else, not more."""
    unit: str = ""
    why: str = ""
    """Why it is required."""
    evidence: tuple[Evidence, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    """More numbers, plain JSON types."""

    def but(self, **changes: Any) -> Self:
        """The same with other fields."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; `from_dict` is the inverse."""
        return asdict(self) | {
            "interval": None if self.interval is None else list(self.interval),
            "evidence": [asdict(one) for one in self.evidence],
            "details": dict(self.details),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`; KeyError or TypeError for what is no line."""
        interval = data["interval"]
        return cls(
            **dict(data)
            | {
                "interval": None if interval is None else (float(interval[0]), float(interval[1])),
                "evidence": tuple(Evidence(**one) for one in data["evidence"]),
                "details": dict(data["details"]),
            }
        )
