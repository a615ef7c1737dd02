"""Two policies on the same episodes: McNemar's exact test, and intervals of the difference of their rates."""

from __future__ import annotations

import math
from typing import Literal

import scipy

from workbench.stats.checks import CONFIDENCE, Interval, tail_of, two_sided_z
from workbench.stats.paired_exact import melded_interval, one_sided
from workbench.stats.rates import wilson_interval


def mcnemar_exact(b: int, c: int) -> float:
    """Two-sided exact p-value that two policies succeed equally often on the same episodes.

    ``b`` episodes only the first policy solves, ``c`` only the second; episodes on which they agree carry no
    evidence. ``b`` is Binomial(b + c, 1/2) under the null. McNemar (1947), Psychometrika 12.
    """
    if b < 0 or c < 0:
        raise ValueError(f"counts of discordant pairs must not be negative, not {b} and {c}")
    return min(1.0, 2 * one_sided(max(b, c), min(b, c)))


def paired_difference_interval(
    both: int,
    only_a: int,
    only_b: int,
    neither: int,
    confidence: float = CONFIDENCE,
    method: Literal["exact", "tango", "newcombe"] = "exact",
) -> Interval:
    """Interval of ``rate_a - rate_b`` where both policies ran the same episodes, from the 2x2 table of
    counts.

    ``exact`` excludes 0 exactly where `mcnemar_exact` is below ``1 - confidence``, and covers at least as often as it
    says (`paired_exact`). Two shorter ones that hold on average and may contradict that test: ``tango`` inverts the
    score test (Tango 1998, Statistics in Medicine 17, 891-908); ``newcombe`` is his
    method 10, Wilson intervals combined with the correlation (Newcombe 1998, Statistics in Medicine 17,
    2635-2650).
    """
    counts = (both, only_a, only_b, neither)
    if min(counts) < 0 or sum(counts) == 0:
        raise ValueError(f"a 2x2 table needs four counts >= 0 that are not all 0, not {counts}")
    if method == "exact":
        return melded_interval(only_a, only_b, sum(counts), tail_of(confidence))
    if method == "tango":
        return _tango_interval(only_a, only_b, sum(counts), two_sided_z(confidence))
    if method == "newcombe":
        return _newcombe_interval(*counts, confidence)
    raise ValueError(f"method must be 'exact', 'tango' or 'newcombe', not {method!r}")


def _tango_score(b: int, c: int, n: int, difference: float) -> float:
    """Tango's score statistic for ``p_b - p_c == difference``; decreases as ``difference`` grows."""
    numerator = b - c - n * difference
    if numerator == 0:
        return 0.0
    # p_c under the constraint, by maximum likelihood: the larger root of A q^2 + B q + C = 0.
    quadratic = 2.0 * n
    linear = -b - c + (2 * n - b + c) * difference
    constant = -c * difference * (1 - difference)
    root = math.sqrt(max(0.0, linear * linear - 4 * quadratic * constant))
    p_c = (root - linear) / (2 * quadratic)
    variance = n * (2 * p_c + difference * (1 - difference))
    return numerator / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, numerator)


def _tango_interval(b: int, c: int, n: int, z: float) -> Interval:
    estimate = (b - c) / n
    # The statistic is infinite at +-1 and brentq needs finite ends; z is far below the cap.
    cap = 1e6

    def score(difference: float) -> float:
        return min(cap, max(-cap, _tango_score(b, c, n, difference)))

    low = -1.0 if c == n else scipy.optimize.brentq(lambda d: score(d) - z, -1.0, estimate, xtol=1e-12)
    high = 1.0 if b == n else scipy.optimize.brentq(lambda d: score(d) + z, estimate, 1.0, xtol=1e-12)
    return float(low), float(high)


def _newcombe_interval(both: int, only_a: int, only_b: int, neither: int, confidence: float) -> Interval:
    n = both + only_a + only_b + neither
    successes_a, successes_b = both + only_a, both + only_b
    rate_a, rate_b = successes_a / n, successes_b / n
    low_a, high_a = wilson_interval(successes_a, n, confidence)
    low_b, high_b = wilson_interval(successes_b, n, confidence)
    margins = successes_a * (n - successes_a) * successes_b * (n - successes_b)
    covariance: float = both * neither - only_a * only_b
    if covariance > 0:  # the continuity correction that distinguishes method 10 from method 8
        covariance = max(covariance - n / 2, 0.0)
    phi = covariance / math.sqrt(margins) if margins > 0 else 0.0

    def half_width(u: float, v: float) -> float:
        return math.sqrt(max(0.0, u * u - 2 * phi * u * v + v * v))

    difference = rate_a - rate_b
    low = difference - half_width(rate_a - low_a, high_b - rate_b)
    high = difference + half_width(high_a - rate_a, rate_b - low_b)
    return max(-1.0, low), min(1.0, high)
