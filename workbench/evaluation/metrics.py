"""Metrics of one recorded trajectory: pure functions of arrays, in SI units.

A metric that a trajectory is too short to have is None, never zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

SPARC_CUTOFF_HZ = 10.0
"""Highest frequency that counts towards smoothness [Hz] (Balasubramanian 2015)."""
SPARC_AMPLITUDE = 0.05
"""Share of the greatest amplitude below which the spectrum's tail is left out (Balasubramanian 2015)."""
SPARC_PADDING = 4
"""Zero-padding of the spectrum, in powers of two (Balasubramanian 2015)."""


def path_length(positions: ArrayLike) -> float:
    """Length [m] of the polyline through ``positions [T, 3]`` [m]; 0 for a single position."""
    points = _array(positions, "positions", 2)
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def sparc(speed: ArrayLike, dt: float) -> float | None:
    """Smoothness of a speed profile ``[T]`` [m/s] sampled every ``dt`` [s]: its spectral arc length, no unit.

    At most -1; nearer zero is smoother (a smooth bell is about -1.41, a stuttering movement -3 and below).
    Independent of the movement's amplitude and nearly of its duration. Frequencies are taken up to 10 Hz or
    half the sampling rate, so values at sampling rates under 20 Hz compare only with values at the same rate.
    None for fewer than 4 samples or for an arm that never moved.

    Balasubramanian, Melendez-Calderon, Roby-Brami & Burdet (2015), On the analysis of movement smoothness,
    J. NeuroEngineering Rehabil. 12:112 (after Balasubramanian et al. 2012, IEEE Trans. Biomed. Eng. 59).
    """
    profile = _array(speed, "speed", 1)
    _check_dt(dt)
    if len(profile) < 4 or not profile.any():
        return None
    samples = 2 ** (int(np.ceil(np.log2(len(profile)))) + SPARC_PADDING)
    frequency = np.fft.rfftfreq(samples, dt)
    amplitude = np.abs(np.fft.rfft(profile, samples))
    amplitude = amplitude / amplitude.max()
    in_band = frequency <= SPARC_CUTOFF_HZ
    frequency, amplitude = frequency[in_band], amplitude[in_band]
    strong = np.flatnonzero(amplitude >= SPARC_AMPLITUDE)
    if len(strong) < 2:
        return None
    band = slice(strong[0], strong[-1] + 1)
    frequency, amplitude = frequency[band], amplitude[band]
    steps = np.diff(frequency) / (frequency[-1] - frequency[0])
    return -float(np.hypot(steps, np.diff(amplitude)).sum())


def mean_jerk(positions: ArrayLike, dt: float) -> float | None:
    """Mean magnitude [m/s^3] of the third derivative of ``positions [T, 3]`` [m] sampled every ``dt`` [s].

    By third differences; None for fewer than 4 positions.
    """
    points = _array(positions, "positions", 2)
    _check_dt(dt)
    if len(points) < 4:
        return None
    return float(np.linalg.norm(np.diff(points, n=3, axis=0), axis=1).mean() / dt**3)


def trace_mae(predicted: ArrayLike, executed: ArrayLike, points: int = 32) -> float:
    """Mean distance [px] of a predicted trace ``[K, 2]`` from the executed one ``[M, 2]``, in the same image.

    Both are resampled to ``points`` points equally spaced along their own length, so that the shape and the
    ends count and the speed does not.
    """
    a = _resampled(_array(predicted, "predicted", 2), points)
    b = _resampled(_array(executed, "executed", 2), points)
    if a.shape != b.shape:
        raise ValueError(f"traces have {a.shape[1]} and {b.shape[1]} coordinates a point; they must agree")
    return float(np.linalg.norm(a - b, axis=1).mean())


def geodesic_angle(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Angle [rad] of the rotation between quaternions ``a`` and ``b`` ``[..., 4]``, (x, y, z, w), in [0, pi].

    ``q`` and ``-q`` are the same rotation. Accurate for small angles too, where the arc cosine of the dot
    product is not: from chord lengths, Kahan (2006), How futile are mindless assessments of roundoff, section
    12.
    """
    p, q = np.asarray(a, float), np.asarray(b, float)
    if p.shape[-1:] != (4,) or q.shape[-1:] != (4,):
        raise ValueError(
            f"quaternions need 4 numbers (x, y, z, w) on the last axis, not shapes {p.shape}, {q.shape}"
        )
    lengths = np.linalg.norm(p, axis=-1, keepdims=True), np.linalg.norm(q, axis=-1, keepdims=True)
    if (lengths[0] == 0).any() or (lengths[1] == 0).any():
        raise ValueError("a quaternion of length zero is no rotation")
    p, q = p / lengths[0], q / lengths[1]
    apart, together = np.linalg.norm(p - q, axis=-1), np.linalg.norm(p + q, axis=-1)
    angle: np.ndarray = 4 * np.arctan2(np.minimum(apart, together), np.maximum(apart, together))
    return angle


def _resampled(trace: np.ndarray, points: int) -> np.ndarray:
    """``[K, D]`` to ``[points, D]``, equally spaced by arc length; a trace of no length repeats its start."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(trace, axis=0), axis=1))])
    where = np.linspace(0.0, along[-1], points)
    return np.stack([np.interp(where, along, column) for column in trace.T], axis=1)


def _array(values: ArrayLike, name: str, ndim: int) -> np.ndarray:
    array = np.asarray(values, float)
    if array.ndim != ndim or len(array) == 0:
        raise ValueError(
            f"{name} must be a non-empty array of {ndim} dimension(s), not of shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds a NaN or an infinity")
    return array


def _check_dt(dt: float) -> None:
    if not dt > 0:
        raise ValueError(f"dt must be a positive time step [s], not {dt}")
