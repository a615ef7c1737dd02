"""Ranges that were found one by one, tried together, and how they give way where together they are too much.

Ten factors that each cost little at their bounds cost much together, and a search with the others at nominal values
does not see it. So the whole set is run, all factors drawing over the ranges found, by the same sequential test, on
episodes that chose nothing. Where it is not shown to hold, the bounds go back to a part of the way, halving what is
left between a part that holds and one that is not shown to: at first each in proportion to the success that it was
seen to cost, so that what costs nothing stays wide; and if no such set holds, all alike. At most `ROUNDS` tests share
the error rate, whatever was seen before, so a set is wrongly called good with at most that probability.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

PARTS = 8
"""Parts of the way from nominal to the bounds found; a power of 2."""
ROUNDS = 1 + 2 * round(math.log2(PARTS))
"""Tests at most: the ranges as found, and a bisection of the parts for either way of giving way."""


def weights(costs: Sequence[float]) -> list[list[float]]:
    """How much each bound gives way against the others, in the order in which it is tried."""
    most = max(costs, default=0.0)
    alike = [1.0] * len(costs)
    return [[cost / most for cost in costs], alike] if most > 0 else [alike]


def given_way(found: Sequence[int], giving: Sequence[float], part: int) -> tuple[int, ...]:
    """Positions when those of weight 1 go ``part`` of `PARTS` of the way, rounded half down."""
    lost = (PARTS - part) / PARTS
    return tuple(math.ceil(p * (1 - lost * w) - 0.5) for p, w in zip(found, giving, strict=True))
