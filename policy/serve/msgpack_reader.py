"""Bytes to one msgpack value within limits: what is wrong is found before anything is allocated for it.

The package `msgpack` allocates what a header announces before it sees the content (eight bytes an element, at each of
up to 1024 levels), takes the last of two equal keys, says neither which field was wrong nor how many objects there may
be, and copies every picture. So messages are read here, once. Format:
https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Literal

import numpy as np

from policy.serve.errors import Path, ProtocolError, shown
from policy.serve.limits import Limits
from policy.serve.quick_arrays import QuickArrays

Kind = Literal["text", "bytes", "array", "map"]

CONSTANTS: dict[int, bool | None] = {0xC0: None, 0xC2: False, 0xC3: True}
"""First byte -> value."""
NUMBERS = {
    first: Struct(f">{letter}")
    for first, letter in zip(
        (0xCA, 0xCB, 0xCC, 0xCD, 0xCE, 0xCF, 0xD0, 0xD1, 0xD2, 0xD3), "fdBHIQbhiq", strict=True
    )
}
"""First byte -> what the bytes after it are."""
COUNTED: dict[int, tuple[Kind, int]] = {
    0xC4: ("bytes", 1), 0xC5: ("bytes", 2), 0xC6: ("bytes", 4),
    0xD9: ("text", 1), 0xDA: ("text", 2), 0xDB: ("text", 4),
    0xDC: ("array", 2), 0xDD: ("array", 4),
    0xDE: ("map", 2), 0xDF: ("map", 4),
}  # fmt: skip
"""First byte -> what follows, and the width of its count [bytes]."""
EXTENSIONS = {0xC7, 0xC8, 0xC9, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8}
LONGEST_KEY = 256
"""Keys are names of fields, cameras and channels [bytes]."""
LONG = 4096
"""Bytes from so many on are a view of the message, not a copy [bytes]."""


ARRAY_VALUES = 8
"""Of an array's map: four keys, and what is under them; the sizes of its shape come on top."""


Found = list[tuple[np.ndarray, int]]
"""Arrays of a message, and where their numbers begin in it [bytes]."""


def read_value(
    data: bytes | bytearray,
    limits: Limits,
    path: Path,
    arrays: QuickArrays | None = None,
    found: Found | None = None,
) -> Any:
    """What `data` says, if it is exactly one msgpack value within `limits`, its keys text or bytes, each once a map.

    Returns:
        None, bool, int, float, str, bytes, lists and maps; a memoryview of `data` for bytes of `LONG` and more; arrays
        for those maps that `arrays` knows at sight, which are added to `found`.

    Raises:
        ProtocolError: It is not; the path in it is that of the offending value.
    """
    if len(data) > limits.message_bytes:
        raise ProtocolError(
            path, f"it is {len(data)} bytes long, more than the {limits.message_bytes} allowed"
        )
    reader = _Reader(data, limits, arrays, found)
    try:
        value = reader.value(limits.depth)
    except _Refused as refused:
        raise ProtocolError((*path, *reversed(refused.steps)), refused.problem) from None
    if reader.at < len(data):
        raise ProtocolError(path, f"{len(data) - reader.at} bytes follow after its end")
    return value


class _Refused(Exception):
    """What is wrong, and the keys and indices that lead to it, the last one first: few messages need a path."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        self.steps: list[str | bytes | int] = []


class _Reader:
    """A position in a message, moved over one value after the other."""

    __slots__ = ("arrays", "at", "data", "end", "found", "limits", "text_bytes", "values_left", "view")

    def __init__(
        self, data: bytes | bytearray, limits: Limits, arrays: QuickArrays | None, found: Found | None
    ) -> None:
        self.data, self.view, self.limits, self.arrays = data, memoryview(data), limits, arrays
        self.at, self.end, self.found = 0, len(data), found
        self.values_left, self.text_bytes = limits.values - 1, limits.text_bytes

    def value(self, depth: int) -> Any:
        at = self.at
        if at >= self.end:
            raise _Refused("the message ends 1 bytes too early")
        first = self.data[at]
        self.at = at + 1
        if first < 0x80:
            return first
        if 0xA0 <= first < 0xC0:
            return self.text(first & 0x1F)
        if first >= 0xE0:
            return first - 0x100
        if first < 0x90:
            if first == 0x84 and self.arrays is not None:
                array = self.array(self.arrays, at, depth)
                if array is not None:
                    return array
            return self.entries(first & 0x0F, depth)
        if first < 0xA0:
            return self.items(first & 0x0F, depth)
        if first in CONSTANTS:
            return CONSTANTS[first]
        if first in COUNTED:
            kind, width = COUNTED[first]
            count = self.number(width)
            if kind == "bytes":
                return self.blob(count)
            if kind == "text":
                return self.text(count)
            return self.items(count, depth) if kind == "array" else self.entries(count, depth)
        if first in NUMBERS:
            number = NUMBERS[first]
            return number.unpack_from(self.data, self.move(number.size))[0]
        if first in EXTENSIONS:
            raise _Refused("it is a msgpack extension or time stamp, which no dialect uses")
        raise _Refused("it is not msgpack: no value begins with the byte 0xc1")

    def items(self, count: int, depth: int) -> list[Any]:
        self.announce(count, depth)
        items: list[Any] = []
        for index in range(count):
            try:
                items.append(self.value(depth - 1))
            except _Refused as refused:
                refused.steps.append(index)
                raise
        return items

    def entries(self, count: int, depth: int) -> dict[str | bytes, Any]:
        self.announce(2 * count, depth)
        entries: dict[str | bytes, Any] = {}
        for _ in range(count):
            at = self.at
            end = at + 2 + LONGEST_KEY
            if (
                end <= self.end and self.data[at] == 0xC4
            ):  # a short key of bytes, by far the commonest: at once
                self.at = at + 2 + self.data[at + 1]
                key: str | bytes = bytes(self.data[at + 2 : self.at])
            else:
                key = self.key()
            if key in entries:
                raise _Refused(f"this map has the key {shown(key)} twice")
            try:
                entries[key] = self.value(depth - 1)
            except _Refused as refused:
                refused.steps.append(key)
                raise
        return entries

    def key(self) -> str | bytes:
        first = self.data[self.move(1)]
        if 0xA0 <= first < 0xC0:
            return self.text(first & 0x1F)
        kind, width = COUNTED.get(first, ("array", 0))
        if kind not in ("text", "bytes"):
            raise _Refused("a key of this map is neither text nor bytes")
        length = self.number(width)
        if length > LONGEST_KEY:
            raise _Refused(f"a key of {length} bytes is longer than the {LONGEST_KEY} allowed")
        if kind == "text":
            return self.text(length)
        start = self.move(length)
        return bytes(self.data[start : self.at])

    def array(self, arrays: QuickArrays, at: int, depth: int) -> np.ndarray | None:
        """The array that begins at `at`, if it is known at sight and within the limits."""
        read = arrays.read(self.data, at)
        if read is None:
            return None
        array, start, end = read
        values = ARRAY_VALUES + array.ndim
        if depth < 2 or values > self.values_left or array.ndim > self.limits.dimensions:
            return None  # who looks closely says what is wrong with it
        self.values_left -= values
        self.at = end
        if self.found is not None:
            self.found.append((array, start))
        return array

    def announce(self, values: int, depth: int) -> None:
        """Account for the elements of a container, before any of them is looked at."""
        if not depth:
            raise _Refused(f"it is nested deeper than {self.limits.depth} levels")
        if values > self.end - self.at:
            raise _Refused(f"the message ends before the {values} values that it announces")
        if values > self.values_left:
            raise _Refused(f"with it the message holds more than {self.limits.values} values")
        self.values_left -= values

    def text(self, length: int) -> str:
        if length > self.text_bytes:
            raise _Refused(f"a text of {length} bytes is longer than the {self.text_bytes} allowed")
        start = self.at
        end = self.at = start + length
        if end > self.end:
            raise _Refused(f"the message ends {end - self.end} bytes too early")
        try:
            return str(self.data[start:end], "utf-8")
        except UnicodeDecodeError:
            raise _Refused("a text is not UTF-8") from None

    def blob(self, length: int) -> bytes | memoryview:
        start = self.move(length)
        return bytes(self.data[start : self.at]) if length < LONG else self.view[start : self.at]

    def number(self, width: int) -> int:
        """A count of so many bytes."""
        start = self.move(width)
        return self.data[start] if width == 1 else int.from_bytes(self.data[start : self.at])

    def move(self, length: int) -> int:
        """Go on by `length` bytes; where they begin."""
        start = self.at
        if length > self.end - start:
            raise _Refused(f"the message ends {length - (self.end - start)} bytes too early")
        self.at = start + length
        return start
