"""Numbers as people write them: one reading, for the command line and for factor files alike.

    whole("010")  -> 10      number("1e-1")  -> 0.1      scalar("off")  -> "off"

A word means what a person reads in it, by the type that is wanted, or it is refused. YAML 1.1 reads ``010`` as eight,
``1:00`` as sixty, ``1e-1`` as text and ``off`` as false; Python takes ``1_000`` and the digits of every script. Here
numbers are in decimal notation, zeros in front mean nothing, truth is ``true`` or ``false``, and nothing else is a
number or a truth value: no ``0x10``, ``1_000``, ``1,000``, ``nan``, ``inf``, ``yes``, ``1`` for true.
"""

from __future__ import annotations

import math
import re

_WHOLE = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""A number in decimal notation."""
_MOST_DIGITS = 4000
"""Longer words are no numbers that anybody reads, and Python refuses to convert them."""


class NotationError(ValueError):
    """What was wanted instead of what is written; completes "expected ..."."""


def whole(text: str) -> int:
    """A whole number in decimal notation; NotationError for anything else."""
    word = text.strip(" \t")
    if not _WHOLE.fullmatch(word) or len(word) > _MOST_DIGITS:
        raise NotationError("a whole number")
    return int(word)


def number(text: str) -> float:
    """A number in decimal notation, with or without an exponent; NotationError for anything else.

    Also for what is too great or too small to be held: it would be read as infinity, or as zero.
    """
    word = text.strip(" \t")
    if word.lstrip("+-").lower() in ("inf", "infinity", ".inf"):
        raise NotationError("a finite number")
    if not NUMBER.fullmatch(word) or len(word) > _MOST_DIGITS:
        raise NotationError("a number")
    value = float(word)
    vanished = value == 0 and re.search("[1-9]", re.split("[eE]", word)[0]) is not None
    if math.isinf(value) or vanished:
        raise NotationError("a number of a size between 1e-307 and 1e308")
    return value


def truth(text: str) -> bool:
    """``true`` or ``false``, in small letters or capitals; NotationError for anything else."""
    word = text.strip(" \t").lower()
    if word not in ("true", "false"):
        raise NotationError("true or false")
    return word == "true"


def scalar(text: str) -> int | float | str:
    """A number if the word is one, else the word: for values whose type their reader decides."""
    for read in (whole, number):
        try:
            return read(text)
        except NotationError:
            continue
    return text
