"""A reader of JSON as language models write it: with single quotes, tuples, trailing commas, or the end cut off.

`read_value` takes any text and never raises. It is no general parser: what cannot be a list of coordinates or an
object with a few of them, such as something nested deeper than `MOST_DEPTH`, counts as unreadable.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

MOST_DEPTH = 8
"""Deepest nesting of lists and objects that is read."""

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_WORD = re.compile(r"true|false|null|True|False|None")
_TAIL = re.compile(r"[-+.\w]{1,32}\Z")
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_SPACE = re.compile(r"\s*")
_STRING = {quote: re.compile(rf"{quote}((?:[^{quote}\\]|\\.)*)({quote}?)", re.DOTALL) for quote in "\"'"}
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_UNFINISHED = object()


@dataclass(frozen=True)
class Value:
    """Something read from a text."""

    value: Any
    """dict, list, tuple, str, float, bool or None. Numbers are finite floats."""
    end: int
    """Where in the text it ends."""
    is_cut: bool
    """Whether the text ended before it did; then only its finished elements are there."""


class _UnreadableError(Exception):
    """Not a value."""


def read_value(text: str, start: int = 0) -> Value | None:
    """The list, object or string that begins at ``start``, or None where none does.

    Lists written with parentheses become tuples. A number right at the end of a text that was cut off is left out:
    its last digits may be missing.
    """
    reader = _Reader(text)
    try:
        value, end = reader.value(start, 0)
    except _UnreadableError:
        return None
    return None if value is _UNFINISHED else Value(value, end, reader.is_cut)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.is_cut = False

    def value(self, at: int, depth: int) -> tuple[Any, int]:
        """The value at a position, and where it ends."""
        at = self._skip(at)
        first = self.text[at : at + 1]
        if first and first in "[(":
            return self._list(at, depth)
        if first == "{":
            return self._object(at, depth)
        if first and first in "\"'":
            return self._string(at)
        if _TAIL.match(self.text, at):
            self.is_cut = True
            return _UNFINISHED, len(self.text)
        if match := _WORD.match(self.text, at):
            return _WORDS[match[0]], match.end()
        match = _NUMBER.match(self.text, at)
        number = float(match[0]) if match else math.nan
        if match is None or not math.isfinite(number):
            raise _UnreadableError
        return number, match.end()

    def _list(self, at: int, depth: int) -> tuple[Any, int]:
        items: list[Any] = []
        kind = tuple if self.text[at] == "(" else list
        end = at + 1
        while not self._closes(end := self._skip(end), self.text[at]):
            item, end = self.value(end, self._deeper(depth))
            if item is not _UNFINISHED:
                items.append(item)
            end = self._separator(end, self.text[at])
        return kind(items), min(end + 1, len(self.text))

    def _object(self, at: int, depth: int) -> tuple[dict[str, Any], int]:
        items: dict[str, Any] = {}
        end = at + 1
        while not self._closes(end := self._skip(end), "{"):
            if self.text[end] not in "\"'":
                raise _UnreadableError
            key, end = self._string(end)
            end = self._skip(end)
            if self._ends(end):
                break
            if self.text[end] != ":":
                raise _UnreadableError
            if self._ends(end := self._skip(end + 1)):
                break
            item, end = self.value(end, self._deeper(depth))
            if item is not _UNFINISHED:
                items[key] = item
            end = self._separator(end, "{")
        return items, min(end + 1, len(self.text))

    def _string(self, at: int) -> tuple[str, int]:
        quote = self.text[at]
        match = _STRING[quote].match(self.text, at)
        assert match is not None
        if not match[2]:
            self.is_cut = True
            return match[1].rstrip("\\"), len(self.text)
        return _unescaped(match[1], quote), match.end()

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def _deeper(self, depth: int) -> int:
        if depth >= MOST_DEPTH:
            raise _UnreadableError
        return depth + 1

    def _ends(self, at: int) -> bool:
        """Whether the text is over, which something unfinished then is, too."""
        self.is_cut |= at >= len(self.text)
        return at >= len(self.text)

    def _closes(self, at: int, opening: str) -> bool:
        return self._ends(at) or self.text[at] == _CLOSING[opening]

    def _separator(self, at: int, opening: str) -> int:
        """Past the comma behind an element; at the bracket or the end where there is none."""
        at = self._skip(at)
        if self._closes(at, opening):
            return at
        if self.text[at] != ",":
            raise _UnreadableError
        return at + 1


def _unescaped(inner: str, quote: str) -> str:
    """A string's content; as it stands where its escapes are not JSON's."""
    if "\\" not in inner:
        return inner
    if quote == "'":
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    try:
        text: str = json.loads(f'"{inner}"', strict=False)
    except ValueError:
        return inner
    return text
