"""Fields of a message that was decoded: there, and of the right kind, or one sentence."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from policy.serve.errors import Path, ProtocolError, ServerError, last_line, shown

Map = dict[str, Any]

NUMERIC = (np.ndarray, np.generic, int, float)
NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a map",
}


def as_map(value: object, path: Path) -> Map:
    """The value, which is a map.

    Raises:
        ProtocolError: It is not.
    """
    if not isinstance(value, dict):
        raise ProtocolError(path, f"it is {kind_of(value)}, not a map")
    return value


def required(message: Map, key: str, kind: type, path: Path) -> Any:
    """The value under `key`, of exactly this type.

    Raises:
        ProtocolError: There is none, or it is of another.
    """
    if key not in message:
        raise ProtocolError(path, f"it lacks {key!r}, which must be {NAMES[kind]}")
    return of_kind(message[key], kind, (*path, key))


def optional(message: Map, key: str, kind: type, path: Path) -> Any:
    """The value under `key`, of exactly this type; None if there is none, or nil.

    Raises:
        ProtocolError: It is of another type.
    """
    return None if message.get(key) is None else of_kind(message[key], kind, (*path, key))


def of_kind(value: object, kind: type, path: Path) -> Any:
    """The value, which is exactly of this type.

    Raises:
        ProtocolError: It is of another.
    """
    if type(value) is not kind:
        raise ProtocolError(path, f"it is {kind_of(value)}, not {NAMES[kind]}")
    return value


def one_of(value: object, allowed: Collection[str], path: Path) -> str:
    """The value, which is one of these texts.

    Raises:
        ProtocolError: It is not.
    """
    if not isinstance(value, str) or value not in allowed:
        raise ProtocolError(path, f"it is {shown(value)}, not one of {', '.join(allowed)}")
    return value


def texts(value: object, path: Path) -> list[str]:
    """The value, which is a list of texts.

    Raises:
        ProtocolError: It is not.
    """
    return [of_kind(item, str, (*path, index)) for index, item in enumerate(of_kind(value, list, path))]


def finite(value: object, path: Path) -> float:
    """The value, which is a finite number.

    Raises:
        ProtocolError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ProtocolError(path, f"it is {shown(value)}, not a finite number")
    return float(value)


def numbers(value: object, dimensions: Collection[int], path: Path) -> np.ndarray:
    """An array of at least one number, with so many dimensions.

    Whether the numbers are finite is for whoever acts on them to judge: one that is not spoils one episode.

    Raises:
        ProtocolError: It is no array, an empty one, one of truth, or one of other dimensions.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf":
        raise ProtocolError(path, f"it is {kind_of(value)}, not an array of numbers")
    if value.ndim not in dimensions or not value.size:
        wanted = " or ".join(str(count) for count in sorted(dimensions))
        raise ProtocolError(
            path, f"its shape is {shown(value.shape)}, not one of {wanted} dimensions without a zero"
        )
    return value


def binary(frame: object) -> object:
    """A frame that should be a message, where servers send their tracebacks as text.

    Raises:
        ServerError: It is text.
    """
    if isinstance(frame, str):
        raise ServerError("the policy's server failed", last_line(frame))
    return frame


def is_numeric(value: object) -> bool:
    """Whether a value is an array or a number."""
    return type(value) is np.ndarray or (isinstance(value, NUMERIC) and not isinstance(value, bool))


def kind_of(value: object) -> str:
    """What a value is, in words."""
    if value is None:
        return "nil"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    return NAMES.get(type(value), type(value).__name__)
