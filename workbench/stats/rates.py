"""Intervals of a proportion."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import scipy

from workbench.stats.checks import CONFIDENCE, Interval, check_count, tail_of, two_sided_z


def wilson_interval(k: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Score interval of a proportion ``k / n``; the default for success rates at any ``n`` and any rate.

    For a clustered sample, ``n`` is its effective size, which need not be whole, and ``k`` the rate's share of it.

    Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22.
    """
    check_count(k, n)
    z = two_sided_z(confidence)
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
    check_count(k, n)
    tail = tail_of(confidence)
    low = 0.0 if k == 0 else float(scipy.stats.beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(scipy.stats.beta.ppf(1 - tail, k + 1, n - k))
    return low, high


def jeffreys_interval(k: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Equal-tailed credible interval of a proportion under the Jeffreys prior Beta(1/2, 1/2).

    The bound is 0 at ``k == 0`` and 1 at ``k == n``, after Brown, Cai & DasGupta (2001), Stat. Sci. 16.
    """
    check_count(k, n)
    tail = tail_of(confidence)
    low = 0.0 if k == 0 else float(scipy.stats.beta.ppf(tail, k + 0.5, n - k + 0.5))
    high = 1.0 if k == n else float(scipy.stats.beta.ppf(1 - tail, k + 0.5, n - k + 0.5))
    return low, high


RATE_INTERVALS = {
    "wilson": ("Wilson", wilson_interval),
    "beta": ("Beta posterior, Jeffreys' prior", jeffreys_interval),
    "clopper_pearson": ("Clopper-Pearson", clopper_pearson_interval),
}
"""Intervals of a rate that can be asked for by name, and what a reader is told."""


def stratified_interval(
    strata: Sequence[tuple[int, int]],
    weights: Sequence[float],
    confidence: float = CONFIDENCE,
    interval: Callable[[int, int, float], Interval] = wilson_interval,
) -> tuple[float, Interval]:
    """Weighted mean of the rates ``k / n`` of strata, and its interval from those of the strata.

    Weights count by their ratios. The distances of the strata's limits from their rates add up like independent
    errors (MOVER: Zou & Donner 2008, Construction of confidence limits about effect measures, Statistics in
    Medicine 27). ValueError for a stratum without episodes or weights that are negative or all 0.
    """
    if len(strata) != len(weights) or not strata:
        raise ValueError(f"{len(strata)} strata need as many weights, not {len(weights)}")
    if min(weights) < 0 or sum(weights) <= 0:
        raise ValueError(f"weights must not be negative, and not all 0: {list(weights)}")
    shares = [w / math.fsum(weights) for w in weights]
    rates = [k / n if n else math.nan for k, n in strata]
    limits = [interval(k, n, confidence) for k, n in strata]
    rate = math.fsum(w * p for w, p in zip(shares, rates, strict=True))
    below, above = (
        math.sqrt(
            math.fsum((w * (p - ends[side])) ** 2 for w, p, ends in zip(shares, rates, limits, strict=True))
        )
        for side in (0, 1)
    )
    return rate, (max(0.0, rate - below), min(1.0, rate + above))
