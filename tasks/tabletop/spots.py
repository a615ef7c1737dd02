"""Free places on the table, for what is moved or falls while an episode runs. Pure geometry, seen from above."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.tabletop.workspace import LEAST_CLEARANCE, OBJECT_REGION

DIRECTIONS = 16
"""Ways to go that are tried, evenly over a full turn."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Obstacle:
    """What takes up a circle of the table."""

    x: float
    """[m]"""
    y: float
    """[m]"""
    radius: float
    """[m]"""


def is_free(spot: Point, radius: float, obstacles: Sequence[Obstacle]) -> bool:
    """Whether a body of this radius [m] may stand there: in the region, `LEAST_CLEARANCE` away from all obstacles."""
    if not all(low <= value <= high for value, (low, high) in zip(spot, OBJECT_REGION, strict=True)):
        return False
    return all(
        math.hypot(spot[0] - o.x, spot[1] - o.y) - radius - o.radius >= LEAST_CLEARANCE for o in obstacles
    )


def way_out(start: Point, wanted: Point, radius: float, obstacles: Sequence[Obstacle]) -> Point | None:
    """Where a body of this radius can be displaced to: by ``wanted`` [m], or as far another way, the nearest to it.

    None where none of `DIRECTIONS` leads to a free place.
    """
    distance, angle = math.hypot(*wanted), math.atan2(wanted[1], wanted[0])
    for k in sorted(range(DIRECTIONS), key=lambda k: (min(k, DIRECTIONS - k), k)):
        way = angle + 2 * math.pi * k / DIRECTIONS
        spot = (start[0] + distance * math.cos(way), start[1] + distance * math.sin(way))
        if is_free(spot, radius, obstacles):
            return spot
    return None


def first_free(shares: Sequence[Point], radius: float, obstacles: Sequence[Obstacle]) -> Point | None:
    """The first free one of places that are given as shares of the region in x and y; None if there is none."""
    (x0, x1), (y0, y1) = OBJECT_REGION
    spots = ((x0 + x * (x1 - x0), y0 + y * (y1 - y0)) for x, y in shares)
    return next((spot for spot in spots if is_free(spot, radius, obstacles)), None)
