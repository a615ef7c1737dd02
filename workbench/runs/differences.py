"""Where two nested mappings differ, said in a sentence: dotted keys with both values, never whole dictionaries."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

MOST_KEYS = 8
"""Differences named in one sentence; the rest is counted."""
MOST_CHARACTERS = 60
"""Of a value in a sentence."""


class _Absent:
    """What stands on one side of a difference where there is nothing."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


class Difference(NamedTuple):
    """One key and its value on either side, or `ABSENT`."""

    key: str
    first: Any
    second: Any


def differences(first: Any, second: Any, prefix: str = "") -> list[Difference]:
    """The dotted keys at which two values differ, sorted; lists of equal length are compared item by item.

    Numbers are equal by their value: 1 is 1.0.
    """
    # A whole mapping that one side lacks is told by its keys, too.
    if first is ABSENT and isinstance(second, Mapping) and second:
        first = {}
    elif second is ABSENT and isinstance(first, Mapping) and first:
        second = {}
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        keys = sorted({*first, *second}, key=str)
        pairs = [(str(key), first.get(key, ABSENT), second.get(key, ABSENT)) for key in keys]
    elif _is_list(first) and _is_list(second) and len(first) == len(second):
        pairs = [(str(i), a, b) for i, (a, b) in enumerate(zip(first, second, strict=True))]
    else:
        return [] if _same(first, second) else [Difference(prefix.removesuffix("."), first, second)]
    return [found for key, a, b in pairs for found in differences(a, b, f"{prefix}{key}.")]


def below(difference: Difference, keys: Collection[str]) -> bool:
    """Whether it is about one of the keys, or about something below one."""
    return any(difference.key == key or difference.key.startswith(f"{key}.") for key in keys)


def sentence(found: Sequence[Difference], form: str = "{key} (there {first}, now {second})") -> str:
    """Differences as part of a sentence, by ``form``; many are cut short and counted."""
    said = [form.format(key=d.key, first=shown(d.first), second=shown(d.second)) for d in found[:MOST_KEYS]]
    if len(found) > MOST_KEYS:
        said.append(f"and {len(found) - MOST_KEYS} more")
    return "; ".join(said)


def shown(value: Any) -> str:
    """A value as JSON in few characters."""
    if value is ABSENT:
        return "absent"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 3] + "..."


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    return bool(first == second)
