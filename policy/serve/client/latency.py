"""How long answers took, as histograms that runs and workers add up: `Latencies`, and what is read from them."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Mapping

Counts = Mapping[str, int]
"""``name:bin`` -> how often: one flat map of whole numbers, as records and workers can hold it."""
GROWTH = 1.01
"""Ratio of a bin's bounds: what is read from a histogram is right to half a percent."""
LEAST_MS = 0.001
"""Shorter times count as this [ms]."""
QUANTILES = (0.5, 0.95, 0.99)
ROUND_TRIP, SERVER, NETWORK = "round_trip", "server", "network"
"""From a request's first byte to its answer; what of it the server says that it took; the rest."""


class Latencies:
    """Times of requests, from any thread."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, round_trip_ms: float, server_ms: float | None) -> None:
        """Count one request [ms]."""
        times = {ROUND_TRIP: round_trip_ms}
        if server_ms is not None:
            times |= {SERVER: server_ms, NETWORK: round_trip_ms - server_ms}
        with self._lock:
            for name, value in times.items():
                key = f"{name}:{_bin(value)}"
                self._counts[key] = self._counts.get(key, 0) + 1

    def take(self) -> dict[str, int]:
        """What was counted since the last call."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return counts


def added(first: Counts, second: Counts) -> dict[str, int]:
    """Both together."""
    return {
        key: first.get(key, 0) + second.get(key, 0)
        for key in (*first, *(k for k in second if k not in first))
    }


def quantiles_ms(counts: Counts) -> dict[str, dict[str, float | int]]:
    """Name -> ``n``, ``p50``, ``p95``, ``p99`` [ms], for the names that were counted."""
    found: dict[str, dict[str, float | int]] = {}
    for name in (ROUND_TRIP, SERVER, NETWORK):
        bins = sorted(
            (int(key.partition(":")[2]), n) for key, n in counts.items() if key.startswith(f"{name}:")
        )
        total = sum(n for _, n in bins)
        if total:
            found[name] = {"n": total} | {f"p{round(100 * q)}": _quantile(bins, total, q) for q in QUANTILES}
    return found


def _bin(ms: float) -> int:
    return math.floor(math.log(max(ms, LEAST_MS)) / math.log(GROWTH))


def _quantile(bins: list[tuple[int, int]], total: int, share: float) -> float:
    """The least bin below whose upper bound at least so many lie; its middle [ms]."""
    seen = itertools.accumulate(n for _, n in bins)
    at = next(at for (at, _), so_far in zip(bins, seen, strict=True) if so_far >= share * total)
    return float(GROWTH ** (at + 0.5))
