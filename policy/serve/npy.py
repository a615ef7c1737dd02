"""Arrays in the file format of ``numpy.save``, as GR00T N1.5 and N1.6 send them.

``numpy.load`` allocates what the header says before it has seen the data, and evaluates the header as Python. Here
the header is read by its grammar. Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
import re

import numpy as np

from policy.serve.arrays import array_from, check_sendable, dtype_from, shape_from
from policy.serve.errors import Path, ProtocolError, shown
from policy.serve.limits import Limits

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 1024
"""numpy writes 118 bytes for any array of ordinary numbers."""
ENTRY = re.compile(
    r"""\s*['"](?P<key>descr|fortran_order|shape)['"]\s*:\s*"""
    r"""(?:['"](?P<text>[^'"]*)['"]|(?P<truth>True|False)|\((?P<sizes>\s*|\s*\d+\s*(?:,\s*\d+\s*)*,?\s*)\))\s*(?:,|$)""",
    re.ASCII,
)


def array_from_npy(data: object, limits: Limits, path: Path) -> np.ndarray:
    """The array in an npy file, a read-only view of it; an array that was written in Fortran's order stays in it.

    Raises:
        ProtocolError: It is not such a file, not whole, followed by more, or of a type or shape not allowed.
    """
    if not isinstance(data, bytes | memoryview) or data[: len(MAGIC)] != MAGIC:
        raise ProtocolError(path, "its data is not the file that numpy.save writes")
    width = {1: 2, 2: 4, 3: 4}.get(data[6] if len(data) > 6 else 0)
    if width is None or len(data) < 8 + width or data[7] != 0:
        raise ProtocolError(path, "its npy file ends in its first bytes, or is of a version after 3.0")
    length = int.from_bytes(data[8 : 8 + width], "little")
    start = 8 + width + length
    if length > LONGEST_HEADER or start > len(data):
        raise ProtocolError(
            path, f"its npy header of {length} bytes is not whole, or is longer than {LONGEST_HEADER}"
        )
    found = header_entries(bytes(data[8 + width : start]).decode("latin-1"), path)
    dtype = dtype_from(found["descr"]["text"], path)
    sizes = [int(size) for size in re.findall(r"\d+", found["shape"]["sizes"] or "")]
    shape = shape_from(sizes, limits, path)
    fortran = found["fortran_order"]["truth"] == "True"
    return array_from(memoryview(data)[start:], dtype, shape, limits, path, fortran)


def header_entries(header: str, path: Path) -> dict[str, re.Match[str]]:
    """The three entries of an npy header by name.

    Raises:
        ProtocolError: It is no map of exactly these three, each with a value of its kind.
    """
    text = header.strip()
    kinds = {"descr": "text", "fortran_order": "truth", "shape": "sizes"}
    found: dict[str, re.Match[str]] = {}
    inside, at = text[1:-1].strip(), 0
    while match := ENTRY.match(inside, at):
        at = match.end()
        if match["key"] in found or match[kinds[match["key"]]] is None:
            break
        found[match["key"]] = match
    if not (text.startswith("{") and text.endswith("}")) or at != len(inside) or set(found) != set(kinds):
        raise ProtocolError(path, f"its npy header {shown(text)} is not that of an array of plain numbers")
    return found


def npy_from_array(array: np.ndarray, path: Path) -> bytes:
    """The bytes that ``numpy.save`` writes.

    Raises:
        ProtocolError: The array is not of plain numbers.
    """
    check_sendable(array, path)
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
