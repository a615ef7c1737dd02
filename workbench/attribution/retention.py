"""Retention: success under a condition over success in the clean one, on the same episodes.

    retention_k = S(level k) / S(clean)

Its interval inverts the score test of the ratio of paired proportions: Nam & Blackwelder (2002), Analysis of the
ratio of marginal probabilities in a matched-pair setting, Statistics in Medicine 21; the sibling of Tango's interval
of the difference. It holds at few episodes and at rates near 0 and 1, where a percentile bootstrap claims certainty,
and errs equally often on both sides, which the hybrid Wilson interval of Bonett & Price (2006) does not: `bracket`
needs that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from workbench.stats import Interval


@dataclass(frozen=True)
class PairedCounts:
    """Episodes that ran in the clean condition and under another one, by the two outcomes."""

    both: int
    only_clean: int
    only_here: int
    neither: int

    @classmethod
    def of(cls, clean: np.ndarray, here: np.ndarray) -> PairedCounts:
        """Counts of two rows of outcomes: 1 success, 0 failure, NaN not run; only episodes with both count."""
        ran = ~(np.isnan(clean) | np.isnan(here))
        c, h = clean[ran] > 0.5, here[ran] > 0.5
        return cls(int((c & h).sum()), int((c & ~h).sum()), int((~c & h).sum()), int((~c & ~h).sum()))

    @property
    def pairs(self) -> int:
        """Number of episodes."""
        return self.both + self.only_clean + self.only_here + self.neither

    @property
    def retention(self) -> float | None:
        """Success here over success in the clean condition; None where that is 0."""
        clean = self.both + self.only_clean
        return (self.both + self.only_here) / clean if clean else None

    def interval(self, confidence: float) -> Interval | None:
        """Interval of `retention`; None where clean never succeeds."""
        if self.both + self.only_clean == 0:
            return None
        return paired_ratio_interval(self.both, self.only_here, self.only_clean, confidence)


def paired_ratio_interval(both: int, only_a: int, only_b: int, confidence: float) -> Interval:
    """Interval of ``rate_a / rate_b`` from counts of paired outcomes; pairs where both fail carry no evidence."""
    if both + only_b == 0:
        raise ValueError("the ratio is undefined where the second rate is 0")
    z = float(scipy.stats.norm.ppf(0.5 + confidence / 2))
    estimate = (both + only_a) / (both + only_b)

    def excess(log_ratio: float, bound: float) -> float:
        return paired_ratio_score(math.exp(log_ratio), both, only_a, only_b) - bound

    far = math.log(1e6)
    middle = math.log(estimate) if estimate > 0 else -far
    low = math.exp(scipy.optimize.brentq(excess, -far, middle, (z,))) if estimate > 0 else 0.0
    return low, math.exp(scipy.optimize.brentq(excess, middle, far, (-z,)))


def paired_ratio_score(ratio: float, both: int, only_a: int, only_b: int) -> float:
    """Score statistic, about standard normal, for ``rate_a == ratio * rate_b``; falls as ``ratio`` grows.

    Var(A - ratio B) = ratio (p_a + p_b) per pair under the null, where ``p_a`` and ``p_b``, the shares of pairs
    that only one solves, are estimated by maximum likelihood under it: the root of a quadratic.
    """
    difference = both + only_a - ratio * (both + only_b)
    n = both + only_a + only_b
    rest = 1 - ratio
    square = -ratio * (1 + ratio) * n
    linear = -(both + only_a) * (1 + ratio) * rest + (only_a + only_b) * ratio * ratio
    constant = only_a * ratio * rest
    p_a = (-linear - math.sqrt(max(0.0, linear * linear - 4 * square * constant))) / (2 * square)
    p_b = max(0.0, ratio * p_a + rest)
    variance = ratio * n * (max(0.0, p_a) + p_b)
    if abs(difference) < 1e-9 * n:
        return 0.0
    # Finite, so that roots can be bracketed; far beyond any quantile.
    return difference / math.sqrt(variance) if variance > 1e-12 else math.copysign(1e6, difference)


def falling(values: Sequence[float], weights: Sequence[float]) -> np.ndarray:
    """The non-increasing sequence nearest to ``values`` in weighted least squares.

    Pool adjacent violators: Ayer et al. (1955), An empirical distribution function for sampling with incomplete
    information, Ann. Math. Statist. 26. For success rates it is also the maximum-likelihood estimate.
    """
    blocks: list[list[float]] = []  # mean, weight, length
    for value, weight in zip(values, weights, strict=True):
        blocks.append([float(value), float(weight), 1])
        while len(blocks) > 1 and blocks[-1][0] > blocks[-2][0]:
            mean, w, length = blocks.pop()
            blocks[-1][0] = (blocks[-1][0] * blocks[-1][1] + mean * w) / (blocks[-1][1] + w)
            blocks[-1][1] += w
            blocks[-1][2] += length
    return np.concatenate([np.full(int(length), mean) for mean, _, length in blocks])


def crossing(severities: Sequence[float], fitted: Sequence[float], level: float) -> float | None:
    """Severity at which a non-increasing curve falls below ``level``, linear between rungs; None if it does not."""
    for k in range(1, len(fitted)):
        if fitted[k] < level:
            if fitted[k - 1] < level:
                break
            share = (fitted[k - 1] - level) / (fitted[k - 1] - fitted[k])
            return float(severities[k - 1] + share * (severities[k] - severities[k - 1]))
    return None


def bracket(
    severities: Sequence[float], counts: Sequence[PairedCounts], share: float, confidence: float
) -> tuple[float, float | None]:
    """Interval of the severity at which retention falls below ``share``: ``(low, high)``, high None if open.

    It rests on retention not rising with severity, and on nothing else about the curve's form. From the mildest rung
    up, each is tested for retention above ``share`` until the first that does not show it; from the harshest down,
    for retention below. Testing in a fixed order needs no correction (Maurer, Hothorn & Lehmacher 1995), so each end
    errs with probability at most (1 - confidence) / 2, as far as the interval of each retention keeps its level. Ends
    are rungs: between two of them, what a run does not show is not claimed.
    """
    low, high = 0.0, None
    intervals = [c.interval(confidence) for c in counts]
    for severity, interval in zip(severities, intervals, strict=True):
        if interval is None or interval[0] <= share:
            break
        low = severity
    for severity, interval in reversed(list(zip(severities, intervals, strict=True))):
        if interval is None or interval[1] >= share:
            break
        high = severity
    return low, high
