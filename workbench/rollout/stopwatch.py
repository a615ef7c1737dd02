"""`Stopwatch`: where the time went, by name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Sums up the time spent in named stretches, which must not lie within each other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        """Time spent so far [s], by name."""

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time what is done within."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    def shares(self) -> dict[str, float]:
        """Each name's share of the whole, in [0, 1]; greatest first."""
        total = sum(self.seconds.values())
        return {k: v / total for k, v in sorted(self.seconds.items(), key=lambda kv: -kv[1])} if total else {}
