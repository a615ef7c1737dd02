"""What a model's text claims about space: one parser for every shape in `policy.answers`.

    reading = parse_answer("```json\n[(120, 80), (131, 95)]\n```", image_size=(224, 224))
    reading.answer                     # Points(((120.0, 80.0), (131.0, 95.0)))
    parse_answer("I see a cube.", (224, 224)).reason

Models are sloppy, and a claim that can be understood should count. So code fences, text around the answer, white space,
fractions of pixels, single quotes, numbers in quotes, tuples, trailing commas and a cut-off end are no obstacle.
Corners in the wrong order are put right, since they still name one rectangle; coordinates a little outside the image
are moved to its edge; a box that has no area in the image is left out. Every such repair is named in the reading,
because how often a model needs them says something about it.

What cannot be understood for certain is refused, and the reason names it: places joined by words that may mean this or
that, notations whose numbers are not pixels, coordinates that lie far outside the image and so belong to another scale.
A claim is read right or not at all.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from policy.answer_entries import AmbiguousError
from policy.answer_markup import Places, bare_places, marked_places, refused_markup
from policy.answer_merge import Claim, Pairs, together
from policy.answer_pixels import AnswerPixels, numbers
from policy.answer_sentences import sentence, tagged_plan
from policy.answer_values import AnswerValues
from policy.answers import (
    MARK,
    TAGS,
    Answer,
    Boxes,
    Labelled,
    Points,
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
_OPENING = re.compile(r"[\[({]")
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL | re.IGNORECASE)
_SPOKEN = re.compile(r"<(?:response|action)>", re.IGNORECASE)
_NEXT_ROW = re.compile(r"\s*,?\s*(?=[\[({])")


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
        """Which shape was found: ``points``, ``trace``, ``boxes``, ``labelled``, ``pick_and_place``, ``sentence``,
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
        reading = _read(candidate.strip(), image_size, pairs)
        if reading.answer is not None:
            break
    return reading


def _read(text: str, image_size: tuple[int, int], pairs: Pairs | None) -> Reading:
    """One reading in pixels and, where the numbers cannot be pixels, one as shares of the image's sides."""
    if refused := refused_markup(text):
        return Reading(None, refused)
    parser = _Parser(text, AnswerPixels(*image_size), pairs)
    reading = parser.reading()
    if parser.pixels.are_fractions:
        parser = _Parser(text, AnswerPixels(*image_size, fractions=True), pairs)
        parser.pixels.note("numbers were taken for shares of the image's sides")
        reading = parser.reading()
    if parser.pixels.beyond is not None:
        width, height = image_size
        return Reading(
            None,
            f"a coordinate of {parser.pixels.beyond:g} is far outside the image of {width} x {height}: the numbers are "
            "of another image, or thousandths of this one",
            parser.pixels.repairs,
        )
    return reading


class _Parser:
    def __init__(self, text: str, pixels: AnswerPixels, pairs: Pairs | None) -> None:
        self.text, self.pixels, self.pairs = text, pixels, pairs
        self.is_cut = False

    def reading(self) -> Reading:
        """The claim in the text: all of it, or none."""
        try:
            answer = self._marked() or self._from_first_start() or self._of_places(bare_places(self.text))
        except AmbiguousError as error:
            return Reading(None, str(error), self.pixels.repairs)
        if answer is not None:
            if self.is_cut:
                self.pixels.note("the text was cut off")
            return Reading(answer, repairs=self.pixels.repairs)
        said = f": {', '.join(self.pixels.repairs)}" if self.pixels.repairs else ""
        return Reading(None, f"the text holds no boxes, points, trace or plan{said}", self.pixels.repairs)

    def _from_first_start(self) -> Answer | None:
        for number, start in enumerate(_START.finditer(self.text)):
            if number >= MOST_TRIES:
                break
            if start[0].lower() == MARK:
                said = sentence(self.text, self.pixels)
                answer: Answer | None = said if said.boxes else None
            elif start[0].startswith("<"):
                answer = tagged_plan(self.text, self.pixels)
            else:
                answer = self._claims(start.start())
            if answer is not None:
                return answer
        return None

    def _marked(self) -> Answer | None:
        is_ours = _SPOKEN.search(self.text) or MARK in self.text.lower()
        return None if is_ours else self._of_places(marked_places(self.text))

    def _of_places(self, places: Places) -> Answer | None:
        """Places of markup as an answer; AmbiguousError for one that is neither a point nor a box."""
        for _, row in places:
            if len(row) not in (2, 4) or not all(map(math.isfinite, row)):
                raise AmbiguousError(
                    f"{len(row)} numbers in markup are neither a point nor a box: it is refused"
                )
        boxes = [(label, box) for label, row in places if len(row) == 4 and (box := self.pixels.box(row))]
        points = [
            (label, point) for label, row in places if len(row) == 2 and (point := self.pixels.point(row))
        ]
        if not any(label for label, _ in places) and not (boxes and points):
            if boxes:
                return Boxes(tuple(box for _, box in boxes))
            kind = Trace if self.pairs == "trace" else Points
            return kind(tuple(point for _, point in points)) if points else None
        return Labelled(tuple(Box(*b) for b in boxes), tuple(Point(*p) for p in points)) if places else None

    def _claims(self, start: int) -> Answer | None:
        """What all lists and objects from ``start`` on say together."""
        found: list[Claim] = []
        at, words = start, _last_line(self.text[:start])
        for _ in range(MOST_TRIES):
            value = read_value(self.text, at)
            opening = None
            if value is not None:
                rows, end = [value.value], value.end
                # Rows that stand one behind another, without brackets around them all.
                while (gap := _NEXT_ROW.match(self.text, end)) and (
                    following := read_value(self.text, gap.end())
                ):
                    rows.append(following.value)
                    end, value = following.end, following
                answer = AnswerValues(self.pixels, self.pairs).answer(rows)
                if answer is None and not found:
                    return None  # the next start may lie inside
                if answer is not None:
                    found.append((words, answer))
                    self.is_cut |= value.is_cut
                elif any(len(numbers(row) or ()) > 1 or isinstance(row, dict) for row in rows):
                    raise AmbiguousError(
                        "something behind the first claim cannot be read: all of it is refused"
                    )
                opening = _OPENING.search(self.text, end)
                words = self.text[end : opening.start()] if opening else ""
            else:
                if not found:
                    return None
                opening = _OPENING.search(self.text, at + 1)
                words += self.text[at : opening.start()] if opening else ""
            if opening is None:
                break
            at = opening.start()
        return together(found, self.pairs)


def _last_line(text: str) -> str:
    return text.rsplit("\n", 1)[-1]
