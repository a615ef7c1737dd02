"""Objects that name one place: ``{"bbox_2d": [...], "label": ...}``, ``{"x": 3, "y": 4}`` and their kin.

A key says what its numbers are. Where the same key means different things in public use, as ``box_2d`` does, it is
refused by name: read the wrong way round, it would point somewhere else without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

BOX_KEYS = ("bbox_2d", "bbox", "bboxes", "box", "boxes", "bounding_box", "bounding_boxes")
POINT_KEYS = ("point_2d", "points_2d", "points", "xy", "uv")
TRACE_KEYS = ("trace", "trajectory", "path", "waypoints")
CORNERS = (
    ("x1", "y1", "x2", "y2"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("left", "top", "right", "bottom"),
)
SIZED = (("x", "y", "width", "height"), ("x", "y", "w", "h"), ("left", "top", "width", "height"))
POINTS = (("x", "y"), ("u", "v"))
LABEL_KEYS = ("label", "name")
AMBIGUOUS = {
    "box_2d": "the key box_2d is refused: in public use its numbers are y first, in thousandths; write bbox_2d",
    "point": "the key point is refused: in public use it is y first as often as x first; write point_2d",
}
"""Keys that are refused, and why."""


class AmbiguousError(ValueError):
    """A shape that means different things in public use, named in one sentence."""


@dataclass(frozen=True)
class Entry:
    """What an object says of one place, or of several of the same kind."""

    kind: Literal["box", "point", "trace"]
    value: Any
    """Numbers as they were written: a list of them, or of lists."""
    label: str


def entry(value: Mapping[str, Any]) -> Entry | None:
    """What an object says; None for one that is no place. AmbiguousError for a key that is refused."""
    for key, reason in AMBIGUOUS.items():
        if key in value:
            raise AmbiguousError(reason)
    said = next((value[key] for key in LABEL_KEYS if isinstance(value.get(key), str)), "")
    kinds: tuple[tuple[Literal["box", "point", "trace"], tuple[str, ...]], ...] = (
        ("box", BOX_KEYS), ("point", POINT_KEYS), ("trace", TRACE_KEYS),
    )  # fmt: skip
    named = [(kind, key) for kind, keys in kinds for key in keys if key in value]
    if len(named) > 1:
        raise AmbiguousError(
            f"an object with both {named[0][1]} and {named[1][1]} is refused: which is meant is open"
        )
    if named:
        return Entry(named[0][0], value[named[0][1]], said)
    for sized in SIZED:
        if set(sized) <= value.keys():
            x, y, width, height = (value[key] for key in sized)
            if all(isinstance(n, float) for n in (x, y, width, height)):
                return Entry("box", [x, y, x + width, y + height], said)
    for corners in CORNERS:
        if set(corners) <= value.keys():
            return Entry("box", [value[key] for key in corners], said)
    for point in POINTS:
        if set(point) <= value.keys():
            return Entry("point", [value[key] for key in point], said)
    return None
