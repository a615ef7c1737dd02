"""`Ticker`: a loop's rate kept on an absolute clock, and how well it was kept."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

LATE = 0.25
"""Share of a period by which a tick may be late before it counts as late."""


class Ticker:
    """Wakes at the multiples of a period since its beginning; a tick that was slept over is not made up for."""

    def __init__(
        self,
        period: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``period`` [s]."""
        self.period, self._clock, self._sleep = period, clock, sleep
        self._due = clock()
        self.ticks = self.late = self.skipped = 0
        """Ticks so far; those that came late; those that were left out because the one before took too long."""
        self._delays: list[float] = []

    def restart(self) -> None:
        """Begin now: what was not waited for before counts neither as late nor as left out."""
        self._due = self._clock()

    def wait(self) -> float:
        """Sleep until the next tick; the time at which it really began [s]."""
        self._due += self.period
        left = self._due - self._clock()
        if left > self.period:  # the clock went back: waiting for it would leave the arm without a loop
            self._due, left = self._due - left + self.period, self.period
        if left > 0:
            self._sleep(left)
        elif -left > self.period:
            left_out = int(-left // self.period)
            self.skipped += left_out
            self._due += left_out * self.period
        now = self._clock()
        delay = now - self._due
        self.ticks += 1
        self.late += delay > LATE * self.period
        self._delays.append(delay)
        return now

    def jitter(self) -> dict[str, float | int]:
        """How late ticks began [s]: ``p50``, ``p99``, ``max``; ``ticks``, ``late``, ``skipped``."""
        counts = {"ticks": self.ticks, "late": self.late, "skipped": self.skipped}
        if not self._delays:
            return dict(counts)
        p50, p99 = np.quantile(self._delays, (0.5, 0.99)).tolist()
        return {"p50": p50, "p99": p99, "max": max(self._delays)} | counts
