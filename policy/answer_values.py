"""Lists and objects that a model wrote, as claims about space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policy.answer_entries import AmbiguousError, Entry, entry
from policy.answer_merge import Pairs
from policy.answer_pixels import AnswerPixels, numbers
from policy.answer_sentences import sentence
from policy.answers import XYXY, Answer, Boxes, Labelled, PickPlace, Plan, Points, Trace
from policy.grounding import GRASP, PLACE, Box, Point


class AnswerValues:
    """Values of one text, in the pixels of one image."""

    def __init__(self, pixels: AnswerPixels, pairs: Pairs | None) -> None:
        self.pixels, self.pairs = pixels, pairs

    def answer(self, rows: list[Any]) -> Answer | None:
        """What values that stand one behind another say; None for nothing.

        AmbiguousError for numbers that are neither points nor boxes, and for keys that are refused.
        """
        if all(isinstance(row, dict) for row in rows):
            if len(rows) == 1 and not _is_place(rows[0]):
                return self._object(rows[0])
            return self._labelled(rows)
        return self._rows(rows[0] if len(rows) == 1 else rows)

    def _object(self, value: Mapping[str, Any]) -> Answer | None:
        if "pick" in value or "place" in value:
            if any(numbers(v) is not None and len(numbers(v) or ()) == 2 for v in value.values()):
                named = {"pick": GRASP, "place": PLACE}
                return self._labelled([{"point_2d": v, "label": named.get(k, k)} for k, v in value.items()])
            pick, place = (
                self._nested_box(value[key]) if key in value else None for key in ("pick", "place")
            )
            return PickPlace(pick, place) if pick or place else None
        if "response" in value or "subtask" in value:
            response, subtask = (value.get(key) for key in ("response", "subtask"))
            said = sentence(subtask if isinstance(subtask, str) else "", self.pixels)
            plan = Plan(response if isinstance(response, str) else "", said)
            return plan if plan.response or said.words else None
        # Names as keys: {"red cube": [10, 20, 60, 80]}.
        rows = {key: numbers(each) for key, each in value.items()}
        if rows and all(row is not None and len(row) in (2, 4) for row in rows.values()):
            kinds = {2: "point_2d", 4: "bbox_2d"}
            return self._labelled([{kinds[len(row or ())]: row, "label": key} for key, row in rows.items()])
        return None

    def _nested_box(self, value: Any) -> XYXY | None:
        said = entry(value) if isinstance(value, dict) else Entry("box", value, "")
        return self.pixels.box(said.value) if said is not None and said.kind == "box" else None

    def _labelled(self, items: list[Any] | tuple[Any, ...]) -> Answer | None:
        boxes, points = [], []
        for item in items:
            said = entry(item) if isinstance(item, dict) else None
            if said is None:
                self.pixels.note("an entry without coordinates was left out")
                continue
            if said.kind == "trace":
                if len(items) > 1:
                    raise AmbiguousError("a trace beside other entries is refused: whose it is is open")
                way = [point for row in _several(said.value) if (point := self.pixels.point(row))]
                return Trace(tuple(way)) if way else None
            for row in _several(said.value) if said.kind == "point" else _several_boxes(said.value):
                if said.kind == "box" and (box := self.pixels.box(row)):
                    boxes.append(Box(said.label, box))
                elif said.kind == "point" and (point := self.pixels.point(row)):
                    points.append(Point(said.label, point))
        return Labelled(tuple(boxes), tuple(points)) if boxes or points else None

    def _rows(self, value: Any) -> Answer | None:
        if not isinstance(value, list | tuple):
            return None
        while len(value) == 1 and isinstance(value[0], list | tuple) and _is_nested(value[0]):
            value = value[0]
        if any(isinstance(item, dict) for item in value):
            return self._labelled(value)
        is_alone = numbers(value) is not None
        rows = [value] if is_alone else list(value)
        counts = [len(n) for n in map(numbers, rows) if n is not None]
        length = next((n for n in counts if n in (2, 4)), None)
        if length is None:
            if counts and counts[0] > 1:  # a single number, as in (1), is none of ours
                raise AmbiguousError(
                    f"a row of {counts[0]} numbers is refused: it is neither a point nor a box"
                )
            return None
        if {2, 4} <= set(counts):
            raise AmbiguousError(
                "rows of two and of four numbers in one list are refused: what is meant is open"
            )
        if length == 4:
            boxes = tuple(box for row in rows if (box := self.pixels.box(row)))
            return Boxes(boxes) if boxes else None
        points = tuple(point for row in rows if (point := self.pixels.point(row)))
        as_points = is_alone or isinstance(rows[0], tuple | str)
        kind = Points if (self.pairs == "points" if self.pairs else as_points) else Trace
        return kind(points) if points else None


def _is_place(value: Mapping[str, Any]) -> bool:
    return "pick" not in value and "place" not in value and entry(value) is not None


def _is_nested(value: list[Any] | tuple[Any, ...]) -> bool:
    return bool(value) and isinstance(value[0], list | tuple | dict)


def _several(value: Any) -> list[Any]:
    """The rows of a value that may be one row itself."""
    return [value] if numbers(value) is not None or not isinstance(value, list | tuple) else list(value)


def _several_boxes(value: Any) -> list[Any]:
    """The boxes of a value; two pairs are the corners of one."""
    rows = _several(value)
    return [value] if len(rows) == 2 and all(len(numbers(row) or ()) == 2 for row in rows) else rows
