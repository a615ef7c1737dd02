"""Other ways to say what a scene asks for, for data: `paraphrases`."""

from __future__ import annotations

import re

from tasks.language import Phrasing, phrase
from tasks.language.facts import pick
from tasks.tabletop.composition import scene_facts
from tasks.tabletop.scene import Scene

LETTER_CASES = ("plain", "sentence")
"""Letter cases that paraphrases come in."""
_FREE = ("paraphrase", "color_synonym", "noun_synonym", "politeness")
_TRIES = 2000
"""Phrasings tried at most; far more than a dataset stores."""


def paraphrases(scene: Scene, count: int, seed: int, kind: type[Phrasing] = Phrasing) -> tuple[str, ...]:
    """``count`` other ways to say the scene's instruction; each fits its target and its receptacle alone.

    They differ from the instruction and from each other in more than capitals and punctuation. No typing errors and no
    clauses beside the point: those are factors of an episode, not other ways to ask. Some tell the object by where it
    stands, which holds until something is moved.

    The same scene and seed give the same texts for ever, and a higher count adds to them at the end. ValueError for a
    negative count, or one for which there are not enough ways. ``kind`` is the phrasing of the scene's task.
    """
    if count < 0:
        raise ValueError(f"count must be at least 0, not {count}")
    facts = scene_facts(scene)
    found: dict[str, str] = {_words(scene.instruction): scene.instruction}
    for attempt in range(_TRIES):
        if len(found) > count:
            break
        key = ("paraphrase", seed, attempt, facts)
        phrasing = kind(
            **{name: pick(range(kind.LIMITS[name] + 1), name, *key) for name in _FREE},
            **{name: pick(options, name, *key) for name, options in _words_to_pick(kind)},
        )
        text = phrase(facts, phrasing)
        found.setdefault(_words(text), text)
    others = tuple(found.values())[1 : count + 1]
    if len(others) < count:
        raise ValueError(f"found {len(others)} ways to say {scene.instruction!r}, not {count}")
    return others


def _words_to_pick(kind: type[Phrasing]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    options = kind.OPTIONS
    return ("verb", options["verb"]), ("reference", options["reference"]), ("letter_case", LETTER_CASES)


def _words(text: str) -> str:
    return " ".join(re.findall(r"[a-z]+", text.lower()))
