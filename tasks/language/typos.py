"""Typing errors, as fingers make them: two letters swapped, one left out, one doubled, the neighbouring key hit.

Which errors a text gets follows from the text alone, by a hash; with a higher count come more, and the earlier ones
stay. A word gets one error at most, and never one that leaves it as near to another word of the instructions as to
itself: what was meant can be told, and "cone" does not become "done", halfway to "dome".
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

from tasks.language.facts import pick
from tasks.language.words import PUTTING, Wording, all_words

MOST_ERRORS = 6
"""The shortest instruction has one word more of at least `_SHORTEST` letters."""
_SHORTEST = 3
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def mistype(text: str, count: int, wording: Wording = PUTTING) -> str:
    """The text with ``count`` words mistyped, or all of them if that is fewer; each can be told from the wording's."""
    words = [m for m in re.finditer(r"[A-Za-z]+", text) if len(m[0]) >= _SHORTEST]
    typed = {}
    for number in range(min(count, len(words))):
        word = words.pop(pick(range(len(words)), "word", number, text))
        kinds = errors(word[0], wording)
        kind = pick(list(kinds), "kind", number, text)
        typed[word.start()] = pick(kinds[kind], "error", number, text)
    return re.sub(r"[A-Za-z]+", lambda m: typed.get(m.start(), m[0]), text)


@cache
def errors(word: str, wording: Wording = PUTTING) -> dict[str, tuple[str, ...]]:
    """What one error can make of a word, by kind, as far as it can be told from other words."""
    positions = range(len(word))
    made = {
        "swap": [word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in positions[:-1]],
        "drop": [word[:i] + word[i + 1 :] for i in positions],
        "double": [word[: i + 1] + word[i:] for i in positions],
        "neighbour": [word[:i] + key + word[i + 1 :] for i in positions for key in _beside(word[i])],
    }
    # One error from the word and one from another: only words that have most letters in common come into question.
    letters = Counter(word.lower())
    near = [w for w in all_words(wording) if w != word.lower() and _letters_apart(Counter(w), letters) <= 4]
    told = {
        kind: tuple(w for w in dict.fromkeys(options) if w != word and _can_be_told(w, near))
        for kind, options in made.items()
    }
    return {kind: options for kind, options in told.items() if options}


def _can_be_told(typed: str, others: list[str]) -> bool:
    return not any(typed == w or one_error_apart(typed, w) for w in others)


def _letters_apart(a: Counter[str], b: Counter[str]) -> int:
    """Letters that only one of two words has. An error changes this by two at most."""
    return (a - b).total() + (b - a).total()


def one_error_apart(a: str, b: str) -> bool:
    """Whether one insertion, deletion, replacement or swap of neighbours turns one word into the other."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    a, b = a[start:], b[start:]
    if len(a) != len(b):
        return a[1:] == b if len(a) > len(b) else a == b[1:]
    return a[1:] == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def _beside(letter: str) -> str:
    """The keys left and right of a letter's on its row."""
    for row in _ROWS:
        if letter in row:
            at = row.index(letter)
            return row[max(at - 1, 0) : at] + row[at + 1 : at + 2]
    return ""
