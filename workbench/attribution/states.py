"""What is shown of a level, a side or a factor: that the policy bears it, that it breaks it, or neither.

*Holds*: retention is shown to be above the margin ``breaks_below``, by the score test of the ratio of paired rates at
one-sided level ``1 - confidence``: a test of non-inferiority. Not to be shown broken is no such evidence. *Breaks*: see
`workbench.attribution.ladder`. *Not known*: neither, and then how many episodes would tell if what was seen went on.

A range is recommended up to the farthest level before which every level holds. Levels are taken from nominal outward
and the first that does not hold ends it, so no correction is due within a ladder (Maurer, Hothorn & Lehmacher 1995):
a range goes past a level that does not hold with probability at most ``1 - confidence``, for each ladder.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import scipy

from workbench.attribution.retention import PairedCounts, paired_ratio_score

HOLDS, BREAKS, NOT_KNOWN = "holds", "breaks", "not known"
POWER = 0.8
"""Probability with which the episodes that "would tell" do."""
MOST_NEEDED = 100_000
"""Episodes beyond which it is said that no practical number tells."""


def holds(counts: PairedCounts, margin: float, confidence: float) -> bool:
    """Whether retention is shown to be above the margin."""
    if counts.both + counts.only_clean == 0:
        return False
    score = paired_ratio_score(margin, counts.both, counts.only_here, counts.only_clean)
    return score > float(scipy.stats.norm.ppf(confidence))


def together(parts: Sequence[str]) -> str:
    """The state of what consists of these: it breaks where one does, and holds where all do."""
    if BREAKS in parts:
        return BREAKS
    return HOLDS if parts and all(part == HOLDS for part in parts) else NOT_KNOWN


def held_to(levels: Sequence[dict[str, Any]]) -> float:
    """Severity of the farthest level up to which all hold, mildest first; 0 where the first does not."""
    reached = 0.0
    for level in levels:
        if level["state"] != HOLDS:
            break
        reached = level["severity"]
    return reached


def episodes_to_tell(counts: PairedCounts, margin: float, confidence: float, tests: int) -> int | None:
    """Episodes with which the level would be told with probability `POWER`, if what was seen went on.

    That it holds, where retention seen is above the margin, or that it is not clean, below it, by normal approximation
    of the two tests. Half an episode is added to each kind of pair, as a few that agree do not say that all do. None
    where nothing was seen, or more than `MOST_NEEDED` would be needed.
    """
    n = counts.pairs
    if n == 0 or counts.both + counts.only_clean == 0:
        return None
    both, lost, won = ((k + 0.5) / (n + 2) for k in (counts.both, counts.only_clean, counts.only_here))
    retention = (both + won) / (both + lost)
    above = retention >= margin
    ratio, level = (margin, 1 - confidence) if above else (1.0, (1 - confidence) / 2 / tests)
    # One pair's part of the score statistic: here minus ratio times clean.
    mean = (both + won) - ratio * (both + lost)
    spread = both * (1 - ratio) ** 2 + lost * ratio**2 + won - mean**2
    if abs(mean) < 1e-9:
        return None
    z = float(scipy.stats.norm.isf(level)) + float(scipy.stats.norm.ppf(POWER))
    needed = math.ceil(spread * (z / mean) ** 2)
    return max(n + 1, needed) if needed <= MOST_NEEDED else None
