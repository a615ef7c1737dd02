"""What a driver and its `robots.franka.fci_process` tell each other: ways over a socket, states in shared memory.

The newest state alone counts, so it lies in memory that both see, with a count that is odd while it is written. Ways
each count, so they go through a socket that keeps them apart; its end tells the process that the driver is gone.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass

import numpy as np

JOINTS = 7
WAY = struct.Struct("<cqqq")
"""`SET_WAY`, its number, that of the way that it leaves (`NOTHING`: none), the period; then its states, each of which
has positions [rad], velocities [rad/s] and accelerations [rad/s^2]. See `robots.driver.Way`."""
POINT = struct.Struct("<cq")
"""`SET_POINT`, and the number of the way that it lies on, which has been sent."""
SCALE = struct.Struct("<cd")
"""`SET_SCALE`, and a share of the limits."""
SET_WAY, SET_POINT, SET_SCALE, STOP = b"w", b"p", b"s", b"h"
NOTHING = -1
"""Number of no way."""
MOST_STATES = 1000
"""Of a way: more do not go through the socket at once."""
LONGEST = WAY.size + MOST_STATES * 3 * JOINTS * 8
"""Message [bytes]."""
_STATE = struct.Struct(f"<d{3 * JOINTS + 16}d?qqqI200s")
_COUNT = struct.Struct("<Q")
SIZE = _COUNT.size + _STATE.size
"""Of the shared memory [bytes]."""
TRIES = 1000
"""To read a state that is not just being written."""


@dataclass(frozen=True)
class FciState:
    """What the process knows of the arm."""

    captured: float
    """When the arm's state came, on the machine's monotonic clock [s]."""
    q: np.ndarray
    """``[7]`` [rad]"""
    dq: np.ndarray
    """``[7]`` [rad/s]"""
    torque: np.ndarray
    """``[7]`` [N m]"""
    tool: np.ndarray
    """Tool in the base frame, a homogeneous matrix ``[4, 4]`` [m]."""
    moving: bool
    """Whether a motion goes on, be it to hold the arm."""
    number: int
    """Of the way that is followed; `NOTHING` where none is."""
    period: int
    """First one at which another way may leave it."""
    answered: int
    """Number of the last way that came."""
    problems: int
    """Motions that ended by an error so far."""
    problem: str
    """The last error, in the library's words."""


class StateMemory:
    """The newest state, in memory that two processes share."""

    def __init__(self, descriptor: int) -> None:
        """``descriptor``: of a file of `SIZE` bytes in memory."""
        self._memory = mmap.mmap(descriptor, SIZE)

    def write(
        self,
        captured: float,
        numbers: list[float],
        moving: bool,
        way: tuple[int, int, int],
        problems: int,
        problem: str,
    ) -> None:
        """For the process.

        Args:
            captured: see `FciState`, as the others.
            numbers: joints, velocities, torques, and the tool's matrix by columns ``[37]``.
            moving: whether a motion goes on.
            way: number, period, answered.
            problems: so far.
            problem: the last one.
        """
        count = _COUNT.unpack_from(self._memory)[0]
        _COUNT.pack_into(self._memory, 0, count + 1)
        said = problem.encode()[:200]
        _STATE.pack_into(self._memory, _COUNT.size, captured, *numbers, moving, *way, problems, said)
        _COUNT.pack_into(self._memory, 0, count + 2)

    def read(self) -> FciState | None:
        """For the driver; None before the first. TimeoutError where its writer was stopped in the middle of one."""
        for _ in range(TRIES):
            before = _COUNT.unpack_from(self._memory)[0]
            found = _STATE.unpack_from(self._memory, _COUNT.size)
            if before % 2 == 0 and before == _COUNT.unpack_from(self._memory)[0]:
                break
        else:
            raise TimeoutError("the process writes a state and does not come to its end")
        if before == 0:
            return None
        captured, *numbers, moving, number, period, answered, problems, said = found
        values = np.array(numbers)
        q, dq, torque = values[: 3 * JOINTS].reshape(3, JOINTS)
        tool = values[3 * JOINTS :].reshape(4, 4).T
        problem = said.rstrip(b"\0").decode(errors="replace")
        return FciState(captured, q, dq, torque, tool, moving, number, period, answered, problems, problem)

    def close(self) -> None:
        """Let go of it."""
        self._memory.close()


def pack_way(number: int, after: int | None, leaves: int, states: np.ndarray) -> bytes:
    """A message; ``states``: ``[k, 3, 7]``. ValueError for more than `MOST_STATES`."""
    if len(states) > MOST_STATES:
        raise ValueError(f"its way to rest has {len(states)} states, and {MOST_STATES} at most can be sent")
    return (
        WAY.pack(SET_WAY, number, NOTHING if after is None else after, leaves)
        + states.astype("<f8").tobytes()
    )


def unpack_way(message: memoryview) -> tuple[int, int, int, list[list[list[float]]]]:
    """Number, ``after`` or `NOTHING`, ``leaves``, states ``[k][3][7]``."""
    _, number, after, leaves = WAY.unpack_from(message)
    states = np.frombuffer(message, "<f8", offset=WAY.size).reshape(-1, 3, JOINTS)
    return number, after, leaves, states.tolist()
