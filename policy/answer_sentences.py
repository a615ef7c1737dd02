"""Sentences with boxes in them, and plans that are written with tags."""

from __future__ import annotations

import re

from policy.answer_pixels import AnswerPixels
from policy.answers import MARK, TAGS, Plan, Sentence

_NUMERIC = r"[-+0-9.,\s\[\]()]*"
_MARKED = re.compile(
    rf"{MARK}(?:(?P<closed>[^<]*)</box>|\s*(?P<open>[\[(]{_NUMERIC}[\])])|{_NUMERIC}\Z)", re.IGNORECASE
)
_STRAY = re.compile(r"</?(?:box|ref)>", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_TAGGED = {
    tag: re.compile(
        rf"<{tag}>(?P<inner>.*?)(?:(?P<closed></{tag}>)|(?=<(?:{'|'.join(TAGS)})>)|\Z)",
        re.DOTALL | re.IGNORECASE,
    )
    for tag in TAGS
}


def tagged_plan(text: str, pixels: AnswerPixels) -> Plan | None:
    """A plan written with tags; None where neither a response nor an action stands in it."""
    parts = {}
    for tag, pattern in _TAGGED.items():
        match = pattern.search(text)
        parts[tag] = match["inner"].strip() if match else ""
        if match and not match["closed"]:
            pixels.note(f"</{tag}> is missing")
    if not parts["response"] and not parts["action"]:
        return None
    return Plan(parts["response"], sentence(parts["action"], pixels), parts["think"], "tags")


def sentence(text: str, pixels: AnswerPixels) -> Sentence:
    """A sentence with whatever boxes it has; what is no box loses its tags."""
    words, groups, done = [], [], 0
    for match in _MARKED.finditer(text):
        words.append(_STRAY.sub(" ", text[done : match.start()]))
        done = match.end()
        found = [float(n) for n in _NUMBER.findall(match["closed"] or match["open"] or "")]
        rows = [found[k : k + 4] for k in range(0, len(found), 4)]
        boxes = tuple(box for row in rows if (box := pixels.box(row)))
        if boxes:
            groups.append(boxes)
        elif not rows:
            pixels.note("a tag without a box was left out")
        words.append(MARK if boxes else " ")
    words.append(_STRAY.sub(" ", text[done:]))
    return Sentence("".join(words), tuple(groups))
