"""Commands that take names or paths beside ``key=value``: which word is which.

Sweepers name folders ``lr=0.1,seed=1``, so a path may hold ``=``. An option is a word whose part before the first ``=``
is the key of one; a word that is none of them is a path if something of that name is there, or if a ``/`` stands before
the ``=``. Where a folder is called like an option, as ``episode=3``, the option it is; ``./episode=3`` is the folder.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from workbench.cli.options import OptionError, option_keys, unknown_option


def separate(words: Sequence[str], *options: type) -> tuple[list[str], list[str]]:
    """Names and paths, and ``key=value`` of the options dataclasses; OptionError for a word that is neither."""
    names: list[str] = []
    given: list[str] = []
    keys, prefixes = option_keys(*options)
    for word in words:
        key, equals, _ = word.partition("=")
        if not equals:
            names.append(word)
        elif key in keys or any(key.startswith(prefix) for prefix in prefixes):
            given.append(word)
        elif os.sep in key or os.path.lexists(word):
            names.append(word)
        else:
            raise OptionError(f"{unknown_option(key, keys)} (and there is no file or folder {word})")
    return names, given


def positional(words: Sequence[str], count: int, usage: str, *options: type) -> tuple[list[str], list[str]]:
    """As `separate`, for a command that takes ``count`` names or paths; OptionError with ``usage`` for more or less."""
    names, given = separate(words, *options)
    if len(names) != count:
        raise OptionError(usage + called_like_an_option(given))
    return names, given


def called_like_an_option(given: Sequence[str]) -> str:
    """How to name a file or folder that was taken for an option, to stand behind a usage; empty if there is none."""
    for word in given:
        if os.path.lexists(word):
            return f" ({word} is an option; the folder of that name is ./{word})"
    return ""
