"""`ParallelGripper`: two fingers that move alike, each by half of the width. NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ParallelGripper:
    """A `robots.protocol.Gripper` whose command to open opens it fully, and which closes until the fingers meet."""

    joints: tuple[str, ...]
    """Names of the fingers' joints: two."""
    max_width: float
    """[m]"""
    open_reach: float
    """From the middle to the outer face of a finger, fully open [m]."""
    finger_radius: float
    """[m]"""
    speed: float
    """Of a finger [m/s]."""
    effort: float
    """Of a finger [N]."""
    min_width: float = 0.0
    """[m]"""

    @property
    def open_width(self) -> float:
        """[m]"""
        return self.max_width

    def width(self, joints: np.ndarray) -> np.ndarray:
        """Width ``[N]`` [m] at finger positions ``[N, 2]`` [m]."""
        return np.asarray(joints, np.float64).sum(1)

    def joints_at(self, width: np.ndarray) -> np.ndarray:
        """Finger positions ``[N, 2]`` [m] at widths ``[N]`` [m]; the nearest that the fingers can have."""
        half = np.clip(np.asarray(width, np.float64), self.min_width, self.max_width) / 2
        return np.stack((half, half), 1)
