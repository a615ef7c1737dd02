"""`QuantileSketch`: quantiles of numbers that are too many to keep, from counts of them by their leading bits.

Finite floats of one sign are ordered as their bit patterns are, so that a pattern cut short names an interval, and the
intervals of a length of pattern are all equally wide in proportion to what they hold. The sketch counts numbers by
whole patterns, which is exact, until there are more than `EXACT` different ones; then it cuts patterns by one bit after
the other until there are not, but keeps `BITS` bits of the mantissa in any case.

Error: none for up to `EXACT` different numbers. Otherwise a quantile is that of numbers of which each is displaced by
less than the width of its interval, at most 2^-`BITS` = 0.1 % of itself, and less where they spread over few octaves.

Cutting commutes with counting: the sketch is a function of the numbers alone, whatever the order and the pieces in
which they came. (t-digests and KLL sketches are not; and their error is one of rank, not of value.) It is UDDSketch
(Epicoco et al., "UDDSketch: Accurate Tracking of Quantiles in Data Streams", 2020) with floats' own bits for buckets.
"""

from __future__ import annotations

import numpy as np

EXACT = 2**14
"""Different numbers up to which quantiles are exact."""
BITS = 10
"""Bits of the mantissa that are never cut."""
_MOST = np.finfo(np.float64).nmant - BITS
_MAGNITUDE = np.int64(2**63 - 1)


class QuantileSketch:
    """Counts of finite numbers, by the leading bits of their patterns."""

    def __init__(self) -> None:
        self._cut = 0
        self._patterns, self._counts = np.zeros(0, np.int64), np.zeros(0, np.int64)

    def add(self, values: np.ndarray) -> None:
        """Add numbers ``[N]``."""
        patterns, counts = np.unique(_pattern(values) >> self._cut, return_counts=True)
        self._take(patterns, counts)

    def merge(self, other: QuantileSketch) -> None:
        """Add all numbers of ``other``."""
        cut = max(self._cut, other._cut)
        patterns = self._patterns >> (cut - self._cut), other._patterns >> (cut - other._cut)
        self._cut, self._patterns = cut, patterns[0]
        self._take(patterns[1], other._counts)

    @property
    def count(self) -> int:
        """How many numbers were added."""
        return int(self._counts.sum())

    @property
    def size(self) -> int:
        """How many counts are kept."""
        return len(self._counts)

    def quantiles(self, shares: np.ndarray) -> np.ndarray:
        """Quantiles ``[Q]`` of shares ``[Q]`` in [0, 1], with linear interpolation as `numpy.quantile` has it.

        ValueError if there are no numbers.
        """
        if not self.size:
            raise ValueError("there are no numbers to take quantiles of")
        ends = np.cumsum(self._counts)
        rank = np.asarray(shares) * (ends[-1] - 1)
        below = np.floor(rank).astype(np.int64)
        low, high = self._at(below, ends), self._at(np.ceil(rank).astype(np.int64), ends)
        return low + (high - low) * (rank - below)

    def _at(self, rank: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """The numbers of these ranks, from 0; those of an interval are taken to lie evenly in it."""
        k = np.searchsorted(ends, rank, "right")
        along = (rank - (ends[k] - self._counts[k]) + 0.5) / self._counts[k]
        first = self._patterns[k] << self._cut
        begin, end = _number(first), _number(first + ((1 << self._cut) - 1))
        return begin + (end - begin) * along

    def _take(self, patterns: np.ndarray, counts: np.ndarray) -> None:
        self._patterns, self._counts = _counted(
            np.concatenate((self._patterns, patterns)), np.concatenate((self._counts, counts))
        )
        while self.size > EXACT and self._cut < _MOST:
            self._cut += 1
            self._patterns, self._counts = _counted(self._patterns >> 1, self._counts)


def _pattern(values: np.ndarray) -> np.ndarray:
    """Whole numbers ``[N]`` in the order of the floats ``[N]``."""
    bits = (np.asarray(values, np.float64) + 0.0).view(np.int64)  # + 0.0: there is one zero
    return np.where(bits < 0, bits ^ _MAGNITUDE, bits)


def _number(pattern: np.ndarray) -> np.ndarray:
    """What `_pattern` was made of."""
    return np.where(pattern < 0, pattern ^ _MAGNITUDE, pattern).view(np.float64)


def _counted(patterns: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each pattern once, in order, with the sum of its counts."""
    order = np.argsort(patterns, kind="stable")  # of sorted stretches: merging, not sorting
    patterns, counts = patterns[order], counts[order]
    if not len(patterns):
        return patterns, counts
    begins = np.flatnonzero(np.concatenate(([True], patterns[1:] != patterns[:-1])))
    return patterns[begins], np.add.reduceat(counts, begins)
