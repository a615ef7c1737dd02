"""Other ways to say what a scene asks for, for data: `paraphrases`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.language import Phrasing, phrase
from tasks.language.facts import pick
from tasks.tabletop.composition import scene_facts
from tasks.tabletop.scene import Scene

LETTER_CASES = ("plain", "sentence")
"""Letter cases that paraphrases come in."""
_FREE = ("paraphrase", "color_synonym", "noun_synonym", "politeness")
_PICKED = (*_FREE, "verb", "reference", "letter_case")
_TRIES = 2000
"""Phrasings tried at most; far more than a dataset stores."""


def paraphrases(
    scene: Scene,
    count: int,
    seed: int,
    kind: type[Phrasing] = Phrasing,
    allowed: Mapping[str, tuple[Any, ...]] | None = None,
) -> tuple[str, ...]:
    """``count`` other ways to say the scene's instruction; each fits its target and its receptacle alone.

    They differ from the instruction and from each other in more than capitals and punctuation. No typing errors and no
    clauses beside the point: those are factors of an episode, not other ways to ask. Some tell the object by where it
    stands, which holds until something is moved.

    The same scene and seed give the same texts for ever, and a higher count adds to them at the end. ValueError for a
    negative count, or one for which there are not enough ways. ``kind`` is the phrasing of the scene's task;
    ``allowed`` says what its fields may be, where that is not everything.
    """
    if count < 0:
        raise ValueError(f"count must be at least 0, not {count}")
    facts = scene_facts(scene)
    choices: dict[str, Sequence[Any]] = {name: range(kind.LIMITS[name] + 1) for name in _FREE}
    choices |= dict(_words_to_pick(kind)) | {k: v for k, v in (allowed or {}).items() if k in _PICKED}
    found: dict[str, str] = {_words(scene.instruction): scene.instruction}
    for attempt in range(_TRIES):
        if len(found) > count:
            break
        key = ("paraphrase", seed, attempt, facts)
        phrasing = kind(**{name: pick(options, name, *key) for name, options in choices.items()})
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
