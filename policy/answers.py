"""What a vision-language model says about space, as text: one class for each literal shape of answer.

    Points(((320, 280), (358, 280))).text()      # [(320, 280), (358, 280)]
    Trace(((10, 20), (14, 26))).text()           # [[10, 20], [14, 26]]
    PickPlace((1, 2, 9, 8), (20, 2, 40, 30)).text()
    Sentence("Place the grapes <box> in the basket.", (((257, 246, 320, 303),),)).text()

The shapes are those that InternVLA-M1 (arXiv 2510.13778) is trained and evaluated on, and Qwen2.5-VL's native lists.
`policy.answer_parser.parse_answer` reads every text that is written here back to the same object.

Coordinates are pixels of the image that the model sees (`policy.smart_resize`), continuous from its top-left corner;
texts hold the nearest whole numbers, so that writing costs at most half a pixel of that image. A list of points and a
trace look the same in the published answers. Here a point is a tuple and a waypoint a list, so that the text alone
tells which is meant.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from policy.grounding import Box, Point

XYXY = tuple[float, float, float, float]
"""u_min, v_min, u_max, v_max [px]."""
UV = tuple[float, float]
"""u, v [px]."""

MARK = "<box>"
"""Where a sentence's boxes stand in its text."""
TAGS = ("response", "think", "action")
"""Parts of a plan that is written with tags."""


@dataclass(frozen=True)
class Points:
    """Points without names: ``[(320, 280), (358, 280)]``."""

    kind: ClassVar[str] = "points"
    points: tuple[UV, ...]

    def text(self) -> str:
        """The literal answer."""
        return "[" + ", ".join(f"({whole(u)}, {whole(v)})" for u, v in self.points) + "]"


@dataclass(frozen=True)
class Trace:
    """The path of the end effector, in order of time: ``[[320, 280], [331, 262]]``."""

    kind: ClassVar[str] = "trace"
    points: tuple[UV, ...]

    def text(self) -> str:
        """The literal answer."""
        return _list([whole(x) for x in point] for point in self.points)


@dataclass(frozen=True)
class Boxes:
    """Boxes without names: ``[[257, 246, 320, 303]]``."""

    kind: ClassVar[str] = "boxes"
    boxes: tuple[XYXY, ...]

    def text(self) -> str:
        """The literal answer; ValueError for a box that rounds to no area."""
        return _list(whole_box(box) for box in self.boxes)


@dataclass(frozen=True)
class Labelled:
    """Qwen's native list: ``[{"bbox_2d": [257, 246, 320, 303], "label": "red cube"}]``; points have ``point_2d``."""

    kind: ClassVar[str] = "labelled"
    boxes: tuple[Box, ...] = ()
    points: tuple[Point, ...] = ()

    def text(self) -> str:
        """The literal answer, boxes first; ValueError for a box that rounds to no area."""
        boxes = [{"bbox_2d": whole_box(b.xyxy), "label": b.label} for b in self.boxes]
        points = [{"point_2d": [whole(x) for x in p.uv], "label": p.label} for p in self.points]
        return json.dumps([*boxes, *points], ensure_ascii=False)


@dataclass(frozen=True)
class PickPlace:
    """What to pick and where to place it: ``{"pick": {"bbox_2d": [...]}, "place": {"bbox_2d": [...]}}``."""

    kind: ClassVar[str] = "pick_and_place"
    pick: XYXY | None
    place: XYXY | None

    def text(self) -> str:
        """The literal answer, without what is None; ValueError for a box that rounds to no area."""
        boxes = {"pick": self.pick, "place": self.place}
        return json.dumps({k: {"bbox_2d": whole_box(b)} for k, b in boxes.items() if b is not None})


@dataclass(frozen=True)
class Sentence:
    """A sentence with boxes behind the words that they belong to.

    ``Place the grapes <box> [[257, 246, 320, 303]] </box> in the basket.``
    """

    kind: ClassVar[str] = "sentence"
    words: str
    """The sentence with `MARK` where boxes stand."""
    boxes: tuple[tuple[XYXY, ...], ...] = ()
    """For each mark, one box or several."""

    def __post_init__(self) -> None:
        marks = self.words.count(MARK)
        if marks != len(self.boxes) or not all(self.boxes):
            raise ValueError(f"{marks} marks {MARK} need as many groups of boxes, not {len(self.boxes)}")

    def text(self, compact: bool = False) -> str:
        """The literal answer, ``compact`` without spaces inside the tags; ValueError for a box without area."""
        space = "" if compact else " "
        first, *rest = self.words.split(MARK)
        written = (f"{MARK}{space}{_list(map(whole_box, group))}{space}</box>" for group in self.boxes)
        return first + "".join(box + words for box, words in zip(written, rest, strict=True))


@dataclass(frozen=True)
class Plan:
    """What a planner says: a word to the person, and what to do next.

    As JSON ``{"response": "...", "subtask": "Pick up the lion<box>[[304, 275, 346, 356]]</box> on the table."}``, or
    with tags ``<response>...</response><think>...</think><action>...</action>``.
    """

    kind: ClassVar[str] = "plan"
    response: str
    subtask: Sentence
    thought: str = ""
    """Only in the form with tags."""
    form: Literal["json", "tags"] = "json"

    def __post_init__(self) -> None:
        if self.form == "json" and self.thought:
            raise ValueError("a plan in JSON has no place for a thought")

    def text(self) -> str:
        """The literal answer; ValueError for a box that rounds to no area."""
        subtask = self.subtask.text(compact=True)
        if self.form == "json":
            return json.dumps({"response": self.response, "subtask": subtask}, ensure_ascii=False)
        parts = zip(TAGS, (self.response, self.thought, subtask), strict=True)
        return "".join(f"<{tag}>{part}</{tag}>" for tag, part in parts)


Answer = Points | Trace | Boxes | Labelled | PickPlace | Sentence | Plan
"""Anything that can be said about space."""


def coordinates(answer: Answer) -> list[float]:
    """Every coordinate of an answer in the order in which it is written [px]."""
    match answer:
        case Points(rows) | Trace(rows) | Boxes(rows):
            return [x for row in rows for x in row]
        case Labelled(boxes, points):
            return [x for row in (*(b.xyxy for b in boxes), *(p.uv for p in points)) for x in row]
        case PickPlace(pick, place):
            return [*(pick or ()), *(place or ())]
        case Sentence(_, groups):
            return [x for group in groups for box in group for x in box]
        case Plan(subtask=sentence):
            return coordinates(sentence)


def whole(x: float) -> int:
    """The nearest whole pixel coordinate, halves upwards on either side of zero."""
    return math.floor(x + 0.5)


def whole_box(box: Sequence[float]) -> list[int]:
    """A box in whole pixels; ValueError where that leaves no area."""
    u0, v0, u1, v1 = (whole(x) for x in box)
    if not (u0 < u1 and v0 < v1):
        raise ValueError(f"the box {tuple(box)} rounds to one without area")
    return [u0, v0, u1, v1]


def _list(rows: Iterable[list[int]]) -> str:
    return json.dumps(list(rows))
