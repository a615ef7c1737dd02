"""How much of a body a picture shows: visible pixels against those that the body alone would cover.

A body's silhouette is the union of its convex parts' silhouettes; each of those is the convex hull of the part's
projected corners. It is painted eight times finer than the picture, beyond the picture's edges if need be.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull, QhullError

from tasks.tabletop.workspace import pool

FINE = 8
"""Fineness: painted pixels along a pixel's edge."""
LARGEST = 4096
"""A silhouette wider than this is not painted: the body is in front of the lens [painted px]."""


@cache
def convex_parts(slot: str, scale: float = 1.0) -> tuple[np.ndarray, ...]:
    """Corners ``[V, 3]`` [m] of the convex parts of a body of the pool, in its frame; ``scale`` is the workspace's.

    A receptacle counts as its hull: nobody looks at one from below its rim.
    """
    body = pool(scale)[slot]
    if body.is_receptacle:
        return (np.asarray(body.body.visual.convex_hull.vertices * body.scale),)
    return tuple(np.asarray(part.vertices * body.scale) for part in body.body.parts)


def silhouette_area(parts: list[np.ndarray]) -> float | None:
    """Area of a silhouette [px^2]; None where it cannot be told.

    Args:
        parts: projected corners ``[V, 2]`` [px] of each convex part; NaN behind the camera.
    """
    corners = np.concatenate(parts)
    if np.isnan(corners).any():
        return None
    low = corners.min(0) - 1
    size = np.ceil((corners.max(0) + 1 - low) * FINE).astype(int)
    if size.max() > LARGEST:
        return None
    if len(parts) == 1:
        return _hull_area(parts[0])
    canvas = Image.new("1", (int(size[0]), int(size[1])))
    pen = ImageDraw.Draw(canvas)
    for part in parts:
        # Pillow paints the pixels on the outline too: half a painted pixel is taken off all around.
        outline = (_outline(part) - low) * FINE - 0.5
        if len(outline) > 2:
            pen.polygon([tuple(point) for point in outline.tolist()], fill=1)
    return float(np.count_nonzero(np.asarray(canvas))) / FINE**2


def _outline(points: np.ndarray) -> np.ndarray:
    try:
        return points[ConvexHull(points).vertices]
    except QhullError:  # seen edge-on
        return points[:0]


def _hull_area(points: np.ndarray) -> float:
    try:
        return float(ConvexHull(points).volume)  # in the plane, Qhull's volume is the area
    except QhullError:
        return 0.0


def label_boxes(labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Tight boxes ``[count, 4]`` (outer edges of the pixels; NaN for none) and pixel counts ``[count]`` of marks.

    Args:
        labels: ``[H, W]`` integers; mark ``i`` is body ``i``, anything outside 0 to ``count - 1`` is no body.
        count: number of bodies.
    """
    from scipy.ndimage import find_objects

    marks = np.where((labels >= 0) & (labels < count), labels + 1, 0).astype(np.int32)
    boxes = np.full((count, 4), np.nan, np.float32)
    for i, found in enumerate(find_objects(marks, max_label=count)):
        if found is not None:
            rows, columns = found
            boxes[i] = (columns.start, rows.start, columns.stop, rows.stop)
    return boxes, np.bincount(marks.ravel(), minlength=count + 1)[1 : count + 1]
