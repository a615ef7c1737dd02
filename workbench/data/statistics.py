"""Normalisation statistics of a dataset's numeric columns, and of its pictures, over all data, in bounded memory.

Count, mean, variance and extremes stream and merge (Chan, Golub and LeVeque, "Updating Formulae and a Pairwise
Algorithm for Computing Sample Variances", 1979). Quantiles are exact for up to 16,384 different numbers in a channel,
and within 0.1 % of themselves beyond that (`workbench.data.quantile_sketch`). Pictures are counted by value, 256 counts
a channel, which is exact.

Definitions are numpy's, as the public loaders use them: standard deviation with ``ddof=0``, quantiles by linear
interpolation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.data.quantile_sketch import BITS, EXACT, QuantileSketch

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
NORMALISATION = ("mean", "std", "min", "max", "q01", "q99")
"""What policies normalise with."""
_WAITING = 2**14
"""Rows of a column that are taken into its sketches at once."""

Table = dict[str, list[Any]]


class ColumnStatistics:
    """Statistics of named columns, added or merged piece by piece.

    Statistics of single pieces, merged one after the other, have the same bits as the pieces added in that order: who
    computed them does not matter. In another order, mean and standard deviation differ by rounding, and nothing else.
    """

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}

    def add(self, columns: Mapping[str, np.ndarray]) -> None:
        """Add rows ``[N, ...]`` of each column; ValueError if a column's row changes its shape."""
        for name, values in columns.items():
            if len(values):
                self._merge(name, _Column.of(np.array(values)))  # a copy: the caller may reuse its array

    def merge(self, other: ColumnStatistics) -> None:
        """Add all rows of ``other``, which is left as it is; ValueError as from `add`."""
        for name, column in other._columns.items():
            self._merge(name, column)

    def _merge(self, name: str, column: _Column) -> None:
        mine = self._columns.get(name)
        if mine is None:
            mine = self._columns[name] = _Column(len(column.mean))
        elif len(mine.mean) != len(column.mean):
            raise ValueError(f"{name} has {len(column.mean)} numbers a row, before it had {len(mine.mean)}")
        mine.merge(column)

    def result(self) -> dict[str, Table]:
        """Per column: mean, std, min, max and quantiles, each ``[D]``, and count ``[1]``; plain JSON types."""
        return {name: column.result() for name, column in self._columns.items()}


class _Column:
    """What is known of one column's rows ``[N, D]``."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self.mean, self.squares = np.zeros(width), np.zeros(width)
        """Mean, and sum of squared distances from it."""
        self.min, self.max = np.full(width, np.inf), np.full(width, -np.inf)
        self._waiting: list[np.ndarray] = []
        """Rows that are not in the sketches yet: taking many at once is faster."""
        self._sketches: list[QuantileSketch] = []
        """One a number of the row; none yet if all rows wait."""

    @classmethod
    def of(cls, values: np.ndarray) -> _Column:
        """The column that has these rows ``[N >= 1, ...]``."""
        rows = values.reshape(len(values), -1)
        numbers = rows.astype(np.float64)
        found = cls(rows.shape[1])
        found.count, found.mean = len(rows), numbers.mean(0)
        with np.errstate(invalid="ignore"):  # of infinite numbers there is no variance: NaN
            found.squares = ((numbers - found.mean) ** 2).sum(0)
        found.min, found.max = numbers.min(0), numbers.max(0)
        found._waiting = [rows]
        return found

    def merge(self, other: _Column) -> None:
        """Add all rows of ``other``."""
        count = self.count + other.count
        share = other.count / count
        with np.errstate(invalid="ignore"):
            apart = other.mean - self.mean
            self.squares = self.squares + other.squares + apart**2 * (self.count * share)
            self.mean = self.mean + apart * share
        self.min, self.max = np.minimum(self.min, other.min), np.maximum(self.max, other.max)
        self.count = count
        self._waiting += other._waiting
        if other._sketches:
            self._sketch()
            for mine, theirs in zip(self._sketches, other._sketches, strict=True):
                mine.merge(theirs)
        if sum(map(len, self._waiting)) >= _WAITING:
            self._settle()

    def result(self) -> Table:
        """Statistics in plain JSON types."""
        quantiles = np.clip(self._quantiles(np.array(list(QUANTILES.values()))), self.min, self.max)
        return {
            "mean": self.mean.tolist(),
            "std": np.sqrt(self.squares / self.count).tolist(),
            "min": self.min.tolist(),
            "max": self.max.tolist(),
            "count": [self.count],
            **{name: q.tolist() for name, q in zip(QUANTILES, quantiles, strict=True)},
        }

    def _quantiles(self, shares: np.ndarray) -> np.ndarray:
        """``[Q, D]``"""
        if not self._sketches:  # few rows: they stay as they are, which is less to merge
            with np.errstate(invalid="ignore"):
                return np.quantile(np.concatenate(self._waiting).astype(np.float64), shares, axis=0)
        self._settle()
        found = np.full((len(shares), len(self.mean)), np.nan)
        for k in np.flatnonzero(np.isfinite(self.mean)):
            found[:, k] = self._sketches[k].quantiles(shares)
        return found

    def _settle(self) -> None:
        """Take the rows that wait into the sketches."""
        if self._waiting:
            self._sketch()
            rows = np.concatenate(self._waiting).astype(np.float64)
            for sketch, values in zip(self._sketches, rows.T, strict=True):
                sketch.add(values)
            self._waiting = []

    def _sketch(self) -> None:
        self._sketches = self._sketches or [QuantileSketch() for _ in self.mean]


def column_statistics(rows: np.ndarray) -> Table:
    """Statistics of rows ``[N, ...]``, flattened to ``[N, D]``; ValueError if there are none."""
    if not len(rows):
        raise ValueError("there are no rows to take statistics of")
    values = np.asarray(rows, np.float64).reshape(len(rows), -1)
    quantiles = np.quantile(values, list(QUANTILES.values()), axis=0)
    return {
        "mean": values.mean(0).tolist(),
        "std": values.std(0).tolist(),
        "min": values.min(0).tolist(),
        "max": values.max(0).tolist(),
        "count": [len(values)],
        **{name: q.tolist() for name, q in zip(QUANTILES, quantiles, strict=True)},
    }


class PictureStatistics:
    """Statistics of the pixels of RGB pictures, in [0, 1], a channel at a time."""

    def __init__(self) -> None:
        self._counts = np.zeros((3, 256), np.int64)
        self.pictures = 0
        """How many were added."""

    def add(self, picture: np.ndarray) -> None:
        """Add a picture ``[H, W, 3]`` uint8."""
        for channel in range(3):
            self._counts[channel] += np.bincount(picture[..., channel].ravel(), minlength=256)
        self.pictures += 1

    def merge(self, other: PictureStatistics) -> None:
        """Add all pictures of ``other``."""
        self._counts += other._counts
        self.pictures += other.pictures

    def result(self) -> Table:
        """mean, std, min, max and quantiles ``[3, 1, 1]``, and count of pictures ``[1]``; plain JSON types."""
        if not self.pictures:
            raise ValueError("there are no pictures to take statistics of")
        value = np.arange(256) / 255
        share = self._counts / self._counts.sum(1, keepdims=True)
        mean = share @ value
        found = {
            "mean": mean,
            "std": np.sqrt((share * (value - mean[:, None]) ** 2).sum(1)),
            "min": np.array([value[c > 0].min() for c in self._counts]),
            "max": np.array([value[c > 0].max() for c in self._counts]),
            **{name: self._quantile(q) / 255 for name, q in QUANTILES.items()},
        }
        return {k: v[:, None, None].tolist() for k, v in found.items()} | {"count": [self.pictures]}

    def _quantile(self, q: float) -> np.ndarray:
        """Linear interpolation between the two order statistics around ``q (n - 1)``, as `numpy.quantile` does."""
        ends = np.cumsum(self._counts, 1)
        rank = q * (ends[:, -1] - 1)
        below = np.floor(rank)
        low, high = (
            np.array([np.searchsorted(e, r, "right") for e, r in zip(ends, ranks, strict=True)])
            for ranks in (below, np.ceil(rank))
        )
        return low + (high - low) * (rank - below)


def differences(
    stored: Mapping[str, Any], recomputed: Mapping[str, Any], tolerance: float = 1e-5
) -> list[tuple[str, str]]:
    """Where stored statistics are not the recomputed ones.

    Args:
        stored: Statistics of one field, by name; names that `recomputed` lacks are not judged.
        recomputed: The same from the data.
        tolerance: Share of the field's range within which two numbers are the same. Quantiles of more rows than have
            exact ones may differ by the sketch's error besides.

    Returns:
        Pairs of the statistic's name and a sentence; empty if all agree.
    """
    spread = np.ravel(recomputed["max"]) - np.ravel(recomputed["min"])
    size = np.maximum(np.abs(np.ravel(recomputed["max"])), np.abs(np.ravel(recomputed["min"])))
    allowed = tolerance * (spread + size) + 1e-12
    error = 2.0**-BITS if recomputed.get("count", [0])[0] > EXACT else 0.0
    found = []
    for name, value in recomputed.items():
        if name not in stored:
            continue
        mine, theirs = np.ravel(value).astype(float), np.ravel(stored[name]).astype(float)
        if mine.shape != theirs.shape:
            found.append((name, f"has {theirs.size} numbers, the data has {mine.size}"))
            continue
        within = np.zeros(1) if name == "count" else allowed
        if name in QUANTILES:
            within = within + error * np.abs(mine)
        wrong = ~(np.abs(mine - theirs) <= within)
        if wrong.any():
            k = int(np.argmax(wrong))
            where = f" in channel {k}" if mine.size > 1 else ""
            found.append((name, f"is {theirs[k]:.6g}{where}, the data has {mine[k]:.6g}"))
    return found
