"""The Franka's hand through ``franky-control``, driven and read by a thread of its own: its commands block."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from robots.driver import Reading
from robots.franka.spec import GRIP_FORCE, PANDA

CLOSED_BELOW = 0.5
"""Share of the fully open hand below which a width that is asked for means to grasp."""
HAND_PERIOD_S = 0.01
"""Between two readings of the hand's width [s]."""


@dataclass(frozen=True)
class Wish:
    """What the hand is to do."""

    width: float
    """[m]"""
    grasp: bool

    @classmethod
    def of(cls, width: float) -> Wish:
        """A distance between the fingertips [m] that is asked for."""
        open_width = PANDA.gripper_max_width
        return cls(min(max(width, 0.0), open_width), width < CLOSED_BELOW * open_width)


class Hand:
    """One hand; the newest wish counts."""

    def __init__(self, franky: Any, address: str) -> None:
        """``franky``: the package; ``address``: of the arm. The package's exceptions where there is no hand."""
        self._gripper = franky.Gripper(address)
        self._lock = threading.Lock()
        self._wanted: Wish | None = None
        self._given: Wish | None = None
        self._closing = threading.Event()
        self._width = Reading(np.array([self._gripper.width], np.float64), time.monotonic())
        self._thread = threading.Thread(target=self._run, name="franka-hand", daemon=True)
        self._thread.start()

    def wish(self, wish: Wish) -> None:
        """What it is to do from now on."""
        with self._lock:
            self._wanted = wish

    def width(self) -> Reading:
        """Its newest width ``[1]`` [m]; its age grows when the hand falls silent."""
        with self._lock:
            return self._width

    def close(self) -> None:
        """Let go of it; what it holds it goes on holding."""
        self._closing.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        pending: Any = None
        while not self._closing.wait(HAND_PERIOD_S):
            try:
                width = float(self._gripper.width)
            except Exception:  # a hand that cannot be read shows in the age of its width
                continue
            with self._lock:
                self._width = Reading(np.array([width]), time.monotonic())
                wanted = self._wanted
            if pending is not None and not pending.wait(0.0):
                continue
            pending = None
            if wanted is None or (self._given is not None and _same(wanted, self._given)):
                continue
            self._given = wanted
            pending = self._begin(wanted)

    def _begin(self, wish: Wish) -> Any:
        if wish.grasp:
            # The width is a position that the fingers are driven to: only 0 squeezes what is between them.
            return self._gripper.grasp_async(
                0.0, PANDA.gripper_speed, GRIP_FORCE, 0.0, PANDA.gripper_max_width
            )
        return self._gripper.move_async(wish.width, PANDA.gripper_speed)


def _same(one: Wish, other: Wish) -> bool:
    if one.grasp != other.grasp:
        return False
    return one.grasp or abs(one.width - other.width) < 1e-3
