"""Ways to say which object is meant other than by its name: by what sets it apart, or by where it stands.

A reference fits the target and nothing else on the table, by a margin, so that neither a tremble of a position nor
another reading of a word makes a different body the right one:

- "object" may be read as anything on the table or as anything but the receptacles. References are such that both
  readings find the target; the same for superlatives.
- Distances are between centres, and clear by `MARGIN` plus the difference of the radii, hence clear between edges too.
- Something is smaller when it is both lower and narrower, by `SIZE_RATIO`.
- Places are told from the robot: its base frame, x forward, y to its left. The front camera faces the robot and shows
  its left on the right of the image, and its hand is elsewhere than its base; so the sentences themselves say "the
  robot's left" and "the robot's base". A base displaced by a centimetre or two is covered by the margin.

The goal itself is no landmark, and a reference that needs no comparison ("the cube that is nearest to the tray" when
there is one cube) is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tasks.language.facts import SceneFacts, Thing
from tasks.language.words import (
    CLOSER,
    FARTHER,
    FARTHER_SIDEWAYS,
    FARTHEST,
    FARTHEST_SIDEWAYS,
    NEAREST,
    OBJECT,
    ROBOT,
    ROUND,
    SIDES,
    Vocabulary,
)

MARGIN = 0.03
"""Least difference of two distances or positions that a sentence builds on [m]."""
SIZE_RATIO = 1.1
"""Least ratio of radii and of heights that makes one body larger than another [1]."""

Pattern = str
Reference = tuple[Pattern, str]
"""The kind of reference, and its words: "the red object that is not a brick"."""


def by_attribute(facts: SceneFacts, words: Vocabulary) -> list[Reference]:
    """Noun phrases that leave out the target's noun or, when none such fits it alone, its colour."""
    target = facts.target
    same_color = [t for t in (facts.receptacle, *facts.others) if t.color == target.color]
    same_noun = [t for t in (facts.receptacle, *facts.others) if t.noun == target.noun]
    colored = f"{words.color(target.color)} {OBJECT}"
    found: list[Reference] = []
    if not same_color:
        found.append(("color", f"the {colored}"))
    else:
        if all((t.noun in ROUND) != (target.noun in ROUND) for t in same_color):
            found.append(("outline", f"the {'round' if target.noun in ROUND else 'angular'} {colored}"))
        if size := _size_word(target, same_color):
            found.append(("size", f"the {size} {colored}"))
        others = list(dict.fromkeys(words.one(t.noun) for t in same_color if t.noun != target.noun))
        if len(others) == 1:
            found.append(("noun excluded", f"the {colored} that is not {others[0]}"))
        elif len(others) == 2:
            found.append(("noun excluded", f"the {colored} that is neither {others[0]} nor {others[1]}"))
    if not found and same_noun:
        noun = words.noun(target.noun)
        if size := _size_word(target, same_noun):
            found.append(("size of a noun", f"the {size} {noun}"))
        if len(paints := {t.color for t in same_noun}) == 1:
            found.append(("color of a noun excluded", f"the {noun} that is not {words.color(paints.pop())}"))
    return found


def by_place(facts: SceneFacts, words: Vocabulary) -> list[Reference]:
    """Noun phrases with at most one of the target's noun and colour, and where it stands."""
    return [
        (pattern, f"the {head} that is {relation}")
        for head, rivals in _heads(facts, words)
        for pattern, relation in (*_superlatives(facts, rivals), *_relations(facts, rivals, words))
    ]


def _heads(facts: SceneFacts, words: Vocabulary) -> list[tuple[str, list[Thing]]]:
    """What to call the target without naming it, each with what else on the table that fits."""
    target = facts.target
    rest = [facts.receptacle, *facts.others]
    return [
        (OBJECT, rest),
        (f"{words.color(target.color)} {OBJECT}", [t for t in rest if t.color == target.color]),
        (words.noun(target.noun), [t for t in rest if t.noun == target.noun]),
    ]


def _superlatives(facts: SceneFacts, rivals: list[Thing]) -> Iterator[Reference]:
    """What the target is most of among its rivals, with respect to the robot."""
    if not rivals:
        return
    if _least(facts.target, rivals, Thing.distance):
        yield "nearest to the base", NEAREST.format(ROBOT)
    if _least(facts.target, rivals, lambda t: -t.distance()):
        yield "farthest from the base", FARTHEST.format(ROBOT)
    for side in SIDES:
        if _least(facts.target, rivals, lambda t, side=side: -_toward(side, t)):  # type: ignore[misc]
            yield "farthest to a side", FARTHEST_SIDEWAYS.format(side)


def _relations(facts: SceneFacts, rivals: list[Thing], words: Vocabulary) -> Iterator[Reference]:
    """How the target, and no rival, stands to a body that has a name of its own."""
    target = facts.target
    names = [t.name for t in facts.things]
    for landmark in facts.others:
        if names.count(landmark.name) > 1:
            continue
        them = [t for t in rivals if t != landmark]
        if not them:
            continue
        name = f"the {words.color(landmark.color)} {words.noun(landmark.noun)}"
        if _least(target, them, lambda t, to=landmark: t.distance(to)):  # type: ignore[misc]
            yield "nearest to a body", NEAREST.format(name)
        if _alone_before(target, landmark, them, Thing.distance):
            yield "closer than a body", CLOSER.format(name)
        if _alone_before(target, landmark, them, lambda t: -t.distance()):
            yield "farther than a body", FARTHER.format(name)
        for side in SIDES:
            if _alone_before(target, landmark, them, lambda t, side=side: -_toward(side, t)):  # type: ignore[misc]
                yield "beside a body", FARTHER_SIDEWAYS.format(side, name)


def _toward(side: str, thing: Thing) -> float:
    """How far a body stands to one of the robot's sides [m]."""
    return thing.y if side == "left" else -thing.y


def _clearly_less(a: Thing, b: Thing, measure: Callable[[Thing], float]) -> bool:
    return measure(b) - measure(a) >= MARGIN + abs(a.radius - b.radius)


def _least(target: Thing, rivals: list[Thing], measure: Callable[[Thing], float]) -> bool:
    return all(_clearly_less(target, t, measure) for t in rivals)


def _alone_before(
    target: Thing, landmark: Thing, rivals: list[Thing], measure: Callable[[Thing], float]
) -> bool:
    """Whether the target measures clearly less than the landmark, and every rival clearly more."""
    return _clearly_less(target, landmark, measure) and all(
        _clearly_less(landmark, t, measure) for t in rivals
    )


def _size_word(target: Thing, rivals: list[Thing]) -> str | None:
    """How the target compares in size with all its rivals, if it does so clearly."""
    if all(_clearly_smaller(target, t) for t in rivals):
        return "smaller" if len(rivals) == 1 else "smallest"
    if all(_clearly_smaller(t, target) for t in rivals):
        return "larger" if len(rivals) == 1 else "largest"
    return None


def _clearly_smaller(a: Thing, b: Thing) -> bool:
    return a.radius * SIZE_RATIO <= b.radius and a.height * SIZE_RATIO <= b.height
