"""`Problem`: what a fit makes small, for many candidates at once.

A residual is a measured minus a simulated joint position, over that joint's noise; the prior adds ``theta`` itself.
The noise of a joint is that of its encoder, or what a fit has left: the larger. Where what is left is correlated from
sample to sample, samples say less than their number, and each counts for less (`thinning`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.identification.arm_simulator import ArmSimulator
from workbench.identification.parameters import ParameterSet
from workbench.identification.windows import Windows

Told = Callable[[str, float], None]
"""Told what goes on, and the objective now."""


class Problem:
    """The least-squares problem of one simulator, parameter set and choice of windows."""

    def __init__(
        self, simulator: ArmSimulator, parameters: ParameterSet, windows: Windows, noise: np.ndarray
    ) -> None:
        """
        Args:
            simulator: of the windows' time step.
            parameters: ``P`` of them.
            windows: of the training logs.
            noise: standard deviation that each joint's measurements are given ``[J]`` [rad].
        """
        self.simulator, self.parameters, self.windows = simulator, parameters, windows
        self.noise = np.asarray(noise, np.float64)
        self.evaluations = 0
        """Candidates simulated."""

    def errors(self, theta: np.ndarray) -> np.ndarray:
        """Measured minus simulated positions past the burn-in ``[C, R', J]`` [rad] of candidates ``[C, P]``."""
        theta = np.atleast_2d(theta)
        self.evaluations += len(theta)
        simulated = self.simulator.measured(self.parameters.values(theta), self.windows)
        scored = self.windows.scored
        return self.windows.measured[scored] - simulated[:, scored]

    def residuals(self, theta: np.ndarray) -> np.ndarray:
        """Errors over noise ``[C, R' * J]``; a candidate whose motion is not finite gets residuals of 1e6."""
        found = self.errors(theta) / self.noise
        flat = found.reshape(len(found), -1)
        return np.where(np.isfinite(flat), flat, 1e6)

    def objective(self, theta: np.ndarray, residuals: np.ndarray | None = None) -> np.ndarray:
        """Minus the log posterior density up to a constant ``[C]``."""
        theta = np.atleast_2d(theta)
        r = self.residuals(theta) if residuals is None else residuals
        return ((r**2).sum(1) + (theta**2).sum(1)) / 2

    def weigh(self, theta: np.ndarray, encoder: np.ndarray) -> np.ndarray:
        """Set each joint's noise by what candidate ``theta`` ``[P]`` leaves; returns its errors ``[R', J]`` [rad].

        Args:
            theta: the best so far.
            encoder: noise of the encoders ``[J]`` [rad], the least.
        """
        errors = self.errors(theta)[0]
        left = np.sqrt((errors**2).mean(0))
        self.noise = np.maximum(encoder, left) * np.sqrt(thinning(errors, self.windows))
        return errors


def autocorrelation(errors: np.ndarray, windows: Windows, lags: int) -> np.ndarray:
    """Correlation of errors with those of so many samples before ``[lags, J]``, within windows.

    Args:
        errors: ``[R', J]`` [rad], of the measurements that are scored.
        windows: where they are from.
        lags: 1 to this many samples.
    """
    window = windows.window[windows.scored]
    off = errors - errors.mean(0)
    variance = np.maximum((off**2).mean(0), 1e-30)
    found = np.zeros((lags, errors.shape[1]))
    for lag in range(1, lags + 1):
        same = window[lag:] == window[:-lag]
        if same.any():
            found[lag - 1] = (off[lag:][same] * off[:-lag][same]).mean(0) / variance
    return found


def thinning(errors: np.ndarray, windows: Windows, lags: int = 200) -> np.ndarray:
    """How many samples of each joint say as much as one that is independent ``[J]``, at least 1.

    The integrated autocorrelation time 1 + 2 sum rho_k, up to the first k at which rho falls below 0.1.
    """
    per_window = int(np.bincount(windows.window[windows.scored]).max())
    rho = autocorrelation(errors, windows, min(lags, per_window // 2))
    found = np.ones(errors.shape[1])
    for j in range(errors.shape[1]):
        below = np.flatnonzero(rho[:, j] < 0.1)
        last = int(below[0]) if len(below) else len(rho)
        found[j] = max(1.0, 1.0 + 2.0 * rho[:last, j].sum())
    return found
