"""Claims that stand apart in one text, put together by the words between them, or refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from policy.answer_entries import AmbiguousError
from policy.answers import Answer, Boxes, Labelled, PickPlace, Points, Trace
from policy.grounding import GRASP, PLACE, Box, Point

Pairs = Literal["points", "trace"]
Claim = tuple[str, Answer]
"""The words in front of it, back to the claim before or to the beginning of the line; and the claim."""

_ARROW = re.compile(r"\s*,?\s*(?:->|-->|=>|→|⇒|then|and then)\s*", re.IGNORECASE)
_TO = re.compile(r"\s*(?:to|-|–|through|until)\s*", re.IGNORECASE)
_DOUBT = re.compile(r"\b(?:or|rather|instead|not|no|wait|actually|alternatively|but)\b", re.IGNORECASE)
_FIRST_CORNER = re.compile(r"\b(?:top|upper)[ -]?left\b", re.IGNORECASE)
_LAST_CORNER = re.compile(r"\b(?:bottom|lower)[ -]?right\b", re.IGNORECASE)
_BULLET = re.compile(r"^[\s,;.)\]>*•#-]*(?:[0-9]+[.):]\s*)?[\s*-]*(?:and\s+)?")
_LINK = re.compile(r"[\s:=*\"'`(-]*(?:\b(?:is|are|at|located|lies|in)\b[\s:=*\"'`(]*)*$", re.IGNORECASE)
_GENERIC = re.compile(
    r"^(?:and|the)?\s*(?:points?|box|boxes|bbox|bounding box|coordinates?|objects?)?\s*#?[0-9]*$",
    re.IGNORECASE,
)
_ORDERED = re.compile(r"^(?:way ?points?|steps?)\s*#?[0-9]+$", re.IGNORECASE)
_ROLES = {"pick": GRASP, "grasp": GRASP, "place": PLACE}


def together(claims: Sequence[Claim], pairs: Pairs | None) -> Answer | None:
    """One answer of all claims; None for none. AmbiguousError where what they mean together is open."""
    if len(claims) < 2:
        return claims[0][1] if claims else None
    between = [words for words, _ in claims[1:]]
    if any(_DOUBT.search(words) for words in between):
        raise AmbiguousError("places that are offered as alternatives, or taken back, are refused")
    answers = [answer for _, answer in claims]
    kinds = {type(answer) for answer in answers}
    if kinds == {PickPlace}:
        return _pick_and_place(answers)
    if kinds == {Labelled}:
        return Labelled(
            tuple(box for a in answers if isinstance(a, Labelled) for box in a.boxes),
            tuple(point for a in answers if isinstance(a, Labelled) for point in a.points),
        )
    labels = [_label(words) for words, _ in claims]
    if kinds <= {Boxes}:
        return _boxes([a for a in answers if isinstance(a, Boxes)], labels)
    single = [a.points[0] for a in answers if isinstance(a, Points | Trace) and len(a.points) == 1]
    if len(single) == len(answers):
        return _points(single, [words for words, _ in claims], labels, pairs)
    if kinds == {Points}:
        said = [(label, a.points) for label, a in zip(labels, answers, strict=True) if isinstance(a, Points)]
        return _labelled_points([(label, uv) for label, points in said for uv in points])
    names = ", ".join(sorted(answer.kind for answer in answers))
    raise AmbiguousError(f"several claims in one text ({names}) are refused: what they mean together is open")


def _pick_and_place(answers: Sequence[Answer]) -> Answer:
    said = [a for a in answers if isinstance(a, PickPlace)]
    picks, places = ([b for b in boxes if b] for boxes in ([a.pick for a in said], [a.place for a in said]))
    if len(picks) > 1 or len(places) > 1:
        raise AmbiguousError("several places to pick or to place at are refused: which is meant is open")
    return PickPlace(picks[0] if picks else None, places[0] if places else None)


def _boxes(answers: Sequence[Boxes], labels: Sequence[str]) -> Answer:
    if not any(labels[1:]):
        return Boxes(tuple(box for answer in answers for box in answer.boxes))
    roles = [label.casefold() for label in labels]
    if sorted(roles) == ["pick", "place"] and all(len(answer.boxes) == 1 for answer in answers):
        named = dict(zip(roles, (answer.boxes[0] for answer in answers), strict=True))
        return PickPlace(named["pick"], named["place"])
    named_boxes = zip(labels, answers, strict=True)
    return Labelled(tuple(Box(label, box) for label, answer in named_boxes for box in answer.boxes))


def _points(
    points: Sequence[tuple[float, float]], words: Sequence[str], labels: Sequence[str], pairs: Pairs | None
) -> Answer:
    between = words[1:]
    if all(_ARROW.fullmatch(word) for word in between):
        return Trace(tuple(points))
    if all(_ORDERED.match(label) for label in labels):
        return Trace(tuple(points))
    if len(points) == 2 and _FIRST_CORNER.search(words[0]) and _LAST_CORNER.search(words[1]):
        return Boxes(((*points[0], *points[1]),))
    if any(_FIRST_CORNER.search(word) or _LAST_CORNER.search(word) for word in words):
        raise AmbiguousError("corners that are not a top left and a bottom right one are refused")
    if any(_TO.fullmatch(word) for word in between):
        if pairs is None:
            raise AmbiguousError(
                "places joined by 'to' are refused: they may be a box's corners or the ends of a way"
            )
        return Trace(tuple(points)) if pairs == "trace" else Points(tuple(points))
    if pairs == "trace":
        return Trace(tuple(points))
    return _labelled_points(list(zip(labels, points, strict=True)))


def _labelled_points(named: Sequence[tuple[str, tuple[float, float]]]) -> Answer:
    if not any(label for label, _ in named[1:]):
        return Points(tuple(uv for _, uv in named))
    return Labelled(points=tuple(Point(_ROLES.get(label.casefold(), label), uv) for label, uv in named))


def _label(words: str) -> str:
    """What a claim is called by the words in front of it; "" where they are no name."""
    line = words.rsplit("\n", 1)[-1]
    name = _LINK.sub("", _BULLET.sub("", line)).strip().strip("\"'`*")
    return "" if _GENERIC.match(name) else name
