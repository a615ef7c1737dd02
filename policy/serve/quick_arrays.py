"""Arrays in the bytes that everybody writes them in, at once; what deviates is left to who goes value by value.

A picture is a map of four entries in msgpack, and to read it value by value takes longer than to copy it. Between two
messages of a client nothing changes in those entries but the numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Any

import msgpack
import numpy as np

from policy.serve.arrays import NAMES

COUNTS = {0xC4: 1, 0xC5: 2, 0xC6: 4}
"""First byte of bytes -> width of their count [bytes]."""
SIZE = rb"(?:[\x00-\x7f]|\xcc.|\xcd..)"
KNOWN = 256
"""Shapes that are remembered."""
_Tail = tuple[bytes, "np.dtype[Any]", tuple[int, ...]]


class QuickArrays:
    """Arrays that are maps of mark, data, dtype and shape, in this order.

    For any number of threads: what is remembered is replaced, never changed.
    """

    def __init__(self, keys: Sequence[str | bytes]) -> None:
        """``keys`` are those of the four."""
        mark, data, dtype, shape = (msgpack.packb(key) for key in keys)
        self._head = b"\x84" + mark + b"\xc3" + data
        shapes = b"|".join(b"%c%s" % (0x90 + n, SIZE * n) for n in range(1, 6))
        self._tail = re.compile(dtype + rb"\xa3([<>|][iuf][1248])" + shape + b"(" + shapes + b")", re.DOTALL)
        self._known: dict[int, _Tail] = {}
        """Length of an array's data [bytes] -> what stood after it last, and what that says."""
        self._keys, self._around = tuple(keys), dict[tuple[str, tuple[int, ...]], tuple[bytes, bytes]]()
        """Type and shape -> what stands before and after the numbers of an array that is written."""

    def write(self, array: np.ndarray) -> tuple[bytes, np.ndarray, bytes] | None:
        """What says an array, in three parts; None if it has to be looked at closely."""
        dtype, shape = array.dtype.str, array.shape
        around = self._around.get((dtype, shape))
        if around is None:
            if dtype not in NAMES or not array.size:
                return None
            if len(self._around) >= KNOWN:
                self._around = {}
            said = (True, bytes(array.nbytes), dtype, shape)
            packed = msgpack.packb(dict(zip(self._keys, said, strict=True)))
            after = sum(len(msgpack.packb(part)) for part in (*self._keys[2:], dtype, shape))
            around = packed[: -after - array.nbytes], packed[-after:]
            self._around[dtype, shape] = around
        if not array.flags.c_contiguous:
            array = np.ascontiguousarray(array)
        return around[0], array, around[1]

    def read(self, data: bytes | bytearray, at: int) -> tuple[np.ndarray, int, int] | None:
        """The array that begins at `at`, where its numbers begin, and where it ends; None if a closer look is needed.

        That it has as many bytes as its shape and type say is known, and that they are there.
        """
        if not data.startswith(self._head, at):
            return None
        at += len(self._head)
        width = COUNTS.get(data[at]) if at < len(data) else None
        if width is None:
            return None
        start = at + 1 + width
        length = int.from_bytes(data[at + 1 : start])
        known = self._known.get(length)
        if known is None or not data.startswith(known[0], start + length):
            known = self._learnt(data, start + length, length)
            if known is None:
                return None
        tail, dtype, shape = known
        array = np.ndarray(shape, dtype, data, start)
        if not array.flags.aligned:  # a copy, for those who take arrays as they are
            array = np.frombuffer(data[start : start + length], dtype).reshape(shape)
        return array, start, start + length + len(tail)

    def _learnt(self, data: bytes | bytearray, at: int, length: int) -> _Tail | None:
        found = self._tail.match(data, at)
        dtype = NAMES.get(found[1].decode()) if found else None
        if found is None or dtype is None:
            return None
        shape = tuple(msgpack.unpackb(found[2]))
        if not length or prod(shape) * dtype.itemsize != length:
            return None
        if len(self._known) >= KNOWN:
            self._known = {}
        self._known[length] = made = (found[0], dtype, shape)
        return made
