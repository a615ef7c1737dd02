"""Few real trials and many simulated ones together: an estimate of the real rate that simulation sharpens, never bends.

Some episodes were run on both sides (the same scene, matched), more in simulation alone. Reality is estimated where
simulation succeeds and where it fails, and simulation says how often it does which:

    rate = q a + (1 - q) b,    a = P(real success | simulated success), b = P(real success | simulated failure)

For outcomes of two values this is prediction-powered inference with the ``lambda`` of least variance, which is
``a - b``: 0 where simulation says nothing about reality, so that a useless simulator costs next to nothing, and a
biased one bends nothing. Angelopoulos et al. (2023), Prediction-powered inference, Science 382; for lambda PPI++
(arXiv:2311.01453), for robots SureSim (arXiv:2510.04354).

The interval is that of the posterior under Jeffreys' priors of ``q``, ``a`` and ``b``: unlike one from a variance,
which a handful of equal outcomes estimates as 0, it also covers for few trials and near 0 and 1 (docs/gap.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.stats import CONFIDENCE, Interval, jeffreys_interval, keyed_generator, wilson_interval

DRAWS = 20_000
"""Of the posterior."""


@dataclass(frozen=True)
class Estimate:
    """A real success rate from real and simulated trials."""

    rate: float
    """Posterior mean."""
    interval: Interval
    weight: float
    """``lambda``: how much a simulated success says about a real one, up to 1; below 0 where it says the contrary."""
    effective_trials: float
    """Real trials that alone would tell as much; no fewer than were run."""
    alone: Interval
    """Interval from the real trials alone, under the same prior."""
    real: int
    """Real trials that were run."""

    @property
    def trials_saved(self) -> float:
        """Real trials that simulation stands for."""
        return self.effective_trials - self.real


def estimate(
    *,
    real: Sequence[bool],
    paired_sim: Sequence[bool],
    more_sim: Sequence[bool],
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Estimate:
    """The real rate of one policy on one task.

    Args:
        real: outcomes on the robot ``[n]``.
        paired_sim: outcomes of the same episodes in simulation ``[n]``.
        more_sim: outcomes of simulated episodes that were not run on the robot ``[N]``.
        confidence: of the intervals.
        seed: of the posterior's draws.

    ValueError where the first two differ in length or are empty.
    """
    y, f, g = (np.asarray(x, bool) for x in (real, paired_sim, more_sim))
    if len(y) != len(f) or not len(y):
        raise ValueError(f"{len(y)} real outcomes and {len(f)} simulated ones are no pairs")
    rng = keyed_generator(seed, "prediction-powered")
    q = _posterior(rng, int(f.sum() + g.sum()), len(f) + len(g))
    a = _posterior(rng, int(y[f].sum()), int(f.sum()))
    b = _posterior(rng, int(y[~f].sum()), int((~f).sum()))
    rates = q * a + (1 - q) * b
    tail = (1 - confidence) / 2
    low, high = (float(x) for x in np.quantile(rates, (tail, 1 - tail)))
    rate, variance = float(rates.mean()), float(rates.var())
    # Beta's variance p (1 - p) / (n + 2) at Jeffreys' prior, solved for n.
    effective = max(float(len(y)), rate * (1 - rate) / variance - 2)
    alone = jeffreys_interval(int(y.sum()), len(y), confidence)
    return Estimate(rate, (low, high), float(a.mean() - b.mean()), effective, alone, len(y))


def trials_to_decide(rate: float, threshold: float, confidence: float = CONFIDENCE) -> int | None:
    """Real trials (or as many effective ones) after which the interval is expected to leave a threshold out.

    None where the rate is the threshold.
    """
    if rate == threshold:
        return None
    low, high = 1, 2
    while not _decides(rate, threshold, high, confidence):
        low, high = high, 2 * high
        if high > 10**9:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _decides(rate, threshold, middle, confidence) else (middle, high)
    return high


def _decides(rate: float, threshold: float, n: int, confidence: float) -> bool:
    low, high = wilson_interval(rate * n, n, confidence)
    return not low <= threshold <= high


def _posterior(rng: np.random.Generator, successes: int, trials: int) -> np.ndarray:
    return rng.beta(successes + 0.5, trials - successes + 0.5, DRAWS)
