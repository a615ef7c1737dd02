"""The robot's own parameters: what is left of a posterior's certainty where the model may be wrong.

The engine's own parameters (`workbench.identification.identify`, at dt) make it move as the logs do, whatever it has no
name for. The robot's own are found apart: at a fifth of the step, and with nuisances (`NUISANCES`) that engines do not
have, a drive that damps a filtered velocity and joints that stick. Where logs do not tell these, priors hold them, so
that what they can be mistaken for is as uncertain as they are. Two looks more, neither of which needs the truth:

* **the step**: an integrator's error is proportional to dt. One Gauss-Newton step from the residuals at half of the
  step says how far parameters would move; twice that is what no step would give, and once is a standard deviation;
* **the speed**: a model that is right finds the same in slow and in quick motion. One Gauss-Newton step from each half
  of the samples says what each would find; by how much these differ beyond their own uncertainty is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from workbench.identification.fit import Fit
from workbench.identification.identifiability import KNOWN
from workbench.identification.posterior import Posterior
from workbench.identification.problem import Problem

INFLATION = 1.3
"""Of the deviation, for what none of these knows: chosen on four planted arms and tried on others
(docs/identification.md)."""


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
    """Together with the posterior's ``[P]``."""

    def interval(self, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Of the parameters of a simulator without a time step ``[P]``, ``[P]``."""
        half = special.ndtri(1 - (1 - level) / 2) * self.deviation
        return self.center - half, self.center + half

    @property
    def told(self) -> np.ndarray:
        """Whether logs tell what the robot's own parameter is ``[P]``."""
        return self.deviation < KNOWN


def discrepancy(fit: Fit, found: Posterior, speed: np.ndarray, change: np.ndarray, count: int) -> Discrepancy:
    """What is known of the first ``count`` parameters of a fit.

    Args:
        fit: at a fine step.
        found: its posterior.
        speed: see `slow_against_quick`.
        change: of its residuals as the step is halved ``[R]``.
        count: ``P``; nuisances follow them.
    """
    precision = fit.jacobian.T @ fit.jacobian + np.eye(len(fit.theta))
    step = -np.linalg.solve(precision, fit.jacobian.T @ change)
    deviation = INFLATION * np.sqrt(found.deviation**2 + step**2 + speed**2)
    center = found.mean + 2 * step
    return Discrepancy(center[:count], np.abs(step[:count]), speed[:count], deviation[:count])


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
