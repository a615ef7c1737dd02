"""Windows of logs: stretches that are simulated each from a re-synchronised start, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.identification.motion_log import LogError, MotionLog

FIT_S = 0.035
"""Half the width of the stretch in which a start's position and velocity are read from the measurements [s]."""
FIT_SAMPLES = 2
"""Samples to either side at least."""


class Command:
    """What an arm is told, as a function of time whose mean over any stretch is exact."""

    def __init__(self, log: MotionLog) -> None:
        times, values = log.times, log.commanded
        self._times, self._values, self._linear = times, values, log.interpolation == "linear"
        steps = np.diff(times)[:, None]
        mean = (values[1:] + values[:-1]) / 2 if self._linear else values[:-1]
        self._sums = np.concatenate((np.zeros((1, values.shape[1])), np.cumsum(mean * steps, 0)))

    def integral(self, at: np.ndarray) -> np.ndarray:
        """Of the command from the log's beginning ``[..., J]`` [rad s]; before and after it is held."""
        k = np.clip(np.searchsorted(self._times, at, side="right") - 1, 0, len(self._times) - 1)
        past = (at - self._times[k])[..., None]
        found = self._sums[k] + past * self._values[k]
        if self._linear:
            after = np.minimum(k + 1, len(self._times) - 1)
            step = (self._times[after] - self._times[k])[..., None]
            slope = (self._values[after] - self._values[k]) / np.where(step > 0, step, np.inf)
            found = found + np.where(past > 0, slope * past**2 / 2, 0.0)
        return found


@dataclass(frozen=True, eq=False)
class Windows:
    """``W`` windows of ``S`` steps each, and the ``R`` measurements in them."""

    dt: float
    """[s]"""
    steps: int
    """``S``"""
    log: np.ndarray
    """Which log each window is of ``[W]``."""
    begin: np.ndarray
    """When it begins, on its log's clock ``[W]`` [s]."""
    position: np.ndarray
    """Measured joint positions there ``[W, J]`` [rad]."""
    velocity: np.ndarray
    """``[W, J]`` [rad/s]"""
    window: np.ndarray
    """Which window each measurement is in ``[R]``."""
    step: np.ndarray
    """Step that it falls in ``[R]``."""
    share: np.ndarray
    """How far into that step, from 0 to 1 ``[R]``."""
    row: np.ndarray
    """Its row in its log ``[R]``."""
    measured: np.ndarray
    """``[R, J]`` [rad]"""
    scored: np.ndarray
    """Whether it is past the burn-in ``[R]``."""
    commands: tuple[Command, ...]

    @property
    def age(self) -> np.ndarray:
        """Time since its window's start of each measurement ``[R]`` [s]."""
        return (self.step + self.share) * self.dt

    @property
    def seconds(self) -> float:
        """Simulated time of one candidate [s]."""
        return len(self.begin) * self.steps * self.dt


def windows(
    logs: Sequence[MotionLog], dt: float, length_s: float = 2.0, burn_in_s: float = 0.4, whole: bool = False
) -> Windows:
    """Cut logs into windows that follow each other, each with a burn-in before what is scored.

    Args:
        logs: of one robot.
        dt: time step of the simulation [s].
        length_s: scored part of a window [s].
        burn_in_s: simulated before it, so that errors of the start have died away [s].
        whole: one window for each log, which must be of one length, instead.
    """
    # A short log has one window, which is as long as the shortest log allows.
    lengths = [
        float(log.measured_times[-1] - log.measured_times[0]) for log in logs
    ]  # a log may begin before 0
    shortest = min(lengths)
    scored = shortest - burn_in_s if whole else min(length_s, shortest - burn_in_s)
    if scored < 0.2:
        raise LogError(f"the shortest log lasts {shortest:.2f} s, which is too short for a window")
    steps = int(np.ceil((burn_in_s + scored) / dt - 1e-9)) + 1
    starts: list[tuple[int, float]] = []
    for n, log in enumerate(logs):
        last = lengths[n] - burn_in_s - scored
        count = 1 if whole else int(np.floor(last / scored + 1e-9)) + 1
        starts += [(n, float(log.measured_times[0]) + k * scored) for k in range(count)]
    position, velocity, parts = [], [], []
    for w, (n, begin) in enumerate(starts):
        log = logs[n]
        first = int(np.searchsorted(log.measured_times, begin - 1e-9))
        starts[w] = (n, float(log.measured_times[first]))
        q, v = _state(log, first)
        position.append(q)
        velocity.append(v)
        at = log.measured_times - starts[w][1]
        rows = np.flatnonzero((at > 1e-9) & (at <= burn_in_s + scored + 1e-9))
        parts.append(
            (np.full(len(rows), w), at[rows] / dt, rows, log.measured[rows], at[rows] > burn_in_s + 1e-9)
        )
    window, along, row, measured, is_scored = (np.concatenate(p) for p in zip(*parts, strict=True))
    step = np.minimum(along.astype(int), steps - 1)
    return Windows(
        dt, steps, np.array([n for n, _ in starts]), np.array([b for _, b in starts]), np.array(position),
        np.array(velocity), window, step, along - step, row, measured, is_scored, tuple(Command(log) for log in logs),
    )  # fmt: skip


def _state(log: MotionLog, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Position and velocity ``[J]`` at a measurement: of the parabola through those around it."""
    times = log.measured_times
    near = max(FIT_SAMPLES, round(FIT_S / log.period))
    low, high = max(0, row - near), min(len(times), row + near + 1)
    at = times[low:high] - times[row]
    degree = 2 if len(at) > 3 else 1
    fitted = np.polynomial.polynomial.polyfit(at, log.measured[low:high], degree)
    return fitted[0], fitted[1]
