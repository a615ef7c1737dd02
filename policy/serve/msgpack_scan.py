"""Whether bytes are one well-formed msgpack value within limits, found out without building any of it.

`msgpack` itself allocates what a header announces before it sees the content (eight bytes an element, at each of up to
1024 levels), takes the last of two equal keys, and says neither which field was wrong nor how many objects there may
be. So its decoder runs only on what has passed here. Format: https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

from typing import Literal

from policy.serve.errors import Path, ProtocolError, shown
from policy.serve.limits import Limits

Kind = Literal["plain", "text", "bytes", "array", "map"]

FIXED_BYTES = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8} | {
    first + power: 1 << power for first in (0xCC, 0xD0) for power in range(4)
}
"""First byte of nil, truth, floats and integers -> bytes that follow."""
COUNTED: dict[int, tuple[Kind, int]] = {
    0xC4: ("bytes", 1), 0xC5: ("bytes", 2), 0xC6: ("bytes", 4),
    0xD9: ("text", 1), 0xDA: ("text", 2), 0xDB: ("text", 4),
    0xDC: ("array", 2), 0xDD: ("array", 4),
    0xDE: ("map", 2), 0xDF: ("map", 4),
}  # fmt: skip
"""First byte -> what follows, and the width of its count [bytes]."""
LONGEST_KEY = 256
"""Keys are names of fields, cameras and channels [bytes]."""
EXTENSIONS = {0xC7, 0xC8, 0xC9, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8}


def check_structure(data: bytes, limits: Limits, path: Path) -> None:
    """Return if `data` is exactly one msgpack value within `limits`, with texts or bytes for keys, each once a map.

    Raises:
        ProtocolError: It is not; the path in it is that of the offending value.
    """
    if len(data) > limits.message_bytes:
        raise ProtocolError(
            path, f"it is {len(data)} bytes long, more than the {limits.message_bytes} allowed"
        )
    scan = _Scan(data, limits)
    scan.value(path, limits.depth)
    if scan.at < len(data):
        raise ProtocolError(path, f"{len(data) - scan.at} bytes follow after its end")


class _Scan:
    """A position in a message, moved over one value after the other."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data = data
        self.limits = limits
        self.at = 0
        self.values_left = limits.values - 1

    def value(self, path: Path, depth: int) -> None:
        kind, count = self.head(path)
        if kind == "text":
            self.text(count, path)
        elif kind == "bytes":
            self.move(count, path)
        elif kind in ("array", "map"):
            if not depth:
                raise ProtocolError(path, f"it is nested deeper than {self.limits.depth} levels")
            self.announce(count if kind == "array" else 2 * count, path)
            if kind == "array":
                for index in range(count):
                    self.value((*path, index), depth - 1)
            else:
                self.entries(count, path, depth)

    def entries(self, count: int, path: Path, depth: int) -> None:
        seen: set[str | bytes] = set()
        for _ in range(count):
            kind, length = self.head(path)
            if kind not in ("text", "bytes"):
                raise ProtocolError(path, "a key of this map is neither text nor bytes")
            if length > LONGEST_KEY:
                raise ProtocolError(path, f"a key of {length} bytes is longer than the {LONGEST_KEY} allowed")
            key = self.text(length, path) if kind == "text" else self.take(length, path)
            if key in seen:
                raise ProtocolError(path, f"this map has the key {shown(key)} twice")
            seen.add(key)
            self.value((*path, key), depth - 1)

    def head(self, path: Path) -> tuple[Kind, int]:
        """Move over the first byte and the count of a value: its kind, and its length or number of elements."""
        first = self.take(1, path)[0]
        if first < 0x80 or first >= 0xE0:
            return "plain", 0
        if first < 0x90:
            return "map", first & 0x0F
        if first < 0xA0:
            return "array", first & 0x0F
        if first < 0xC0:
            return "text", first & 0x1F
        if first in FIXED_BYTES:
            self.move(FIXED_BYTES[first], path)
            return "plain", 0
        if first in COUNTED:
            kind, width = COUNTED[first]
            return kind, int.from_bytes(self.take(width, path))
        if first in EXTENSIONS:
            raise ProtocolError(path, "it is a msgpack extension or time stamp, which no dialect uses")
        raise ProtocolError(path, "it is not msgpack: no value begins with the byte 0xc1")

    def announce(self, values: int, path: Path) -> None:
        """Account for the elements of a container, before any of them is looked at."""
        if values > len(self.data) - self.at:
            raise ProtocolError(path, f"the message ends before the {values} values that it announces")
        if values > self.values_left:
            raise ProtocolError(path, f"with it the message holds more than {self.limits.values} values")
        self.values_left -= values

    def text(self, length: int, path: Path) -> str:
        if length > self.limits.text_bytes:
            raise ProtocolError(
                path, f"a text of {length} bytes is longer than the {self.limits.text_bytes} allowed"
            )
        try:
            return self.take(length, path).decode("utf-8")
        except UnicodeDecodeError:
            raise ProtocolError(path, "a text is not UTF-8") from None

    def take(self, length: int, path: Path) -> bytes:
        """The next `length` bytes."""
        start = self.at
        self.move(length, path)
        return self.data[start : self.at]

    def move(self, length: int, path: Path) -> None:
        """Go on by `length` bytes, which nobody copies."""
        if length > len(self.data) - self.at:
            missing = length - (len(self.data) - self.at)
            raise ProtocolError(path, f"the message ends {missing} bytes too early")
        self.at += length
