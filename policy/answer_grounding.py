"""From what a model wrote to a `Grounding` of the camera's image: labels given, the resize undone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from policy.answers import MARK, Answer, Boxes, Labelled, PickPlace, Plan, Points, Sentence, Trace
from policy.grounding import GRASP, PLACE, RECEPTACLE, TARGET, Box, Grounding, Point

BOX_LABELS = (TARGET, RECEPTACLE)
"""Labels of the boxes in a `Grounding`, in the order in which instructions name them."""
POINT_LABELS = (GRASP, PLACE)
"""Labels of the points."""

_ARTICLE = re.compile(r"\b(?:the|a|an)\s+", re.IGNORECASE)
_BEHIND_PREPOSITION = re.compile(r"\b(?:on|onto|in|into|to|inside)\s+$", re.IGNORECASE)


def answer_grounding(
    answer: Answer,
    camera: str,
    seen_size: tuple[int, int],
    image_size: tuple[int, int],
    names: Mapping[str, str] | None = None,
    box_labels: Sequence[str] = BOX_LABELS,
    point_labels: Sequence[str] = POINT_LABELS,
) -> Grounding:
    """What an answer claims, in the pixels of the camera's image.

    A box or point gets its label from the first of these that tells:

    1. ``names``, looked up with the words that the model used, in any case: ``{"red cube": "target"}``;
    2. the words themselves, when they are such a label;
    3. the sentence: what stands behind a preposition ("... on the plate<box>") is the receptacle;
    4. order: of the labels not given yet, the target or grasp first. Without any left, the model's own words stay.

    Args:
        answer: what `policy.answer_parser.parse_answer` found.
        camera: name of the camera.
        seen_size: (width, height) of the image that the model saw [px], in whose pixels the answer is.
        image_size: (width, height) of the camera's image [px].
        names: label by what the model may call a thing.
        box_labels: what the question asked boxes of, in order.
        point_labels: what the question asked points for, in order: ``("place",)`` where only that was asked.
    """
    known = {_name(words): label for words, label in (names or {}).items()}
    boxes = [
        (_label(words, known, box_labels) or place, words, xyxy) for words, place, xyxy in _boxes(answer)
    ]
    points = [
        (_label(words, known, point_labels) or place, words, uv) for words, place, uv in _points(answer)
    ]
    seen = Grounding(
        camera,
        seen_size,
        tuple(Box(*found) for found in _in_order(boxes, box_labels)),
        tuple(Point(*found) for found in _in_order(points, point_labels)),
        answer.points if isinstance(answer, Trace) else (),
    )
    return seen.resized(*image_size)


def _boxes(answer: Answer) -> list[tuple[str, str, tuple[float, float, float, float]]]:
    """Words, the label that the answer's form gives or "", and the box."""
    match answer:
        case Boxes(boxes):
            return [("", "", box) for box in boxes]
        case Labelled(boxes=labelled):
            return [(box.label, "", box.xyxy) for box in labelled]
        case PickPlace(pick, place):
            return [("", label, b) for label, b in ((TARGET, pick), (RECEPTACLE, place)) if b is not None]
        case Plan(subtask=sentence):
            return _boxes(sentence)
        case Sentence(words, groups):
            mentions = map(_mention, words.split(MARK))
            return [(*said, box) for said, group in zip(mentions, groups, strict=False) for box in group]
    return []


def _points(answer: Answer) -> list[tuple[str, str, tuple[float, float]]]:
    match answer:
        case Points(points):
            return [("", "", uv) for uv in points]
        case Labelled(points=labelled):
            return [(point.label, "", point.uv) for point in labelled]
    return []


def _mention(before: str) -> tuple[str, str]:
    """The noun phrase at the end of the words before a box, and the label that its place in the sentence gives."""
    phrase = re.split(r"[.,;:!?]", before)[-1]
    articles = list(_ARTICLE.finditer(phrase))
    if not articles:
        return phrase.strip(), ""
    is_place = _BEHIND_PREPOSITION.search(phrase[: articles[-1].start()])
    return phrase[articles[-1].end() :].strip(), RECEPTACLE if is_place else ""


def _name(words: str) -> str:
    return " ".join(_ARTICLE.sub("", words.casefold()).split())


def _label(words: str, known: Mapping[str, str], labels: Sequence[str]) -> str:
    name = _name(words)
    return known.get(name, name if name in labels else "")


def _in_order[Where](
    found: Iterable[tuple[str, str, Where]], labels: Sequence[str]
) -> list[tuple[str, Where]]:
    """Label and place of each: those without a label take, in turn, the ones that nothing else has."""
    items = list(found)
    free = iter([label for label in labels if label not in {given for given, _, _ in items}])
    return [(given or next(free, words), where) for given, words, where in items]
