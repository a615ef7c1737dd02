"""How far the model itself may be wrong: what a posterior, which takes it for right, does not know.

Two looks, neither of which needs the truth:

* **the step**: parameters are found at dt and at dt/2. The error of a first-order integrator is proportional to dt, so
  that twice the second less the first is what no step would give, and half the difference is how far that may be off;
* **the speed**: a model that is right finds the same in slow and in quick motion. One Gauss-Newton step from each half
  of the samples says what each would find; by how much these differ beyond their own uncertainty is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from workbench.identification.fit import Fit
from workbench.identification.posterior import Posterior
from workbench.identification.problem import Problem

STEP_SHARE = 0.5
"""Of the difference between both steps, that is kept as the extrapolation's standard deviation: chosen on ten planted
arms and tried on five others (docs/identification.md); all of it covers 99 % where 90 % are asked for."""


@dataclass(frozen=True, eq=False)
class Discrepancy:
    """Of ``P`` parameters, in widths of the prior."""

    center: np.ndarray
    """Extrapolated to no time step ``[P]``."""
    step: np.ndarray
    """From the step ``[P]``, a standard deviation."""
    speed: np.ndarray
    """From slow against quick motion ``[P]``, a standard deviation."""
    deviation: np.ndarray
    """Together with the posterior's at dt/2 ``[P]``."""

    def interval(self, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Of the parameters of a simulator without a time step ``[P]``, ``[P]``."""
        half = special.ndtri(1 - (1 - level) / 2) * self.deviation
        return self.center - half, self.center + half


def discrepancy(coarse: Posterior, fine: Posterior, speed: np.ndarray) -> Discrepancy:
    """From posteriors at dt and dt/2, and what `slow_against_quick` says ``[P]``."""
    change = fine.mean - coarse.mean
    step = STEP_SHARE * np.abs(change)
    deviation = np.sqrt(fine.deviation**2 + step**2 + speed**2)
    return Discrepancy(fine.mean + change, step, speed, deviation)


def slow_against_quick(problem: Problem, fit: Fit) -> np.ndarray:
    """By how much what slow and what quick samples find differs, beyond chance ``[P]``, as a standard deviation.

    A joint's sample is slow where it moves slower than its median.
    """
    residuals = problem.residuals(fit.theta)[0]
    quick = (speeds(problem) > np.median(speeds(problem), axis=0)).reshape(-1)
    size = len(fit.theta)
    found, spread = [], np.zeros(size)
    for rows in (quick, ~quick):
        j = fit.jacobian[rows]
        covariance = np.linalg.inv(j.T @ j + np.eye(size) / 2)
        found.append(fit.theta - covariance @ (j.T @ residuals[rows] + fit.theta / 2))
        spread += np.diag(covariance)
    return np.sqrt(np.maximum((found[0] - found[1]) ** 2 - spread, 0.0))


def speeds(problem: Problem) -> np.ndarray:
    """How fast each joint is moved at each sample that is scored ``[R', J]`` [rad/s], from its commands."""
    parts = problem.windows
    at = (parts.begin[parts.window] + parts.age)[parts.scored]
    log = parts.log[parts.window][parts.scored]
    found = np.zeros((len(at), parts.measured.shape[1]))
    half = 0.02
    for n, command in enumerate(parts.commands):
        own = log == n
        ends = np.stack([command.integral(at[own] + d) for d in (-2 * half, 0.0, 2 * half)])
        found[own] = np.abs(ends[2] - 2 * ends[1] + ends[0]) / (2 * half) ** 2
    return found
