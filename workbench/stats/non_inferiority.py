"""Whether a policy is shown to succeed no more than a stated margin less often than another, on the same episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.stats.checks import CONFIDENCE, Interval
from workbench.stats.paired import paired_difference_interval

Verdict = Literal["not worse", "worse", "not shown"]


@dataclass(frozen=True)
class NonInferiority:
    """Outcome of a test on pairs."""

    difference: float
    """Success rate of the new policy less that of the old one."""
    interval: Interval
    """Of `difference`, two-sided."""
    margin: float
    verdict: Verdict
    """``not worse``: the interval excludes a loss of `margin` and more; ``worse``: it excludes a smaller one."""


def non_inferiority(
    both: int, only_new: int, only_old: int, neither: int, margin: float, confidence: float = CONFIDENCE
) -> NonInferiority:
    """Test that the new policy's success rate is more than the old one's less ``margin``, from the 2x2 table of counts.

    By the exact interval of the paired difference, so that each verdict is wrong with at most
    ``(1 - confidence) / 2``. ValueError for a margin that is not between 0 and 1.
    """
    if not 0 < margin < 1:
        raise ValueError(f"margin must lie between 0 and 1, not {margin}")
    low, high = paired_difference_interval(both, only_new, only_old, neither, confidence)
    pairs = both + only_new + only_old + neither
    verdict: Verdict = "not worse" if low > -margin else "worse" if high < -margin else "not shown"
    return NonInferiority((only_new - only_old) / pairs, (low, high), margin, verdict)
