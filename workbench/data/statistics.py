"""Normalisation statistics of a dataset's numeric columns, and of its pictures: exact, over all data.

Averages stream. Quantiles are exact as well, which needs the whole column: a field of ten numbers takes 40 MB for a
million frames. Pictures are counted by value instead, 256 counts a channel, which is exact too and takes no room.

Definitions are numpy's, as the public loaders use them: standard deviation with ``ddof=0``, quantiles by linear
interpolation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
NORMALISATION = ("mean", "std", "min", "max", "q01", "q99")
"""What policies normalise with."""

Table = dict[str, list[Any]]


class ColumnStatistics:
    """Statistics of named columns, added piece by piece in the order of the data."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[np.ndarray]] = {}

    def add(self, columns: Mapping[str, np.ndarray]) -> None:
        """Add rows ``[N, ...]`` of each column; ValueError if a column's row changes its shape."""
        for name, values in columns.items():
            rows = np.array(values).reshape(len(values), -1)  # a copy: the caller may reuse its array
            pieces = self._pieces.setdefault(name, [])
            if pieces and pieces[0].shape[1] != rows.shape[1]:
                raise ValueError(
                    f"{name} has {rows.shape[1]} numbers a row, before it had {pieces[0].shape[1]}"
                )
            pieces.append(rows)

    def result(self) -> dict[str, Table]:
        """Per column: mean, std, min, max and quantiles, each ``[D]``, and count ``[1]``; plain JSON types."""
        return {name: column_statistics(np.concatenate(pieces)) for name, pieces in self._pieces.items()}


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
        tolerance: Share of the field's range within which two numbers are the same.

    Returns:
        Pairs of the statistic's name and a sentence; empty if all agree.
    """
    spread = np.ravel(recomputed["max"]) - np.ravel(recomputed["min"])
    size = np.maximum(np.abs(np.ravel(recomputed["max"])), np.abs(np.ravel(recomputed["min"])))
    allowed = tolerance * (spread + size) + 1e-12
    found = []
    for name, value in recomputed.items():
        if name not in stored:
            continue
        mine, theirs = np.ravel(value).astype(float), np.ravel(stored[name]).astype(float)
        if mine.shape != theirs.shape:
            found.append((name, f"has {theirs.size} numbers, the data has {mine.size}"))
            continue
        wrong = ~(np.abs(mine - theirs) <= (0 if name == "count" else allowed))
        if wrong.any():
            k = int(np.argmax(wrong))
            where = f" in channel {k}" if mine.size > 1 else ""
            found.append((name, f"is {theirs[k]:.6g}{where}, the data has {mine[k]:.6g}"))
    return found
