"""`thumbnail`: a picture's colours in a few numbers, kept with an episode so that pictures that were swapped are found.

Means survive compression: JPEG and AV1 move them by 2.2 of 255 at most (root mean square) in the data that is written
here. Pictures of another episode of the same camera differ by 9 or more without randomisation, and by 18 with it.
"""

from __future__ import annotations

import numpy as np

PARTS = 4
"""A picture is cut into so many parts along each edge."""
LENGTH = PARTS * PARTS * 3
TOLERANCE = 5.0
"""Root mean square, of 255, between a picture's thumbnail and the one that was kept. Clean data: 2.2."""
MOMENTS = 4
"""Frames of an episode whose thumbnails an export keeps: the first, the last, and evenly between."""


def thumbnail(picture: np.ndarray) -> np.ndarray:
    """Mean colours ``[PARTS, PARTS, 3]`` uint8 of the parts of a picture ``[H, W, 3]`` uint8; black if it is
    smaller than that."""
    if min(picture.shape[:2]) < PARTS:
        return np.zeros((PARTS, PARTS, 3), np.uint8)
    rows, columns = (np.linspace(0, size, PARTS + 1).astype(int) for size in picture.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(picture.astype(np.uint32), rows[:-1], 0), columns[:-1], 1)
    pixels = np.diff(rows)[:, None, None] * np.diff(columns)[None, :, None]
    return np.rint(sums / pixels).astype(np.uint8)


def apart(first: np.ndarray, second: np.ndarray) -> float:
    """How far two thumbnails are apart, of 255: root mean square over parts and colours."""
    return float(np.sqrt(((first.astype(float).ravel() - second.astype(float).ravel()) ** 2).mean()))


def moments(frames: int) -> list[int]:
    """The frames of an episode whose thumbnails are kept in an export."""
    return sorted(set(np.linspace(0, frames - 1, min(MOMENTS, frames)).round().astype(int).tolist()))
