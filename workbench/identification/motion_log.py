"""`MotionLog`: what an arm was told and what it did, whatever file that was in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

Interpolation = Literal["hold", "linear"]


class LogError(ValueError):
    """A log that cannot be used; one sentence says what is wrong with it, and where."""


@dataclass(frozen=True, eq=False)
class MotionLog:
    """Motion of ``J`` joints at ``T`` instants."""

    name: str
    """Short, for tables."""
    source: str
    """File, and which episode of it."""
    times: np.ndarray
    """Instants of the commands ``[T]`` [s], from 0 on."""
    commanded: np.ndarray
    """Joint positions that the arm was told to take ``[T, J]`` [rad]."""
    measured: np.ndarray
    """Joint positions that its encoders read ``[T, J]`` [rad]."""
    measured_times: np.ndarray
    """Instants at which they were read ``[T]`` [s], on the same clock."""
    velocity: np.ndarray | None = None
    """``[T, J]`` [rad/s]"""
    torque: np.ndarray | None = None
    """As the robot reports them ``[T, J]`` [N m]."""
    gripper: np.ndarray | None = None
    """Measured width ``[T]`` [m]."""
    tool: np.ndarray | None = None
    """Tool position that the robot reported ``[T, 3]`` [m], base frame."""
    interpolation: Interpolation = "hold"
    """What the arm was told between two commands: the earlier one, or what lies linearly between."""
    ended: bool = True
    """Whether the file says that the recording came to its end; those that cannot say so count as ended."""

    @property
    def joints(self) -> int:
        """``J``"""
        return self.commanded.shape[1]

    @property
    def duration(self) -> float:
        """[s]"""
        return float(self.times[-1] - self.times[0])

    @property
    def period(self) -> float:
        """Median time between two commands [s]."""
        return float(np.median(np.diff(self.times)))

    def part(self, begin: float, end: float) -> MotionLog:
        """What happened between two instants [s]; times begin anew at 0."""
        rows = (self.times >= begin) & (self.times < end)
        if rows.sum() < 2:
            raise LogError(f"{self.source} has no two samples between {begin:g} and {end:g} s")
        first = self.times[rows][0]

        def cut(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[rows]

        return replace(
            self,
            name=f"{self.name}[{begin:g}:{end:g}s]",
            times=self.times[rows] - first,
            commanded=self.commanded[rows],
            measured=self.measured[rows],
            measured_times=self.measured_times[rows] - first,
            velocity=cut(self.velocity),
            torque=cut(self.torque),
            gripper=cut(self.gripper),
            tool=cut(self.tool),
        )
