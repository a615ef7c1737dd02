"""The twin's own log: what was commanded and what was true at every millisecond. For tests and labels alone.

A file of fixed records, `RECORD`, in order; what is cut off at its end was not written whole. Read it with `read`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

RECORD = np.dtype(
    [
        ("time", "<f8"),  # monotonic clock of the machine [s]
        ("step", "<u8"),  # of the physics
        ("mode", "<u1"),  # 0 idle, 1 positions, 2 other
        ("fresh", "<u1"),  # whether a command came for this step
        ("connection", "<u4"),  # how often a client had connected
        (
            "q_d",
            "<f8",
            (7,),
        ),  # commanded joints [rad]: the client's, or where it missed its time as extrapolated
        ("q", "<f8", (7,)),  # true joints [rad]
        ("dq", "<f8", (7,)),  # [rad/s]
        ("torque", "<f8", (7,)),  # applied [N m]
        ("width", "<f8"),  # between the fingertips [m]
        ("cube", "<f8", (7,)),  # pose: x y z [m], quaternion w x y z
        ("tray", "<f8", (7,)),
    ]
)
FLUSH_EVERY = 50
"""Steps between two writes."""


class Audit:
    """Writes the log."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb")
        self._rows = np.zeros(FLUSH_EVERY, RECORD)
        self._used = 0

    def add(self, **values: Any) -> None:
        """A record; all fields of `RECORD` by name."""
        row = self._rows[self._used]
        for name, value in values.items():
            row[name] = value
        self._used += 1
        if self._used == FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Everything so far is with the system when this returns."""
        self._file.write(self._rows[: self._used].tobytes())
        self._file.flush()
        self._used = 0

    def close(self) -> None:
        """End the log."""
        self.flush()
        self._file.close()


def read(path: Path) -> np.ndarray:
    """The whole records of a log ``[n]`` of `RECORD`."""
    content = path.read_bytes()
    return np.frombuffer(content[: len(content) // RECORD.itemsize * RECORD.itemsize], RECORD)


def derivatives(
    q: np.ndarray, number: np.ndarray, period: float = 0.001
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Velocity ``[n - 1, 7]``, acceleration ``[n - 2, 7]`` and jerk ``[n - 3, 7]`` of commanded joints.

    Args:
        q: ``[n, 7]`` [rad].
        number: of the period that each is for ``[n]``, increasing.
        period: [s].

    Where a number is left out, differences are divided by the time that they really span.
    """
    gap = np.diff(number.astype(np.int64))[:, None] * period
    velocity = np.diff(q, axis=0) / gap
    acceleration = np.diff(velocity, axis=0) / ((gap[1:] + gap[:-1]) / 2)
    return velocity, acceleration, np.diff(acceleration, axis=0) / gap[1:-1]
