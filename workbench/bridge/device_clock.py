"""`DeviceClock`: when something was captured on this machine's clock, where a device dates it by a clock of its own."""

from __future__ import annotations

import math
from collections import deque

WINDOW_S = 30.0
"""For so long a difference between the clocks counts: one that drifts by 100 ppm is off by 3 ms at most [s]."""
BACK_S = 0.5
"""A clock that goes back by more than this was set, or begun anew; by less, messages came in another order [s]."""


class DeviceClock:
    """One device's clock.

    Nothing arrives before it was captured, and some messages arrive almost at once: the least difference between
    arrival and the device's own time, of the last `WINDOW_S`, is what the two clocks differ by, plus the shortest
    delay that there is. So a picture that was held up, for less than that window, is known to be old; what all of them
    take, no clock tells. A clock that was set back is compared anew (`BACK_S`); one that was set ahead has a lesser
    difference.
    """

    def __init__(self) -> None:
        self._least: deque[tuple[float, float]] = deque()
        """Arrivals and differences, both rising: later ones that are greater may be the least one day."""
        self._last = -math.inf
        """By the device's clock, of the message before [s]."""

    def captured(self, device: float, arrived: float) -> float:
        """When it was captured, on this machine's clock, at or before its arrival [s].

        Args:
            device: by the device's clock [s].
            arrived: by this machine's [s]; never earlier than the one before.
        """
        difference = arrived - device
        if device < self._last - BACK_S:
            self._least.clear()
        self._last = device
        while self._least and self._least[-1][1] >= difference:
            self._least.pop()
        self._least.append((arrived, difference))
        while self._least[0][0] < arrived - WINDOW_S:
            self._least.popleft()
        return device + self._least[0][1]
