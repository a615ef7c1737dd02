"""What a model's text claims about space: one parser for every shape in `policy.answers`.

    reading = parse_answer("```json\n[(120, 80), (131, 95)]\n```", image_size=(224, 224))
    reading.answer                     # Points(((120.0, 80.0), (131.0, 95.0)))
    parse_answer("I see a cube.", (224, 224)).reason

Models are sloppy, and a claim that can be understood should count. So code fences, text around the answer, white space,
fractions, single quotes, tuples, trailing commas and a cut-off end are no obstacle. Corners in the wrong order are put
right, since they still name one rectangle; coordinates outside the image are moved to its edge; a box that has no area
in the image is left out. Every such repair is named in the reading, because how often a model needs them says
something about it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from policy.answer_pixels import AnswerPixels, numbers
from policy.answers import (
    MARK,
    TAGS,
    XYXY,
    Answer,
    Boxes,
    Labelled,
    PickPlace,
    Plan,
    Points,
    Sentence,
    Trace,
)
from policy.grounding import Box, Point
from policy.lenient_json import read_value

MOST_CHARACTERS = 16_384
"""Longer texts are refused: no answer needs a tenth of it."""
MOST_TRIES = 256
"""Places in a text at which an answer is looked for; bounds the time that a hostile text can take."""

_FENCED = re.compile(r"```[ \t]*[\w-]*[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_FENCE = re.compile(r"\A```[\w-]*|```\Z")
_START = re.compile(rf"<(?:{'|'.join(TAGS)})>|{MARK}|[\[({{]", re.IGNORECASE)
_NUMERIC = r"[-+0-9.,\s\[\]()]*"
_MARKED = re.compile(
    rf"{MARK}(?:(?P<closed>[^<]*)</box>|\s*(?P<open>[\[(]{_NUMERIC}[\])])|{_NUMERIC}\Z)", re.IGNORECASE
)
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL | re.IGNORECASE)
_SPOKEN = re.compile(r"<(?:response|action)>", re.IGNORECASE)
_NEXT_ROW = re.compile(r"\s*,?\s*(?=[\[({])")
_STRAY = re.compile(r"</?box>", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_TAGGED = {
    tag: re.compile(
        rf"<{tag}>(?P<inner>.*?)(?:(?P<closed></{tag}>)|(?=<(?:{'|'.join(TAGS)})>)|\Z)",
        re.DOTALL | re.IGNORECASE,
    )
    for tag in TAGS
}

Pairs = Literal["points", "trace"]


@dataclass(frozen=True)
class Reading:
    """What a text was understood to say."""

    answer: Answer | None
    """The claim, in pixels of the image that the model sees, inside it. None when there is none."""
    reason: str = ""
    """Why there is none, in words; empty when there is one."""
    repairs: tuple[str, ...] = ()
    """What had to be put right or left out, each kind once."""

    @property
    def kind(self) -> str | None:
        """Which shape was found: ``points``, ``trace``, ``boxes``, ``labelled``, ``pick_place``, ``sentence``,
        ``plan``."""
        return None if self.answer is None else self.answer.kind


def parse_answer(text: str, image_size: tuple[int, int], pairs: Pairs | None = None) -> Reading:
    """Reads any text; never raises on one.

    Args:
        text: what the model wrote.
        image_size: (width, height) of the image that the model saw [px], to which everything is clamped.
        pairs: what bare pairs of coordinates are, when the question says so. By default tuples are points, and lists
            are waypoints of a trace, but for a single ``[u, v]`` that stands alone.
    """
    if len(text) > MOST_CHARACTERS:
        return Reading(None, f"the text has {len(text)} characters, more than {MOST_CHARACTERS}")
    if not _SPOKEN.search(text):
        text = _THOUGHT.sub("", text)
    fenced = _FENCED.search(text)
    for candidate in ([fenced[1]] if fenced else []) + [_FENCE.sub("", text.strip())]:
        reading = _Parser(candidate.strip(), image_size, pairs).reading()
        if reading.answer is not None:
            break
    return reading


class _Parser:
    def __init__(self, text: str, image_size: tuple[int, int], pairs: Pairs | None) -> None:
        self.text = text
        self.pixels = AnswerPixels(*image_size)
        self.pairs = pairs

    def reading(self) -> Reading:
        """The first claim in the text."""
        for number, start in enumerate(_START.finditer(self.text)):
            if number >= MOST_TRIES:
                break
            answer = self._at(start)
            if answer is not None:
                return Reading(answer, repairs=self.pixels.repairs)
        said = f": {', '.join(self.pixels.repairs)}" if self.pixels.repairs else ""
        return Reading(None, f"the text holds no boxes, points, trace or plan{said}", self.pixels.repairs)

    def _at(self, start: re.Match[str]) -> Answer | None:
        if start[0].lower() == MARK:
            sentence = self._sentence(self.text)
            return sentence if sentence.boxes else None
        if start[0].startswith("<"):
            return self._tagged_plan()
        found = read_value(self.text, start.start())
        if found is None:
            return None
        if isinstance(found.value, dict) and not _is_entry(found.value):
            answer = self._object(found.value)
        else:
            rows, end = [found.value], found.end
            # Rows that stand one behind another, without brackets around them all.
            while (gap := _NEXT_ROW.match(self.text, end)) and (
                following := read_value(self.text, gap.end())
            ):
                rows.append(following.value)
                end, found = following.end, following
            answer = self._rows(rows[0] if len(rows) == 1 and not isinstance(rows[0], dict) else rows)
        if answer is not None and found.is_cut:
            self.pixels.note("the text was cut off")
        return answer

    def _object(self, value: Mapping[str, Any]) -> Answer | None:
        if "pick" in value or "place" in value:
            pick, place = (
                self._nested_box(value[key]) if key in value else None for key in ("pick", "place")
            )
            return PickPlace(pick, place) if pick or place else None
        if "response" in value or "subtask" in value:
            response, subtask = (value.get(key) for key in ("response", "subtask"))
            sentence = self._sentence(subtask if isinstance(subtask, str) else "")
            plan = Plan(response if isinstance(response, str) else "", sentence)
            return plan if plan.response or sentence.words else None
        return None

    def _nested_box(self, value: Any) -> XYXY | None:
        return self.pixels.box(value.get("bbox_2d") if isinstance(value, dict) else value)

    def _labelled(self, items: list[Any] | tuple[Any, ...]) -> Labelled | None:
        boxes, points = [], []
        for item in items:
            if not isinstance(item, dict):
                self.pixels.note("an entry without coordinates was left out")
                continue
            label = item.get("label")
            name = label if isinstance(label, str) else ""
            if "bbox_2d" in item:
                if box := self.pixels.box(item["bbox_2d"]):
                    boxes.append(Box(name, box))
            elif point := self.pixels.point(item.get("point_2d")):
                points.append(Point(name, point))
        return Labelled(tuple(boxes), tuple(points)) if boxes or points else None

    def _rows(self, value: Any) -> Answer | None:
        while len(value) == 1 and isinstance(value[0], list | tuple) and _is_nested(value[0]):
            value = value[0]
        if any(isinstance(item, dict) for item in value):
            return self._labelled(value)
        is_alone = numbers(value) is not None
        rows = [value] if is_alone else list(value)
        length = next((len(n) for n in map(numbers, rows) if n is not None and len(n) in (2, 4)), None)
        if length is None:
            return None
        if length == 4:
            boxes = tuple(box for row in rows if (box := self.pixels.box(row)))
            return Boxes(boxes) if boxes else None
        points = tuple(point for row in rows if (point := self.pixels.point(row)))
        as_points = is_alone or isinstance(rows[0], tuple)
        kind = Points if (self.pairs == "points" if self.pairs else as_points) else Trace
        return kind(points) if points else None

    def _tagged_plan(self) -> Plan | None:
        parts = {}
        for tag, pattern in _TAGGED.items():
            match = pattern.search(self.text)
            parts[tag] = match["inner"].strip() if match else ""
            if match and not match["closed"]:
                self.pixels.note(f"</{tag}> is missing")
        if not parts["response"] and not parts["action"]:
            return None
        return Plan(parts["response"], self._sentence(parts["action"]), parts["think"], "tags")

    def _sentence(self, text: str) -> Sentence:
        """A sentence with whatever boxes it has; what is no box loses its tags."""
        words, groups, done = [], [], 0
        for match in _MARKED.finditer(text):
            words.append(_STRAY.sub(" ", text[done : match.start()]))
            done = match.end()
            found = [float(n) for n in _NUMBER.findall(match["closed"] or match["open"] or "")]
            rows = [found[k : k + 4] for k in range(0, len(found), 4)]
            boxes = tuple(box for row in rows if (box := self.pixels.box(row)))
            if boxes:
                groups.append(boxes)
            elif not rows:
                self.pixels.note("a tag without a box was left out")
            words.append(MARK if boxes else " ")
        words.append(_STRAY.sub(" ", text[done:]))
        return Sentence("".join(words), tuple(groups))


def _is_entry(value: Mapping[str, Any]) -> bool:
    return "bbox_2d" in value or "point_2d" in value


def _is_nested(value: list[Any] | tuple[Any, ...]) -> bool:
    return bool(value) and isinstance(value[0], list | tuple | dict)
