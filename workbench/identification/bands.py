"""Predictive bands: where the real arm should be measured, and whether it is; and what residuals say against a fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from workbench.identification.arm_simulator import ArmSimulator
from workbench.identification.parameters import ParameterSet
from workbench.identification.posterior import Posterior
from workbench.identification.problem import autocorrelation
from workbench.identification.windows import Windows

LEVEL = 0.9
DRAWS = 48
"""Of the posterior, that a band is made of."""
MOST_CORRELATED, MOST_NOISE, AT_BOUND = 0.2, 1.2, 0.02
"""Warn beyond: lag-one correlation, residual over noise, distance from a bound in widths of the prior."""


@dataclass(frozen=True, eq=False)
class Band:
    """Predicted against measured positions."""

    center: np.ndarray
    """``[R', J]`` [rad]"""
    half: np.ndarray
    """Half width at `LEVEL` ``[R', J]`` [rad]."""
    measured: np.ndarray
    """``[R', J]`` [rad]"""

    @property
    def coverage(self) -> np.ndarray:
        """Share of samples inside, a joint ``[J]``."""
        return np.asarray((np.abs(self.measured - self.center) <= self.half).mean(0))


def scale_of(errors: np.ndarray) -> np.ndarray:
    """Standard deviation that training errors ``[R', J]`` [rad] would have if they were normal with their own 90 %."""
    return np.quantile(np.abs(errors), LEVEL, axis=0) / special.ndtri((1 + LEVEL) / 2)


def band(
    simulator: ArmSimulator,
    parameters: ParameterSet,
    found: Posterior,
    windows: Windows,
    scale: np.ndarray,
    seed: int = 0,
) -> Band:
    """The band of logs that the posterior may never have seen.

    Args:
        simulator: of the posterior's time step.
        parameters: of the posterior.
        found: the posterior.
        windows: of the logs.
        scale: of what training left ``[J]`` [rad], see `scale_of`: parameters alone cover 0.2 to 0.8 of the samples.
        seed: of the draws.
    """
    draws = simulator.measured(parameters.values(found.draws(DRAWS, seed)), windows)[:, windows.scored]
    spread = np.sqrt(draws.var(0) + scale**2)
    return Band(draws.mean(0), special.ndtri((1 + LEVEL) / 2) * spread, windows.measured[windows.scored])


def warnings(
    errors: np.ndarray, windows: Windows, noise: np.ndarray, theta: np.ndarray, parameters: ParameterSet
) -> list[str]:
    """What speaks against a fit, in sentences; that there is none does not say that the model is right.

    Args:
        errors: of training ``[R', J]`` [rad].
        windows: where they are from.
        noise: of the encoders ``[J]`` [rad].
        theta: the optimum ``[P]``.
        parameters: what it is of.
    """
    said = []
    for j, rho in enumerate(autocorrelation(errors, windows, 1)[0]):
        if rho > MOST_CORRELATED:
            said.append(
                f"joint {j + 1}: residuals are correlated from sample to sample ({rho:.2f}): the model misses motion"
            )
    for j, ratio in enumerate(np.sqrt((errors**2).mean(0)) / noise):
        if ratio > MOST_NOISE:
            said.append(f"joint {j + 1}: residuals are {ratio:.1f} times the encoder's noise")
    low, high = parameters.bounds
    for name, value, a, b in zip(parameters.names, theta, low, high, strict=True):
        if value - a < AT_BOUND or b - value < AT_BOUND:
            said.append(f"{name} is at its {'lower' if value - a < AT_BOUND else 'upper'} bound")
    return said
