"""From numbers that a model wrote to boxes and points inside its image, with a note of every repair."""

from __future__ import annotations

from typing import Any

from policy.answers import UV, XYXY


class AnswerPixels:
    """One image's pixels, and what had to be put right to stay inside them."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._repairs: dict[str, None] = {}

    @property
    def repairs(self) -> tuple[str, ...]:
        """What had to be put right so far, each kind once."""
        return tuple(self._repairs)

    def note(self, repair: str) -> None:
        """Remember a repair."""
        self._repairs[repair] = None

    def box(self, value: Any) -> XYXY | None:
        """A list of four numbers as a box with its corners in order, clamped; None if it is none or has no area."""
        found = numbers(value)
        if found is None or len(found) != 4:
            self.note("an entry that is no box was left out")
            return None
        u0, v0, u1, v1 = found
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
        return self._clamped(found[0], self._width), self._clamped(found[1], self._height)

    def _clamped(self, x: float, most: int) -> float:
        inside = min(max(x, 0.0), float(most))
        if inside != x:
            self.note("coordinates were clamped to the image")
        return inside


def numbers(value: Any) -> list[float] | None:
    """The numbers of a list that holds floats and nothing else; None for an empty one, too."""
    if isinstance(value, list | tuple) and value and all(isinstance(x, float) for x in value):
        return list(value)
    return None
