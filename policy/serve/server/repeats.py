"""`Repeats`: a client's next message is read as its last one was, where it differs in nothing but numbers of arrays.

A client asks the same question again and again, about other pictures and other joints. What its message says is told
by the bytes around the arrays: where these are the same, byte for byte, so is what was found of them, and what was
checked holds still. That takes a tenth of the time, and what differs in one byte is read as ever.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from policy.serve.msgpack_reader import Found
from policy.serve.server.rows import Row

ENOUGH = 8
"""Messages that were learnt in a row for nothing: of a client with a clock in its messages nothing repeats."""
View = tuple[str, int, tuple[int, ...], "np.dtype[Any]"]
"""An array's name, where it begins [bytes], its shape and type."""


@dataclass(frozen=True)
class _Layout:
    """A message without the numbers of its arrays."""

    length: int
    """[bytes]"""
    around: list[tuple[int, bytes]]
    """What stands between arrays, and where."""
    images: list[View]
    measured: list[View]
    instruction: str


class Repeats:
    """Of one connection."""

    def __init__(self) -> None:
        self._layout: _Layout | None = None
        self._in_vain = 0

    def row(self, message: object) -> Row | None:
        """What a message asks, if it repeats the one that was learnt; its pictures are views of it."""
        layout = self._layout
        if layout is None or not isinstance(message, (bytes, bytearray)) or len(message) != layout.length:
            return None
        for at, expected in layout.around:
            if not message.startswith(expected, at):
                return None
        images = {name: np.ndarray(shape, dtype, message, at) for name, at, shape, dtype in layout.images}
        # Copies, since numbers of several bytes lie at odd places.
        measured = {
            name: np.ndarray(shape, dtype, message, at).copy() for name, at, shape, dtype in layout.measured
        }
        if math.isnan(np.concatenate([vector.reshape(-1) for vector in measured.values()]).max()):
            return None  # a number that the client does not know is not nothing: see `Row.lacks`
        self._in_vain = 0
        return Row(layout.instruction, images, measured)

    def learn(self, message: object, found: Found, row: Row) -> None:
        """Remember what was made of a message, if each array of it is one that was found in it, as it is."""
        self._layout = None
        if not isinstance(message, (bytes, bytearray)) or row.lacks or row.own is not None:
            return
        self._in_vain += 1
        if self._in_vain > ENOUGH:
            return
        images, measured = _views(row.images, found), _views(row.measured, found)
        if images is None or measured is None:
            return
        spans = sorted(
            (at, at + math.prod(shape) * dtype.itemsize) for _, at, shape, dtype in images + measured
        )
        begins, ends = [0, *(end for _, end in spans)], [*(at for at, _ in spans), len(message)]
        if any(begin > end for begin, end in zip(begins, ends, strict=True)):
            return  # one array stands for two
        around = [(at, bytes(message[at:end])) for at, end in zip(begins, ends, strict=True)]
        self._layout = _Layout(len(message), around, images, measured, row.instruction)


def _views(arrays: Mapping[str, np.ndarray], found: Found) -> list[View] | None:
    """Where arrays are in a message in which those of `found` are; None if one is not one of these, whole."""
    by_address = {_address(array): (array.nbytes, at) for array, at in found}
    views: list[View] = []
    for name, array in arrays.items():
        length, at = by_address.get(_address(array), (0, 0))
        if length != array.nbytes or not array.flags.c_contiguous:
            return None
        views.append((name, at, array.shape, array.dtype))
    return views


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])
