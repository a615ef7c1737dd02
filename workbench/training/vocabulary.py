"""The words of a small model: those of the task's language, of the questions and answers, and of the data's labels."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from tasks.language import words as language
from workbench.data.qa.wordings import PLANS, SENTENCES, WORDINGS
from workbench.training.frames import ArchiveFrames
from workbench.training.imported_frames import ImportedFrames

LEAST_DEMONSTRATIONS = 2
"""Demonstrations that must share a word which the language does not list: a slip of the finger is in one only."""

_WORD = re.compile(r"[A-Za-z]+")


def vocabulary_of(frames: ArchiveFrames | ImportedFrames) -> tuple[str, ...]:
    """Every word that a model of this data should know, sorted."""
    found = set(spoken_words())
    labels = [body.label for episode in frames.episodes for body in episode.bodies]
    found |= set(_words(labels))
    said: dict[str, set[Any]] = defaultdict(set)
    for episode in frames.episodes:
        for word in _words([episode.instruction, *episode.paraphrases]):
            said[word].add(episode.demonstration)
    found |= {word for word, where in said.items() if len(where) >= LEAST_DEMONSTRATIONS}
    return tuple(sorted(found))


def spoken_words() -> tuple[str, ...]:
    """Every word of the task's language and of questions and answers, whatever the data, sorted."""
    listed = [value for name, value in vars(language).items() if name.isupper()]
    return tuple(sorted(set(_words([*listed, WORDINGS, SENTENCES, PLANS, "put on in"]))))


def _words(value: Any) -> Iterator[str]:
    """All words in nested texts, in lower case; what stands between braces is a placeholder."""
    if isinstance(value, str):
        yield from _WORD.findall(re.sub(r"{\w*}", " ", value).lower())
    elif isinstance(value, dict):
        yield from _words([*value.keys(), *value.values()])
    elif isinstance(value, Iterable):
        for item in value:
            yield from _words(item)
