"""`Verdict`: what was found about one channel, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from workbench.policy_check.signed_rank import SignedRank

Result = Literal["consistent", "contradictory", "cannot be told", "read", "not read"]
CONSISTENT: Result = "consistent"
CONTRADICTORY: Result = "contradictory"
UNKNOWN: Result = "cannot be told"
READ: Result = "read"
NOT_READ: Result = "not read"
"""`READ` and `NOT_READ` say of an input whether it changes an answer, and blame nobody."""


@dataclass(frozen=True)
class Verdict:
    """One line of a check."""

    part: Literal["action", "observation"]
    channel: str
    """In the field's words: ``dx``, ``gripper``, ``front picture``."""
    about: str
    """Which convention: ``sign``, ``frame``, ``colour order``."""
    result: Result
    sentence: str
    """What was found, or why nothing can be told."""
    measured: Mapping[str, float] = field(default_factory=dict)
    """Numbers behind it, by name."""
    scenes: int | None = None
    """Scenes that a test had; None where nothing was tested."""
    p: float | None = None
    """The test's."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {"measured": dict(self.measured)}


def tested(
    part: Literal["action", "observation"],
    channel: str,
    about: str,
    result: Result,
    sentence: str,
    test: SignedRank,
    **measured: float,
) -> Verdict:
    """A verdict that rests on a test."""
    numbers = {"median": test.median, "above": test.above, "below": test.below, **measured}
    return Verdict(part, channel, about, result, sentence, numbers, test.count, test.p)


def contradictions(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those that say that something is wrong."""
    return [verdict for verdict in verdicts if verdict.result == CONTRADICTORY]
