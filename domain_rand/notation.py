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
from typing import Any

import yaml

_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
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
    if not _NUMBER.fullmatch(word) or len(word) > _MOST_DIGITS:
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


def load(text: str) -> Any:
    """Mappings and lists from YAML, with scalars as `scalar` reads them; None for an empty document.

    Quoted scalars are text. NotationError, in one line, for what is no YAML, for a key that is given twice, and for
    structures that hold themselves.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return None if node is None else loader.construct_object(node, deep=True)
    except yaml.YAMLError as error:
        raise NotationError(" ".join(str(error).split())) from None
    except RecursionError:
        raise NotationError("lists and mappings that are not nested hundreds deep") from None


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """YAML without YAML 1.1's opinion on plain scalars, and without the last of two equal keys winning."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node; ConstructorError for a repeated key."""
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key} is given twice", node.start_mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"$"), [""])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(f"(?:{_NUMBER.pattern})$"), list("+-.0123456789")
)
for _tag in ("int", "float"):
    _Loader.add_constructor(
        f"tag:yaml.org,2002:{_tag}", lambda loader, node: scalar(loader.construct_scalar(node))
    )
