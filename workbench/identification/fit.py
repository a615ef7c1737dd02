"""The parameters of highest posterior density: batched Levenberg-Marquardt, and CMA-ES beside it.

Levenberg and Marquardt's method asks, each iteration, for all derivatives in one batch of candidates and for several
steps of different damping in another, so that every call fills the simulator's threads. On the way one-sided
differences lead as well as central ones, for half of the candidates; those of the optimum are central.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.identification.problem import Problem, Told

DIFFERENCE = 0.02
"""Half the distance of central differences, in widths of the prior."""
TRIALS = 6
"""Steps of different damping that are tried together."""
MOST_ITERATIONS = 25
CONVERGED, CONVERGED_SHARE = 0.05, 1e-4
"""A step is the last by which the log density rises by less than this, or by less than this share of itself."""
LARGEST_STEP = 3.0
"""Of one parameter in an iteration, in widths of the prior."""


@dataclass(frozen=True, eq=False)
class Fit:
    """An optimum."""

    theta: np.ndarray
    """``[P]``"""
    objective: float
    jacobian: np.ndarray
    """Of the residuals ``[R, P]``, at the optimum."""
    iterations: int
    converged: bool


def _no_word(what: str, value: float) -> None:
    """Nobody is told."""


def levenberg_marquardt(
    problem: Problem,
    start: np.ndarray,
    told: Told = _no_word,
    most: int = MOST_ITERATIONS,
    converged_below: float = CONVERGED,
) -> Fit:
    """The optimum that is reached from ``start`` ``[P]``."""
    theta = np.array(start, np.float64)
    low, high = problem.parameters.bounds
    damping = 1e-2
    residuals = problem.residuals(theta)[0]
    value = float(problem.objective(theta, residuals[None])[0])
    converged = False
    iterations = 0
    while iterations < most and not converged:
        iterations += 1
        jacobian = forward(problem, theta, residuals)
        hessian = jacobian.T @ jacobian + np.eye(len(theta))
        gradient = jacobian.T @ residuals + theta
        dampings = damping * 10.0 ** np.linspace(-3, 2, TRIALS)
        scale = np.diag(np.diag(hessian))
        steps = np.stack([-np.linalg.solve(hessian + d * scale, gradient) for d in dampings])
        steps /= np.maximum(1.0, np.abs(steps).max(1, keepdims=True) / LARGEST_STEP)
        trials = np.clip(theta + steps, low, high)
        found = problem.residuals(trials)
        values = problem.objective(trials, found)
        best = int(values.argmin())
        fall = value - float(values[best])
        told("fit", min(value, float(values[best])))
        if fall > 0:
            theta, residuals, value = trials[best], found[best], float(values[best])
            damping = float(np.clip(dampings[best], 1e-7, 1e4))
        else:
            damping *= 30.0
        if 0 <= fall < max(converged_below, CONVERGED_SHARE * abs(value)) or (fall <= 0 and damping > 1e4):
            converged = True
    return Fit(theta, value, derivatives(problem, theta), iterations, converged)


def forward(problem: Problem, theta: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """One-sided differences of the residuals ``[R, P]`` from those at ``theta``, away from the nearer bound."""
    low, high = problem.parameters.bounds
    signed = np.where(high - theta < theta - low, -DIFFERENCE, DIFFERENCE)
    found = problem.residuals(theta + np.diag(signed))
    return ((found - residuals) / signed[:, None]).T


def derivatives(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Central differences of the residuals ``[R, P]``; one-sided where a parameter is at its bound."""
    low, high = problem.parameters.bounds
    count = len(theta)
    up, down = np.tile(theta, (count, 1)), np.tile(theta, (count, 1))
    own = np.arange(count)
    up[own, own] = np.minimum(theta + DIFFERENCE, high)
    down[own, own] = np.maximum(theta - DIFFERENCE, low)
    found = problem.residuals(np.concatenate((up, down)))
    width = (up - down)[own, own]
    return ((found[:count] - found[count:]) / width[:, None]).T


def cma(
    problem: Problem,
    start: np.ndarray,
    seed: int = 0,
    most: int = 6000,
    told: Told = _no_word,
    population: int = 24,
) -> Fit:
    """The same by CMA-ES (``cmaes``): no derivatives, ten to twenty times the candidates, and no posterior.

    ModuleNotFoundError where the package is not installed.
    """
    from cmaes import CMA

    bounds = np.stack(problem.parameters.bounds, 1)
    search = CMA(
        mean=np.array(start, np.float64), sigma=0.5, bounds=bounds, seed=seed + 1, population_size=population
    )
    best, value, generations = np.array(start), np.inf, 0
    while problem.evaluations < most and not search.should_stop():
        asked = np.stack([search.ask() for _ in range(search.population_size)])
        values = problem.objective(asked)
        search.tell([(x, float(v)) for x, v in zip(asked, values, strict=True)])
        generations += 1
        if values.min() < value:
            best, value = asked[int(values.argmin())], float(values.min())
        told("CMA-ES", value)
    return Fit(best, value, derivatives(problem, best), generations, search.should_stop())
