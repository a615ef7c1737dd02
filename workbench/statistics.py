"""Intervals and tests for success rates and continuous metrics: no rate is reported without one.

    wilson_interval(14, 20)                        # a success rate
    mcnemar_exact(9, 2)                            # two policies on the same episodes: is there a difference?
    paired_difference_interval(30, 9, 2, 9)        # ... and how large is it?
    quantile_interval(times_s, 0.5)                # a median
    bootstrap_mean_interval(lengths_m, seed=7)     # a mean

Every function is pure: the same numbers give the same answer, in whatever order they come. Intervals are
two-sided and hold at one fixed sample size; for looks while data arrive see `workbench.sequential`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import optimize, stats

Interval = tuple[float, float]

CONFIDENCE = 0.95
"""Default confidence level of every interval."""


def wilson_interval(k: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Score interval of a proportion ``k / n``; the default for success rates at any ``n`` and any rate.

    For a clustered sample, ``n`` is its effective size, which need not be whole, and ``k`` the rate's share of it.

    Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22.
    """
    _check_count(k, n)
    z = _two_sided_z(confidence)
    rate = k / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half_width = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At 0 and n the bound is exactly 0 or 1; rounding must not put it a hair inside.
    low = 0.0 if k == 0 else max(0.0, centre - half_width)
    high = 1.0 if k == n else min(1.0, centre + half_width)
    return low, high


def clopper_pearson_interval(k: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Interval of a proportion that covers with at least ``confidence`` for every true rate (conservative).

    Clopper & Pearson (1934), Biometrika 26, in its Beta-quantile form.
    """
    _check_count(k, n)
    tail = _tail(confidence)
    low = 0.0 if k == 0 else float(stats.beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(stats.beta.ppf(1 - tail, k + 1, n - k))
    return low, high


def jeffreys_interval(k: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Equal-tailed credible interval of a proportion under the Jeffreys prior Beta(1/2, 1/2).

    The bound is 0 at ``k == 0`` and 1 at ``k == n``, after Brown, Cai & DasGupta (2001), Stat. Sci. 16.
    """
    _check_count(k, n)
    tail = _tail(confidence)
    low = 0.0 if k == 0 else float(stats.beta.ppf(tail, k + 0.5, n - k + 0.5))
    high = 1.0 if k == n else float(stats.beta.ppf(1 - tail, k + 0.5, n - k + 0.5))
    return low, high


def mcnemar_exact(b: int, c: int) -> float:
    """Two-sided exact p-value that two policies succeed equally often on the same episodes.

    ``b`` episodes only the first policy solves, ``c`` only the second; episodes on which they agree carry no
    evidence. ``b`` is Binomial(b + c, 1/2) under the null. McNemar (1947), Psychometrika 12.
    """
    if b < 0 or c < 0:
        raise ValueError(f"counts of discordant pairs must not be negative, not {b} and {c}")
    return 1.0 if b + c == 0 else float(stats.binomtest(b, b + c, 0.5).pvalue)


def paired_difference_interval(
    both: int,
    only_a: int,
    only_b: int,
    neither: int,
    confidence: float = CONFIDENCE,
    method: Literal["tango", "newcombe"] = "tango",
) -> Interval:
    """Interval of ``rate_a - rate_b`` where both policies ran the same episodes, from the 2x2 table of
    counts.

    ``tango`` inverts the score test (Tango 1998, Statistics in Medicine 17, 891-908). ``newcombe`` is his
    method 10, Wilson intervals combined with the correlation (Newcombe 1998, Statistics in Medicine 17,
    2635-2650).
    """
    counts = (both, only_a, only_b, neither)
    if min(counts) < 0 or sum(counts) == 0:
        raise ValueError(f"a 2x2 table needs four counts >= 0 that are not all 0, not {counts}")
    if method == "tango":
        return _tango_interval(only_a, only_b, sum(counts), _two_sided_z(confidence))
    if method == "newcombe":
        return _newcombe_interval(*counts, confidence)
    raise ValueError(f"method must be 'tango' or 'newcombe', not {method!r}")


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

    low = -1.0 if c == n else optimize.brentq(lambda d: score(d) - z, -1.0, estimate, xtol=1e-12)
    high = 1.0 if b == n else optimize.brentq(lambda d: score(d) + z, estimate, 1.0, xtol=1e-12)
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
    ordered = sorted(_finite(values))
    tail = _tail(confidence)
    lower_rank = int(stats.binom.ppf(tail, len(ordered), quantile)) if ordered else 0
    upper_rank = int(stats.binom.ppf(1 - tail, len(ordered), quantile)) + 1 if ordered else 1
    if lower_rank < 1 or upper_rank > len(ordered):
        return None
    return ordered[lower_rank - 1], ordered[upper_rank - 1]


def bootstrap_mean_interval(
    values: Sequence[float],
    *,
    seed: int = 0,
    name: str = "",
    confidence: float = CONFIDENCE,
    resamples: int = 2000,
) -> Interval | None:
    """Bootstrap interval (BCa) of the mean of a continuous metric, in the unit of ``values``.

    Resampling draws from Philox keyed by ``(seed, name)``, so a metric's interval depends on nothing else:
    not on other metrics, nor on the order of the values. Not for success rates, where it fails near 0 and 1.
    None with fewer than 3 values. Efron (1987), Better bootstrap confidence intervals, JASA 82.
    """
    ordered = sorted(_finite(values))
    if len(ordered) < 3:
        return None
    if ordered[0] == ordered[-1]:
        return ordered[0], ordered[0]
    result = stats.bootstrap(
        (np.asarray(ordered),),
        np.mean,
        confidence_level=confidence,
        n_resamples=resamples,
        method="BCa",
        batch=max(1, 2_000_000 // len(ordered)),  # bounds the memory, not the answer
        rng=keyed_generator(seed, name),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def keyed_generator(seed: int, name: str) -> np.random.Generator:
    """Counter-based random numbers that depend on ``(seed, name)`` only."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for having run all of these tests, in the order given.

    Calling those below ``alpha`` real wrongs at most a share ``alpha`` of such families of tests. Holm
    (1979), A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6.
    """
    if any(not 0 <= p <= 1 for p in p_values):
        raise ValueError(f"p-values must lie in [0, 1]: {list(p_values)}")
    adjusted = [0.0] * len(p_values)
    worst = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = worst
    return adjusted


def _check_count(k: float, n: float) -> None:
    if n < 1 or not 0 <= k <= n:
        raise ValueError(f"a rate needs n >= 1 and 0 <= k <= n, not k = {k}, n = {n}")


def _tail(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie strictly between 0 and 1 (0.95 for 95 %), not {confidence}")
    return (1 - confidence) / 2


def _two_sided_z(confidence: float) -> float:
    return float(stats.norm.ppf(1 - _tail(confidence)))


def _finite(values: Sequence[float]) -> list[float]:
    numbers = [float(v) for v in values]
    if not all(math.isfinite(v) for v in numbers):
        raise ValueError(
            "values hold a NaN or an infinity; drop or explain missing numbers before this point"
        )
    return numbers
