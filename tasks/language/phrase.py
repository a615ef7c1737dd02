"""From what is asked to how it is asked: `Phrasing`, and the instruction that it makes of a scene's facts.

A phrasing and a scene fix the text; nothing is drawn here. What a phrasing leaves open (which of several spatial
references, which irrelevant clause) follows from a hash of the scene, so that episodes differ in it and stay as they
are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from tasks.language.facts import SceneFacts, pick
from tasks.language.references import by_attribute, by_place
from tasks.language.typos import MOST_ERRORS, mistype
from tasks.language.words import (
    CLAUSES,
    COLOR_WORDS,
    COURTESIES,
    NOUN_WORDS,
    PUSHING,
    PUTTING,
    STACKING,
    TEMPLATES,
    VERBS,
    Vocabulary,
    Wording,
)

FAMILY = "language."
"""Prefix of the factors that make a phrasing; what follows is the name of a field."""
REFERENCES = {"attribute": by_attribute, "spatial": by_place}
LETTER_CASES = ("plain", "sentence", "title", "upper", "bare")


@dataclass(frozen=True)
class Phrasing:
    """How the task is asked. The defaults are the nominal text: "put the red cube on the blue plate"."""

    paraphrase: int = 0
    """How the sentence is built: index into the wording's templates."""
    verb: str = "put"
    """What to do, one of the wording's verbs; three of the templates do without."""
    color_synonym: int = 0
    """Level of the colour words, index into `COLOR_WORDS`."""
    noun_synonym: int = 0
    """Level of the nouns, index into `NOUN_WORDS`."""
    reference: str = "name"
    """How the object is referred to: by ``name``, by an ``attribute``, or by its place (``spatial``). The name stands
    in where no such reference fits it alone; `realized` tells. The receptacle is always called by its name."""
    politeness: int = 0
    """Index into `COURTESIES`."""
    irrelevant_words: int = 0
    """Number of clauses that have nothing to do with the task."""
    typing_errors: int = 0
    """Number of words with one typing error each."""
    letter_case: str = "plain"
    """``plain`` as in the nominal text, ``sentence`` with a capital and a full stop, ``title`` Every Word Capitalised,
    ``upper`` ALL CAPITALS, ``bare`` lower case without punctuation."""

    WORDING: ClassVar[Wording] = PUTTING
    """What is asked, in words."""
    LIMITS: ClassVar[Mapping[str, int]] = {
        "paraphrase": len(TEMPLATES) - 1,
        "color_synonym": min(map(len, COLOR_WORDS.values())) - 1,
        "noun_synonym": min(map(len, NOUN_WORDS.values())) - 1,
        "politeness": len(COURTESIES) - 1,
        "irrelevant_words": 3,
        "typing_errors": MOST_ERRORS,
    }
    """Greatest value of each whole number; the least is 0."""
    OPTIONS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "verb": tuple(VERBS),
        "reference": ("name", *REFERENCES),
        "letter_case": LETTER_CASES,
    }
    """Possible words."""

    def __post_init__(self) -> None:
        for name, most in self.LIMITS.items():
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be one of 0 to {most}, not {getattr(self, name)!r}")
        for name, options in self.OPTIONS.items():
            if getattr(self, name) not in options:
                raise ValueError(f"{name} must be one of {', '.join(options)}, not {getattr(self, name)!r}")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Phrasing:
        """The phrasing that the values of the ``language.*`` factors describe; nominal where they are silent."""
        return cls(**{k.removeprefix(FAMILY): v for k, v in values.items() if k.startswith(FAMILY)})


class StackPhrasing(Phrasing):
    """The same for tasks in which an object goes onto another one: "put the red cube on the blue brick"."""

    WORDING = STACKING


@dataclass(frozen=True)
class PushPhrasing(Phrasing):
    """The same for tasks in which an object is pushed: "push the red cube to the blue plate"."""

    verb: str = "push"

    WORDING: ClassVar[Wording] = PUSHING
    OPTIONS: ClassVar[Mapping[str, tuple[str, ...]]] = {**Phrasing.OPTIONS, "verb": tuple(PUSHING.verbs)}


def realized(facts: SceneFacts, phrasing: Phrasing) -> Phrasing:
    """The phrasing that the text really has: by name, where the reference asked for does not exist."""
    if phrasing.reference in REFERENCES and not REFERENCES[phrasing.reference](facts, Vocabulary()):
        return replace(phrasing, reference="name")
    return phrasing


def phrase(facts: SceneFacts, phrasing: Phrasing) -> str:
    """The instruction. Without typing errors it fits exactly the target and the receptacle."""
    template = phrasing.WORDING.templates[phrasing.paraphrase]
    text = template.format(**_parts(facts, phrasing))
    text = COURTESIES[phrasing.politeness].format(text)
    text = _distract(text, facts, phrasing.irrelevant_words)
    text = mistype(text, phrasing.typing_errors, phrasing.WORDING)
    is_question = template.startswith("could you")
    return _recase(text, phrasing.letter_case, "?" if is_question else ".")


def _parts(facts: SceneFacts, phrasing: Phrasing) -> dict[str, str]:
    """What goes into a template."""
    words = Vocabulary(phrasing.color_synonym, phrasing.noun_synonym)
    participle, moves = phrasing.WORDING.verbs[phrasing.verb]
    at = phrasing.WORDING.at(facts.receptacle.noun)
    return {
        "verb": phrasing.verb,
        "done": participle,
        "at": at,
        "to": f"{at}to" if moves else at,
        "object": _object(facts, phrasing.reference, words),
        "receptacle": _name(facts.receptacle.name, words),
    }


def _name(name: tuple[str, str], words: Vocabulary) -> str:
    color, noun = name
    return f"the {words.color(color)} {words.noun(noun)}"


def _object(facts: SceneFacts, kind: str, words: Vocabulary) -> str:
    """The target in the way asked for, or by its name. Picks the pattern first: some have many more members."""
    found = REFERENCES[kind](facts, words) if kind in REFERENCES else []
    if not found:
        return _name(facts.target.name, words)
    pattern = pick(list(dict.fromkeys(p for p, _ in found)), "pattern", facts)
    return pick([text for p, text in found if p == pattern], "reference", facts)


def _distract(text: str, facts: SceneFacts, count: int) -> str:
    """The sentence with so many irrelevant clauses: the first before it, the second behind it, the third before."""
    clauses: list[str] = []
    for number in range(count):
        clauses.append(pick([c for c in CLAUSES if c not in clauses], "clause", number, facts))
    front, back = clauses[0::2], clauses[1::2]
    return ", ".join([*([" and ".join(front)] if front else []), text, *back])


def _recase(text: str, case: str, stop: str) -> str:
    match case:
        case "sentence":
            return f"{text[0].upper()}{text[1:]}{stop}"
        case "title":
            return " ".join(f"{word[0].upper()}{word[1:]}" for word in text.split(" "))
        case "upper":
            return text.upper()
        case "bare":
            return re.sub(r"[^a-z ]", "", text.lower().replace("-", " "))
    return text
