"""A reader of instructions, for tests: which bodies fit what an instruction without typing errors says.

It shares the list of words with the writer and nothing else: it parses the text and applies what it says to the facts,
without margins, and by volume where sizes are compared. Where "object" can be read in two ways, both count.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tasks.language.facts import SceneFacts, Thing
from tasks.language.words import COLOR_WORDS, NOUN_WORDS, OBJECT, ROUND

RECEPTACLES = ("plate", "bowl", "tray")
_COLOR = "|".join(COLOR_WORDS)
_NOUN = "|".join(noun.lower().replace("-", " ") for noun in NOUN_WORDS)
_BODY = rf"the (?:{_COLOR}) (?:{_NOUN})"
_PHRASE = re.compile(
    rf"\bthe (?P<size>smaller |smallest |larger |largest )?(?P<outline>round |angular )?(?P<color>(?:{_COLOR}) )?"
    rf"(?P<head>{_NOUN}|{OBJECT})\b"
    rf"(?: that is (?:not (?P<not_color>{_COLOR})\b|not an? (?P<not>{_NOUN})\b"
    rf"|neither an? (?P<neither>{_NOUN}) nor an? (?P<nor>{_NOUN})\b"
    rf"|(?P<most>nearest to|farthest from) (?P<from>the robots base\b|{_BODY}\b)"
    rf"|farthest to the robots (?P<most_side>left|right)\b"
    rf"|(?P<more>closer to|farther from) the robots base than (?P<than>{_BODY})\b"
    rf"|farther to the robots (?P<more_side>left|right) than (?P<than_side>{_BODY})\b))?"
)


@dataclass(frozen=True)
class Reading:
    """Positions in ``facts.things`` of what fits, for each noun phrase of the instruction."""

    objects: tuple[frozenset[int], ...]
    """Phrases whose noun is an object's, or just "object"."""
    receptacles: tuple[frozenset[int], ...]
    """Phrases whose noun is a receptacle's."""


def read(instruction: str, facts: SceneFacts) -> Reading:
    """What fits an instruction; it is clear when each tuple holds one set of one body."""
    objects: list[frozenset[int]] = []
    receptacles: list[frozenset[int]] = []
    for match in _PHRASE.finditer(_in_plain_words(instruction)):
        fits = _fits(match.groupdict(), facts)
        (receptacles if match["head"] in RECEPTACLES else objects).append(fits)
    return Reading(tuple(objects), tuple(receptacles))


def _normal(text: str) -> str:
    return re.sub(r"[^a-z ]", "", text.lower().replace("-", " "))


_PLAIN = {
    _normal(word): _normal(plain)
    for table in (COLOR_WORDS, NOUN_WORDS)
    for plain, words in table.items()
    for word in words
}
_LONGEST_FIRST = re.compile(rf"\b({'|'.join(sorted(_PLAIN, key=len, reverse=True))})\b")


def _in_plain_words(text: str) -> str:
    """Lower case without punctuation, and the plain word for every synonym."""
    return _LONGEST_FIRST.sub(lambda match: _PLAIN[match[0]], _normal(text))


def _fits(said: dict[str, str | None], facts: SceneFacts) -> frozenset[int]:
    """What fits the parts of one noun phrase, read in the wide and in the narrow sense of "object"."""
    wide = [t for t in facts.things if _is(t, said["head"]) and said["color"] in (None, f"{t.color} ")]
    narrow = [t for t in wide if not t.is_receptacle]
    found = {t for things in (wide, narrow) for t in _select(said, things, facts)}
    return frozenset(i for i, t in enumerate(facts.things) if t in found)


def _is(thing: Thing, noun: str | None) -> bool:
    return noun in (OBJECT, _normal(thing.noun))


def _select(said: dict[str, str | None], things: list[Thing], facts: SceneFacts) -> list[Thing]:
    """Those of some things that fit everything else that is said."""
    if said["outline"]:
        things = [t for t in things if (t.noun in ROUND) == (said["outline"] == "round ")]
    things = [t for t in things if t.color != said["not_color"]]
    excluded = {said["not"], said["neither"], said["nor"]}
    things = [t for t in things if _normal(t.noun) not in excluded]
    if said["size"]:
        sign = 1 if said["size"].startswith("small") else -1
        things = _most(things, lambda t: sign * t.radius**2 * t.height)
    if said["most"]:
        mark = None if said["from"] == "the robots base" else _landmark(said["from"], facts)
        sign = 1 if said["most"] == "nearest to" else -1
        things = _most([t for t in things if t != mark], lambda t: sign * t.distance(mark))
    if said["most_side"]:
        sign = -1 if said["most_side"] == "left" else 1
        things = _most(things, lambda t: sign * t.y)
    if said["more"]:
        mark = _landmark(said["than"], facts)
        sign = 1 if said["more"] == "closer to" else -1
        things = [t for t in things if sign * t.distance() < sign * mark.distance()]
    if said["more_side"]:
        mark = _landmark(said["than_side"], facts)
        sign = 1 if said["more_side"] == "left" else -1
        things = [t for t in things if sign * t.y > sign * mark.y]
    return things


def _most(things: list[Thing], measure: Callable[[Thing], float]) -> list[Thing]:
    least = min(map(measure, things), default=0.0)
    return [t for t in things if measure(t) == least]


def _landmark(name: str | None, facts: SceneFacts) -> Thing:
    found = [t for t in facts.things if name == f"the {t.color} {_normal(t.noun)}"]
    assert len(found) == 1, f"{name} is the name of {len(found)} bodies"
    return found[0]
