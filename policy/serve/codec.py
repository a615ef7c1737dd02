"""Bytes to a tree of values and back, for any dialect that is msgpack with marked maps."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgpack
import numpy as np

from policy.serve.errors import Path, ProtocolError, shown
from policy.serve.limits import DEFAULT_LIMITS, Limits
from policy.serve.msgpack_reader import Found, read_value
from policy.serve.quick_arrays import QuickArrays

KEYS_KEPT = 1024
"""The most keys whose bytes are remembered."""
_OWN = threading.local()
"""A packer each thread."""
CONTAINERS = (list, dict, memoryview)
"""What may hold a marked map, or is one; a union written where it is used would be made anew each time."""
Entries = dict[str | bytes, Any]
"""A map as msgpack has it, before it is known whether it stands for something else."""

MARKS: dict[str, str] = {
    "__ndarray__": "an array of numpy's",
    "__npgeneric__": "a number of numpy's",
    "__ndarray_class__": "an array of GR00T N1.5 and N1.6",
    "__ModalityConfig_class__": "a ModalityConfig of GR00T N1.5 and N1.6",
    "__ModalityConfig__": "a ModalityConfig of GR00T N1.7",
    "__image__": "an image of vla-eval",
}
"""Keys by which some dialect tells that a map is none: a decoder that does not know one would hand the map on."""


class Marks(Protocol):
    """How a family of dialects writes what msgpack has no type for."""

    own: frozenset[str | bytes]
    """Keys that mark a map; one of them is enough."""
    quick: QuickArrays | None
    """Reads the commonest form of an array at once, where there is one."""

    def read(self, entries: Entries, reading: Reading, path: Path) -> object:
        """What a marked map stands for; ProtocolError if that cannot be told exactly.

        Long bytes in `entries` are memoryviews of the message.
        """

    def write(self, value: object, path: Path) -> object:
        """The plain value or the marked map that stands for `value`; ProtocolError where the dialect has none.

        Called for arrays and numbers of numpy's, and for whatever else is of no type of msgpack's.
        """


@dataclass
class Reading:
    """One message being read: its limits, and what is left of them."""

    limits: Limits
    image_bytes_left: int = field(init=False)

    def __post_init__(self) -> None:
        self.image_bytes_left = self.limits.image_bytes

    def take_image(self, size: int, path: Path) -> None:
        """Account for `size` bytes of pixels before they are decompressed.

        Raises:
            ProtocolError: The images of the message are larger than allowed.
        """
        if size > self.image_bytes_left:
            raise ProtocolError(
                path,
                f"with it the images take more than the {self.limits.image_bytes} bytes allowed once decompressed",
            )
        self.image_bytes_left -= size


@dataclass(frozen=True)
class Codec:
    """A dialect's codec.

    Trees are of None, bool, int, float, str, bytes, lists, maps with text for keys, numpy's arrays and numbers, and
    what else the dialect's marks stand for. Arrays that were read are read-only views of the message.
    """

    dialect: str
    marks: Marks
    _keys: dict[str, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Keys that were sent -> what says them."""

    def decode(self, data: object, limits: Limits = DEFAULT_LIMITS, found: Found | None = None) -> Any:
        """The tree that `data` says; arrays that were read at sight are added to `found`.

        Raises:
            ProtocolError: `data` is not bytes, not msgpack, beyond `limits`, or marks something in a way not allowed.
        """
        path: Path = (self.dialect,)
        if not isinstance(data, (bytes, bytearray)):
            raise ProtocolError(path, f"it is {type(data).__name__}, not bytes")
        return self._read(read_value(data, limits, path, self.marks.quick, found), Reading(limits), path)

    def encode(self, message: object) -> bytes:
        """The bytes that say `message`, the entries of maps in their order.

        Raises:
            ProtocolError: Something in it has no form in this dialect.
        """
        parts: list[bytes | np.ndarray] = []
        packer = getattr(_OWN, "packer", None) or msgpack.Packer()
        _OWN.packer = None  # unless it does well: what an error leaves in it would begin the next message
        self._put(message, parts, packer, (self.dialect,))
        _OWN.packer = packer
        return b"".join(parts)  # pictures are copied here, and nowhere else

    def _read(self, value: Any, reading: Reading, path: Path) -> Any:
        """The value with its marked maps replaced, in place: a second tree would take as much memory again."""
        if isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, CONTAINERS):
                    value[index] = self._read(item, reading, (*path, index))
            return value
        if isinstance(value, memoryview):
            return bytes(value)  # a view is for arrays, which are views themselves
        if not isinstance(value, dict):
            return value
        if not self.marks.own.isdisjoint(value):
            return self.marks.read(value, reading, path)
        for key in value:
            if key in MARKS:
                raise ProtocolError(
                    path, f"its key {shown(key)} marks {MARKS[key]}, not one of {self.dialect}"
                )
            if type(key) is bytes:
                raise ProtocolError(path, f"its key {shown(key)} is bytes; keys of {self.dialect} are text")
        for key, item in value.items():
            if isinstance(item, CONTAINERS):
                value[key] = self._read(item, reading, (*path, key))
        return value

    def _put(self, value: Any, parts: list[bytes | np.ndarray], packer: msgpack.Packer, path: Path) -> None:
        """Append what says `value`."""
        if len(path) - 1 > DEFAULT_LIMITS.depth:
            raise ProtocolError(path, f"it is nested deeper than {DEFAULT_LIMITS.depth} levels")
        if type(value) is np.ndarray and self.marks.quick is not None:
            quick = self.marks.quick.write(value)
            if quick is not None:
                parts += quick
                return
        if isinstance(value, Mapping):
            parts.append(packer.pack_map_header(len(value)))
            for key, item in value.items():
                parts.append(self._keys.get(key) or self._key(key, path))
                self._put(item, parts, packer, (*path, key))
        elif isinstance(value, (list, tuple)):
            parts.append(packer.pack_array_header(len(value)))
            for index, item in enumerate(value):
                self._put(item, parts, packer, (*path, index))
        else:
            parts.append(packer.pack(self._plain(value, path)))

    def _plain(self, value: Any, path: Path) -> Any:
        """What msgpack packs for a value that is neither a map nor a list of the dialect."""
        if value is None or isinstance(value, (bool, bytes)):
            return value
        if isinstance(value, float):  # numpy's float64 is one, and travels as one in every dialect
            return float(value)
        if isinstance(value, int):
            if not -(1 << 63) <= value < 1 << 64:
                raise ProtocolError(path, f"{shown(value)} does not fit into 64 bits")
            return int(value)
        if isinstance(value, str):
            return _utf8(value, path)
        return self.marks.write(value, path)

    def _key(self, key: object, path: Path) -> bytes:
        """What says a key, which is remembered: messages have the same ones again and again."""
        if not isinstance(key, str):
            raise ProtocolError(path, f"the key {shown(key)} is not text")
        if key in MARKS or key in self.marks.own:
            raise ProtocolError(path, f"the key {shown(key)} is reserved: some dialect marks a map with it")
        packed: bytes = msgpack.packb(_utf8(key, path))
        if len(self._keys) < KEYS_KEPT:
            self._keys[str(key)] = packed
        return packed


def _utf8(text: str, path: Path) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ProtocolError(path, f"the text {shown(text)} has no form in UTF-8") from None
    return str(text)


def cannot_be_sent(value: object, dialect: str, path: Path) -> ProtocolError:
    """The refusal of a value whose type has no form in a dialect."""
    kind = type(value).__name__
    return ProtocolError(path, f"a value of type {kind} has no form in {dialect}")


def exactly(entries: Entries, keys: tuple[str | bytes, ...], what: str, path: Path) -> tuple[Any, ...]:
    """The values of exactly these keys, in the order of `keys`.

    Raises:
        ProtocolError: The map lacks one, or has others.
    """
    if len(entries) == len(keys):
        with contextlib.suppress(KeyError):
            return tuple([entries[key] for key in keys])
    raise ProtocolError(path, f"{what} has the keys {_listed(keys)}, and this has {_listed(tuple(entries))}")


def _listed(keys: tuple[str | bytes, ...]) -> str:
    return ", ".join(shown(key) for key in keys[:8]) + (", ..." if len(keys) > 8 else "")
