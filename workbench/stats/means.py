"""Intervals of quantiles and means of continuous metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy

from workbench.stats.checks import CONFIDENCE, Interval, finite, tail_of


def quantile_interval(
    values: Sequence[float], quantile: float = 0.5, confidence: float = CONFIDENCE
) -> Interval | None:
    """Distribution-free interval of a quantile, between two order statistics of ``values`` (same unit).

    The ranks come from Binomial(n, quantile), so coverage is at least ``confidence`` for any distribution
    (David & Nagaraja, Order Statistics, 3rd ed., section 7.1). None when there are too few values for such
    ranks to exist: fewer than 6 for a median at 95 %.
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile must lie strictly between 0 and 1, not {quantile}")
    ordered = sorted(finite(values))
    tail = tail_of(confidence)
    lower_rank = int(scipy.stats.binom.ppf(tail, len(ordered), quantile)) if ordered else 0
    upper_rank = int(scipy.stats.binom.ppf(1 - tail, len(ordered), quantile)) + 1 if ordered else 1
    if lower_rank < 1 or upper_rank > len(ordered):
        return None
    return ordered[lower_rank - 1], ordered[upper_rank - 1]


def mean_interval(
    values: Sequence[float], confidence: float = CONFIDENCE, bounds: Interval = (-math.inf, math.inf)
) -> Interval | None:
    """Interval of the mean of a continuous metric, in the unit of ``values``; within ``bounds``, if it has any.

    Student's t after Hall's cubic transformation, which takes out what skewness does to t: Hall (1992), On the removal
    of skewness by transformation, JRSS-B 54; it refines Johnson (1978), Modified t tests and confidence intervals for
    asymmetrical populations, JASA 73. Not for success rates. None with fewer than 3 values. What coverage that has at 8
    to 32 values is in docs/statistics.md.
    """
    numbers = np.asarray(sorted(finite(values)))
    n = len(numbers)
    tail = tail_of(confidence)
    if n < 3:
        return None
    if numbers[0] == numbers[-1]:
        return float(numbers[0]), float(numbers[0])
    mean, deviation = math.fsum(numbers) / n, float(numbers.std(ddof=1))
    if deviation == 0:  # they differ by less than can be squared
        return float(numbers[0]), float(numbers[-1])
    skewness = n / ((n - 1) * (n - 2)) * math.fsum(((numbers - mean) / deviation) ** 3)
    t = float(scipy.stats.t.ppf(1 - tail, n - 1)) / math.sqrt(n)

    def untransformed(quantile: float) -> float:
        """The (mean - truth) / deviation whose transform x + a x^2 + a^2 x^3 / 3 + skewness / 6n is the quantile."""
        a, x = skewness / 3, quantile - skewness / (6 * n)
        return x if abs(a) < 1e-9 else (math.cbrt(1 + 3 * a * x) - 1) / a

    low, high = mean - deviation * untransformed(t), mean - deviation * untransformed(-t)
    return min(mean, max(low, bounds[0])), max(mean, min(high, bounds[1]))
