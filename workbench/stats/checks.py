"""What the intervals share: the level, and what counts and values may be."""

from __future__ import annotations

import math
from collections.abc import Sequence

import scipy

Interval = tuple[float, float]

CONFIDENCE = 0.95
"""Default confidence level of every interval."""


def check_count(k: float, n: float) -> None:
    """ValueError unless ``k`` of ``n`` is a rate."""
    if n < 1 or not 0 <= k <= n:
        raise ValueError(f"a rate needs n >= 1 and 0 <= k <= n, not k = {k}, n = {n}")


def tail_of(confidence: float) -> float:
    """Probability outside an interval on either side."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie strictly between 0 and 1 (0.95 for 95 %), not {confidence}")
    return (1 - confidence) / 2


def two_sided_z(confidence: float) -> float:
    """Standard normal quantile of a two-sided interval."""
    return float(scipy.stats.norm.ppf(1 - tail_of(confidence)))


def finite(values: Sequence[float]) -> list[float]:
    """The values as floats; ValueError for a NaN or an infinity among them."""
    numbers = [float(v) for v in values]
    if not all(math.isfinite(v) for v in numbers):
        raise ValueError(
            "values hold a NaN or an infinity; drop or explain missing numbers before this point"
        )
    return numbers
