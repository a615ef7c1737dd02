"""`Gamepad`: sticks and buttons of a gamepad, as Linux's joystick interface gives them (``/dev/input/js0``).

    left stick    away, back, left, right        right stick   up and down; turn about the vertical
    cross         tilt                           A             opens and closes the hand
    B             hold: brake and stay           start         let go on after a stop
    shoulders     half and double speed

Numbers of axes and buttons are those of the kernel's driver for Xbox pads, which most others imitate. A stick moves the
tool for as long as it is pushed. A gamepad that is lost, as by its cable, holds the arm.
"""

from __future__ import annotations

import contextlib
import os
import select
import struct
import threading

import numpy as np

from workbench.bridge.operator import HOLD, RESET

EVENT = struct.Struct("=IhBB")
"""The kernel's ``js_event``: time [ms], value, type, number."""
BUTTON, AXIS = 1, 2
BEGINNING = 0x80
"""Flag of events that tell, when the device is opened, how everything stands."""
FULL = 32767
DEAD = 0.12
"""Share of a stick's way about its middle that moves nothing: sticks do not come back to it exactly."""
CHANNELS = {1: (0, -1.0), 0: (1, -1.0), 4: (2, -1.0), 6: (3, -1.0), 7: (4, -1.0), 3: (5, -1.0)}
"""Axis -> channel of the tool's motion, and its sign: pushed away and to the left, axes are negative."""
KEYS = {0: " ", 1: HOLD, 4: ",", 5: ".", 7: RESET}
"""Button -> the key that it stands for."""
WAIT_S = 0.2


class GamepadError(Exception):
    """There is no gamepad; one sentence says why."""


class Gamepad:
    """A gamepad; an `Operator` by its buttons. Read by a thread of its own."""

    def __init__(self, path: str) -> None:
        """``path``: of its device, as ``/dev/input/js0``. GamepadError where it cannot be opened."""
        try:
            self._device = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as problem:
            raise GamepadError(f"gamepad={path} cannot be opened: {problem.strerror}") from None
        self._axes: dict[int, float] = {}
        self._keys = ""
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._read, name="gamepad", daemon=True)
        self._thread.start()

    def pressed(self) -> str:
        """See `Operator`."""
        with self._lock:
            keys, self._keys = self._keys, ""
        return keys

    def deflection(self) -> np.ndarray:
        """How far its sticks are pushed, -1 to 1, for each channel of the tool's motion: three that move, three that
        turn ``[6]``."""
        found = np.zeros(6)
        with self._lock:
            for axis, (channel, sign) in CHANNELS.items():
                pushed = self._axes.get(axis, 0.0)
                found[channel] = sign * np.sign(pushed) * max(0.0, abs(pushed) - DEAD) / (1 - DEAD)
        return found

    def close(self) -> None:
        """Let go of it; never raises."""
        self._closing.set()
        self._thread.join(2 * WAIT_S)
        with contextlib.suppress(OSError):
            os.close(self._device)

    def _read(self) -> None:
        rest = b""
        try:
            while not self._closing.is_set():
                if not select.select([self._device], [], [], WAIT_S)[0]:
                    continue
                data = os.read(self._device, 64 * EVENT.size)
                if not data:
                    break
                rest += data
                whole = len(rest) // EVENT.size * EVENT.size
                for _, value, kind, number in EVENT.iter_unpack(rest[:whole]):
                    self._take(value, kind, number)
                rest = rest[whole:]
        except OSError:  # it was pulled out
            pass
        with self._lock:
            self._axes.clear()
            self._keys += "" if self._closing.is_set() else HOLD

    def _take(self, value: int, kind: int, number: int) -> None:
        with self._lock:
            if kind & ~BEGINNING == AXIS:
                self._axes[number] = max(-1.0, value / FULL)
            elif kind == BUTTON and value:
                self._keys += KEYS.get(number, "")
