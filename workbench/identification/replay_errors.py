"""How far a simulated arm is from the logged one, joint by joint and at the tool. Pure functions of two motions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Pose = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Tool position ``[N, 3]`` [m] and rotation ``[N, 3, 3]`` of joints ``[N, J]`` [rad], as `robots.chain.Chain.pose`."""

MOVING = 0.02
"""A joint this fast moves [rad/s]."""
LEAST_MOVING = 20
"""Samples in which a joint has to move for a lag or a hysteresis to be told."""
MOST_LAG_S = 0.5
"""Lags within this are looked for [s]."""


@dataclass(frozen=True)
class JointErrors:
    """Simulated minus logged position of one joint."""

    rmse: float
    """[rad]"""
    bias: float
    """Mean [rad]."""
    lag: float | None
    """Time by which the simulated joint is later than the logged one [s]; None for one that hardly moves, or is
    off by more than `MOST_LAG_S`."""
    hysteresis: float | None
    """Error while it moves up less that while it moves down, beside lag and bias [rad]; None as above."""
    drift: tuple[float, ...]
    """RMSE of motion from re-synchronised starts, by age [rad]: see `DRIFT_S`."""


@dataclass(frozen=True)
class ToolErrors:
    """Simulated against logged tool pose, both from joints."""

    position_rmse: float
    """[m]"""
    position_bias: tuple[float, float, float]
    """[m], base frame."""
    rotation_rmse: float
    """Root mean square of the angle of the rotation between them [rad]: the geodesic distance."""
    rotation_worst: float
    """[rad]"""


DRIFT_S = (0.1, 0.25, 0.5, 1.0, 2.0)
"""Ends of the spans of age, each from the one before, of open-loop drift [s]."""


def joint_errors(
    times: np.ndarray, real: np.ndarray, simulated: np.ndarray, drift: Mapping[float, np.ndarray]
) -> list[JointErrors]:
    """Errors of each joint ``[J]``.

    Args:
        times: ``[T]`` [s].
        real: logged positions ``[T, J]`` [rad].
        simulated: at the same instants ``[T, J]`` [rad].
        drift: RMSE by age ``[J]`` [rad], see `drift_errors`.
    """
    error, speed = simulated - real, np.gradient(real, times, axis=0)
    found = []
    for j in range(real.shape[1]):
        lag = lag_of(times, real[:, j], simulated[:, j])
        found.append(
            JointErrors(
                rmse=float(np.sqrt((error[:, j] ** 2).mean())),
                bias=float(error[:, j].mean()),
                lag=lag,
                hysteresis=_hysteresis(times, real[:, j], simulated[:, j], speed[:, j], lag),
                drift=tuple(float(drift[age][j]) for age in DRIFT_S if age in drift),
            )
        )
    return found


def lag_of(times: np.ndarray, real: np.ndarray, simulated: np.ndarray) -> float | None:
    """Time by which a simulated motion is later [s], below a sample: the shift of least squares, offset taken away.

    The real motion is taken linear between samples; a scan brackets the least, a parabola through it refines.
    """
    speed = np.gradient(real, times)
    if (np.abs(speed) > MOVING).sum() < LEAST_MOVING:
        return None
    inner = (times > times[0] + MOST_LAG_S) & (times < times[-1] - MOST_LAG_S)
    if inner.sum() < LEAST_MOVING:
        return None

    def cost(lag: float) -> float:
        off = simulated[inner] - np.interp(times[inner] - lag, times, real)
        return float(((off - off.mean()) ** 2).sum())

    low, high = -MOST_LAG_S, MOST_LAG_S
    for _ in range(6):
        grid = np.linspace(low, high, 13)
        costs = np.array([cost(g) for g in grid])
        k = int(costs.argmin())
        low, high = grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)]
    lag = float((low + high) / 2)
    return lag if abs(lag) < 0.99 * MOST_LAG_S else None


def _hysteresis(
    times: np.ndarray, real: np.ndarray, simulated: np.ndarray, speed: np.ndarray, lag: float | None
) -> float | None:
    if lag is None:
        return None
    up, down = speed > MOVING, speed < -MOVING
    if min(up.sum(), down.sum()) < LEAST_MOVING // 2:
        return None
    # A loop looks like a lag in part: offset, what is left of the lag, and the loop's half width are found together.
    error = simulated - np.interp(times - lag, times, real)
    rows = up | down
    terms = np.stack((np.ones(rows.sum()), speed[rows], np.sign(speed[rows])), 1)
    return float(2 * np.linalg.lstsq(terms, error[rows], rcond=None)[0][2])


def drift_errors(age: np.ndarray, error: np.ndarray) -> dict[float, np.ndarray]:
    """RMSE ``[J]`` [rad] in each span of `DRIFT_S` that there is.

    Args:
        age: time since the start of its window of each sample ``[R]`` [s].
        error: ``[R, J]`` [rad].
    """
    found, low = {}, 0.0
    for high in DRIFT_S:
        rows = (age > low) & (age <= high)
        if rows.any():
            found[high] = np.sqrt((error[rows] ** 2).mean(0))
        low = high
    return found


def tool_errors(real: np.ndarray, simulated: np.ndarray, pose: Pose) -> ToolErrors:
    """Errors at the tool of joints ``[T, J]`` [rad]."""
    (p, r), (q, s) = pose(real), pose(simulated)
    off, angle = q - p, geodesic(r, s)
    mean = off.mean(0)
    return ToolErrors(
        position_rmse=float(np.sqrt((off**2).sum(1).mean())),
        position_bias=(float(mean[0]), float(mean[1]), float(mean[2])),
        rotation_rmse=float(np.sqrt((angle**2).mean())),
        rotation_worst=float(angle.max()),
    )


def geodesic(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Angle of the rotation from one to the other ``[N]`` [rad], of rotation matrices ``[N, 3, 3]``.

    By the chord, 2 asin(|R - S|_F / sqrt 8), which is exact near 0, where the trace's cosine loses half its digits.
    """
    chord = np.sqrt(((one - other) ** 2).sum((1, 2)) / 8)
    return np.asarray(2 * np.arcsin(np.clip(chord, 0.0, 1.0)))


def plain(value: Any) -> Any:
    """An error dataclass as plain JSON types."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(value).items()}
