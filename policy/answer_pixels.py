"""From numbers that a model wrote to boxes and points inside its image, with a note of every repair."""

from __future__ import annotations

import math
import re
from typing import Any

from policy.answers import UV, XYXY

SLACK = 0.05
"""How far beyond the image a coordinate may be and still be moved to its edge, as a share of the image's side."""

_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_QUOTED = re.compile(r"\s*[\[(]?\s*[-+.0-9]+(?:[\s,]+[-+.0-9]+)*\s*[\])]?\s*")


class AnswerPixels:
    """One image's pixels, and what had to be put right to stay inside them."""

    def __init__(self, width: int, height: int, fractions: bool = False) -> None:
        """``fractions``: whether numbers are shares of the image's sides instead of pixels."""
        self._width, self._height = width, height
        self._scale = (width, height) if fractions else (1, 1)
        self._repairs: dict[str, None] = {}
        self._written: list[float] = []
        self.beyond: float | None = None
        """A coordinate too far outside the image to belong to it."""

    @property
    def repairs(self) -> tuple[str, ...]:
        """What had to be put right so far, each kind once."""
        return tuple(self._repairs)

    @property
    def are_fractions(self) -> bool:
        """Whether what was written can only be shares of the image's sides: no more than 1, and not all whole."""
        return (
            bool(self._written)
            and all(0 <= x <= 1 for x in self._written)
            and any(x != round(x) for x in self._written)
        )

    def note(self, repair: str) -> None:
        """Remember a repair."""
        self._repairs[repair] = None

    def box(self, value: Any) -> XYXY | None:
        """A list of four numbers as a box with its corners in order, clamped; None if it is none or has no area.

        Two corners, ``[[u, v], [u, v]]``, are four numbers, too.
        """
        found = numbers(value)
        if found is None and isinstance(value, list | tuple) and len(value) in (1, 2):
            corners = [numbers(corner) for corner in value]
            flat = [x for corner in corners if corner for x in corner]
            found = flat if None not in corners and len(flat) == 4 else None
        if found is None or len(found) != 4:
            self.note("an entry that is no box was left out")
            return None
        u0, v0, u1, v1 = self._pixels(found)
        if u0 > u1 or v0 > v1:
            self.note("corners were swapped")
        u0, u1 = (self._clamped(u, self._width) for u in sorted((u0, u1)))
        v0, v1 = (self._clamped(v, self._height) for v in sorted((v0, v1)))
        if u0 == u1 or v0 == v1:
            self.note("a box without area in the image was left out")
            return None
        return u0, v0, u1, v1

    def point(self, value: Any) -> UV | None:
        """A list of two numbers as a point, clamped; None if it is none."""
        found = numbers(value)
        if found is None or len(found) != 2:
            self.note("an entry that is no point was left out")
            return None
        u, v = self._pixels(found)
        return self._clamped(u, self._width), self._clamped(v, self._height)

    def _pixels(self, found: list[float]) -> list[float]:
        self._written += found
        return [x * self._scale[i % 2] for i, x in enumerate(found)]

    def _clamped(self, x: float, most: int) -> float:
        if not -SLACK * most <= x <= (1 + SLACK) * most:
            self.beyond = x
        inside = min(max(x, 0.0), float(most))
        if inside != x:
            self.note("coordinates were clamped to the image")
        return inside


def numbers(value: Any) -> list[float] | None:
    """The numbers of a list of floats, or of numbers in quotes; None for anything else, and for an empty one.

    Text that is a row of numbers, ``"(3, 4)"``, is such a list, too.
    """
    if isinstance(value, str):
        found = [float(n) for n in _NUMBER.findall(value)] if _QUOTED.fullmatch(value) else []
        return found if len(found) > 1 else None
    if not isinstance(value, list | tuple) or not value:
        return None
    read = [_number(x) for x in value]
    return None if None in read else [x for x in read if x is not None]


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if _NUMBER.fullmatch(text) else None
    return value if isinstance(value, float) and math.isfinite(value) else None
