"""The exact interval of a paired difference: it excludes 0 exactly where McNemar's exact test rejects.

With b and c discordant pairs among n, let theta be the chance that a discordant pair is the first policy's and pi the
chance that a pair is discordant; the difference of success rates is pi (2 theta - 1). Both have exact confidence
distributions, those of Clopper and Pearson. The limit is a quantile of pi (2 theta - 1) with each drawn from its own:
melding, Fay, Proschan & Brittain (2015), Combining one-sample confidence procedures for inference in the two-sample
case, Biometrics 71; for matched pairs Fay & Lumbard (2021), Confidence intervals for difference in proportions for
matched pairs compatible with exact McNemar's or sign tests, Statistics in Medicine 40.

Why it agrees with the test: pi is positive, so the sign of the product is that of 2 theta - 1, and the probability of
theta <= 1/2 under its lower distribution is McNemar's one-sided p-value. That the limits cover is enumerated in
docs/statistics.md and `tests/workbench/stats/test_paired.py`.
"""

from __future__ import annotations

import numpy as np
import scipy

from workbench.stats.checks import Interval

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(128)


def melded_interval(b: int, c: int, n: int, tail: float) -> Interval:
    """Interval of the difference from ``b`` and ``c`` discordant among ``n`` pairs, ``tail`` outside on either side."""
    return melded_lower(b, c, n, tail), -melded_lower(c, b, n, tail)


def one_sided(b: int, c: int) -> float:
    """Probability of at least ``b`` among ``b + c`` discordant pairs where either kind is as likely."""
    return float(scipy.special.bdtr(c, b + c, 0.5))  # at most c of the other kind


def melded_lower(b: int, c: int, n: int, tail: float) -> float:
    """Lower limit of the difference."""
    discordant = b + c
    if b == 0:  # theta's lower distribution is all at 0
        return -_upper_share(discordant, n, tail)
    at_most_half = one_sided(b, c)
    if at_most_half < tail:
        # theta > 1/2, where a smaller pi makes the difference smaller: pi from its lower distribution.
        spread = 2 * _theta(b, c, at_most_half, 1.0) - 1

        def excess_above(difference: float) -> float:
            share = scipy.special.betainc(discordant, n - discordant + 1, _ratio(difference, spread))
            return at_most_half + (1 - at_most_half) * float(_WEIGHTS @ share) / 2 - tail

        return float(scipy.optimize.brentq(excess_above, 0.0, 1.0, xtol=1e-10))
    if discordant == n:  # pi's upper distribution is all at 1
        return min(0.0, 2 * float(scipy.special.betaincinv(b, c + 1, tail)) - 1)
    # theta <= 1/2, where a greater pi makes it smaller: pi from its upper distribution.
    spread = 1 - 2 * _theta(b, c, 0.0, at_most_half)

    def excess_below(difference: float) -> float:
        share = 1 - scipy.special.betainc(discordant + 1, n - discordant, _ratio(-difference, spread))
        return at_most_half * float(_WEIGHTS @ share) / 2 - tail

    return float(scipy.optimize.brentq(excess_below, -1.0, 0.0, xtol=1e-10))


def _ratio(difference: float, spread: np.ndarray) -> np.ndarray:
    """Value of pi at which the difference is reached, at most 1."""
    return np.minimum(np.divide(difference, spread, out=np.ones_like(spread), where=spread > difference), 1.0)


def _theta(b: int, c: int, start: float, end: float) -> np.ndarray:
    """Values of theta's lower distribution, Beta(b, c + 1), at Gauss nodes of probability from start to end."""
    middle, half = (start + end) / 2, (end - start) / 2
    return np.asarray(scipy.special.betaincinv(b, c + 1, np.clip(middle + half * _NODES, 0.0, 1.0)))


def _upper_share(k: int, n: int, tail: float) -> float:
    return 1.0 if k == n else float(scipy.special.betaincinv(k + 1, n - k, 1 - tail))
