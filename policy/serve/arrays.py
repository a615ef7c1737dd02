"""Arrays off the wire: numbers only, of the size that their shape says, checked before numpy sees them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from policy.serve.errors import Path, ProtocolError, shown
from policy.serve.limits import Limits

KINDS = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
"""numpy's letter for truth, integers and floats -> sizes of one number [bytes]."""
ALLOWED = "bool, int8 to int64, uint8 to uint64, float16 to float64"
NAMES = {
    name: np.dtype(short)
    for kind, sizes in KINDS.items()
    for size in sizes
    for short in (f"{order}{kind}{size}" for order in ("", "<", ">", "|", "="))
    for name in (short, str(np.dtype(f"{kind}{size}")) if short[0] == kind else short)
}
"""The forms of ``dtype.str``, and the long one, ``float32``, which numpy's own decoders take as well."""


def dtype_from(text: object, path: Path) -> np.dtype[Any]:
    """The type of numbers that a ``dtype.str`` or a name as ``float32`` says.

    Raises:
        ProtocolError: It is not text, or not one of `ALLOWED`: objects, records, texts, complex numbers, times.
    """
    dtype = NAMES.get(text) if isinstance(text, str) else None
    if dtype is not None:
        return dtype
    raise ProtocolError(path, f"its dtype {shown(text)} is not one of {ALLOWED}")


def check_sendable(array: np.ndarray | np.generic, path: Path) -> None:
    """Refuse to send what no decoder may take.

    Raises:
        ProtocolError: Its type is not one of `ALLOWED`.
    """
    if array.dtype.kind not in KINDS or array.dtype.itemsize not in KINDS[array.dtype.kind]:
        raise ProtocolError(path, f"an array of {array.dtype} cannot be sent, only {ALLOWED}")


def raw(array: np.ndarray) -> bytes | memoryview:
    """The numbers of an array in C's order, to be packed as bytes; without a copy where they lie so."""
    return array.data if array.flags.c_contiguous and array.size else array.tobytes()


def shape_from(value: object, limits: Limits, path: Path) -> tuple[int, ...]:
    """A shape: a list of whole numbers from 0 on.

    Raises:
        ProtocolError: It is something else, or has more dimensions than `limits` allow.
    """
    if not isinstance(value, list | tuple):
        raise ProtocolError(path, f"its shape {shown(value)} is not a list of whole numbers from 0 on")
    for size in value:
        if type(size) is not int or size < 0:
            raise ProtocolError(path, f"its shape {shown(value)} is not a list of whole numbers from 0 on")
    if value and max(value) > limits.message_bytes:
        raise ProtocolError(path, f"its shape {shown(value)} is too large")
    if len(value) > limits.dimensions:
        raise ProtocolError(path, f"its shape has more than {limits.dimensions} dimensions")
    return tuple(value)


def array_from(
    data: object,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    limits: Limits,
    path: Path,
    fortran: bool = False,
) -> np.ndarray:
    """A read-only view of `data` as an array of `shape`; `fortran`: the first index varies fastest on the wire.

    A copy where numbers of several bytes lie in the message at an odd place, for those who take arrays as they are.

    Raises:
        ProtocolError: `data` is not bytes, or not exactly as many as shape and type say; truth is neither 0 nor 1.
    """
    if not isinstance(data, bytes | memoryview):
        raise ProtocolError(path, "its data is not bytes")
    needed = math.prod(shape) * dtype.itemsize
    if needed != len(data):
        raise ProtocolError(
            path, f"shape {shown(shape)} of {dtype} takes {needed} bytes, and its data has {len(data)}"
        )
    # numpy multiplies the other dimensions of an empty array as well, and raises on the result.
    if not needed and math.prod(max(size, 1) for size in shape) * dtype.itemsize > limits.message_bytes:
        raise ProtocolError(path, f"its shape {shown(shape)} is too large")
    flat = np.frombuffer(data, dtype)
    if not flat.flags.aligned:
        flat = np.frombuffer(bytes(data), dtype)
    if dtype.kind == "b" and flat.view(np.uint8).max(initial=0) > 1:
        raise ProtocolError(path, "an array of truth holds something else than 0 and 1")
    return flat.reshape(shape, order="F") if fortran else flat.reshape(shape)


def scalar_from(value: object, dtype: np.dtype[Any], path: Path) -> np.generic:
    """One number of numpy's from a plain one.

    Raises:
        ProtocolError: It is not of the kind that `dtype` says, or beyond its range.
    """
    allowed = {"b": bool, "i": int, "u": int, "f": float}[dtype.kind]
    if type(value) is not allowed and not (allowed is float and type(value) is int):
        raise ProtocolError(path, f"{shown(value)} is not a number of {dtype}")
    try:
        with np.errstate(over="raise"):
            return dtype.type(value)
    except (OverflowError, FloatingPointError):
        raise ProtocolError(path, f"{shown(value)} is beyond the range of {dtype}") from None
