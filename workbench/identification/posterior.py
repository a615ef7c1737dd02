"""`Posterior`: how well parameters are known: Laplace's normal at the optimum, corrected by importance sampling.

The normal's covariance is the inverse of J'J + 1, in widths of the prior. Samples of a Student's t of that shape are
weighed by the true posterior density over theirs; how many independent draws they are worth (Kish: one over the sum of
squared weights) says whether the normal can be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from workbench.identification.fit import Fit
from workbench.identification.problem import Problem

SAMPLES = 256
LEAST_DEGREES = 5.0
"""Of freedom of the t distribution that samples are drawn from; four times the parameters, where those are more: in
many dimensions heavy tails are all that is ever drawn."""
LEAST_EFFECTIVE = 30.0
"""Effective size below which the weights are given up, and the normal alone is used."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Of ``P`` parameters, in widths of the prior."""

    mode: np.ndarray
    """``[P]``"""
    covariance: np.ndarray
    """Laplace's ``[P, P]``."""
    samples: np.ndarray
    """``[S, P]``"""
    weights: np.ndarray
    """``[S]``, sum 1."""
    effective: float
    """Draws that the samples are worth."""
    weighted: bool
    """Whether the weights are used; otherwise samples are of the normal, and weigh alike."""

    def interval(self, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Central intervals ``[P]``, ``[P]``."""
        tail = (1 - level) / 2
        if not self.weighted:
            half = special.ndtri(1 - tail) * self.deviation
            return self.mode - half, self.mode + half
        return self.quantile(tail), self.quantile(1 - tail)

    def quantile(self, q: float) -> np.ndarray:
        """Weighted quantile of each parameter ``[P]``."""
        found = np.empty(len(self.mode))
        for k in range(len(found)):
            order = np.argsort(self.samples[:, k])
            heap = np.cumsum(self.weights[order]) - self.weights[order] / 2
            found[k] = np.interp(q, heap, self.samples[order, k])
        return found

    @property
    def mean(self) -> np.ndarray:
        """``[P]``"""
        return self.weights @ self.samples

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation ``[P]``."""
        if not self.weighted:
            return np.sqrt(np.diag(self.covariance))
        return np.sqrt(self.weights @ (self.samples - self.mean) ** 2)

    def draws(self, count: int, seed: int = 0) -> np.ndarray:
        """Draws by weight ``[count, P]``."""
        rng = np.random.default_rng(seed)
        return self.samples[rng.choice(len(self.samples), count, p=self.weights)]


def posterior(problem: Problem, fit: Fit, seed: int = 0, count: int = SAMPLES) -> Posterior:
    """The posterior around an optimum, from ``count`` more candidates."""
    size = len(fit.theta)
    precision = fit.jacobian.T @ fit.jacobian + np.eye(size)
    covariance = np.linalg.inv(precision)
    root = np.linalg.cholesky(covariance)
    degrees = max(LEAST_DEGREES, 4.0 * size)
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((count, size))
    chi = rng.chisquare(degrees, count) / degrees
    away = normal / np.sqrt(chi)[:, None]
    samples = fit.theta + away @ root.T
    low, high = problem.parameters.bounds
    inside = ((samples >= low) & (samples <= high)).all(1)
    squared = (away**2).sum(1)
    log_proposal = -(degrees + size) / 2 * np.log1p(squared / degrees)
    log_target = -problem.objective(samples)
    log_weight = np.where(inside, log_target - log_proposal, -np.inf)
    weights = np.zeros(count)
    if np.isfinite(log_weight).any():
        weights = np.exp(log_weight - log_weight.max())
        weights /= weights.sum()
    effective = float(1 / (weights**2).sum()) if weights.any() else 0.0
    if effective >= LEAST_EFFECTIVE:
        return Posterior(fit.theta, covariance, samples, weights, effective, True)
    plain = np.clip(fit.theta + normal @ root.T, low, high)
    return Posterior(fit.theta, covariance, plain, np.full(count, 1 / count), effective, False)
