"""Arrays as openpi, RoboArena, DreamZero, InternVLA-M1 and starVLA mark them: maps with *bytes* for keys.

From openpi 15a9616, ``packages/openpi-client/src/openpi_client/msgpack_numpy.py``, whose decoder takes objects off the
wire and a shape of -1.
"""

from __future__ import annotations

import numpy as np

from policy.serve.arrays import array_from, check_sendable, dtype_from, raw, scalar_from, shape_from
from policy.serve.codec import Entries, Reading, cannot_be_sent, exactly
from policy.serve.errors import Path, ProtocolError, shown
from policy.serve.quick_arrays import QuickArrays

ARRAY = (b"__ndarray__", b"data", b"dtype", b"shape")
SCALAR = (b"__npgeneric__", b"data", b"dtype")


class OpenpiMarks:
    """Arrays and numbers of numpy's under bytes keys."""

    own: frozenset[str | bytes] = frozenset((ARRAY[0], SCALAR[0]))
    quick: QuickArrays | None = QuickArrays(ARRAY)

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect

    def read(self, entries: Entries, reading: Reading, path: Path) -> np.ndarray | np.generic:
        if ARRAY[0] in entries:
            mark, data, dtype, shape = exactly(entries, ARRAY, "an array", path)
            check_mark(mark, path)
            return array_from(
                data, dtype_from(dtype, path), shape_from(shape, reading.limits, path), reading.limits, path
            )
        mark, data, dtype = exactly(entries, SCALAR, "a number of numpy's", path)
        check_mark(mark, path)
        return scalar_from(data, dtype_from(dtype, path), path)

    def write(self, value: object, path: Path) -> object:
        if isinstance(value, np.ndarray):
            check_sendable(value, path)
            return dict(zip(ARRAY, (True, raw(value), value.dtype.str, list(value.shape)), strict=True))
        if isinstance(value, np.generic):
            check_sendable(value, path)
            return dict(zip(SCALAR, (True, value.item(), value.dtype.str), strict=True))
        raise cannot_be_sent(value, self.dialect, path)


def check_mark(mark: object, path: Path, expected: bool = True) -> None:
    """Refuse a mark that is there but says something else.

    Raises:
        ProtocolError: It is not `expected`.
    """
    if mark is not expected:
        raise ProtocolError(path, f"its mark is {shown(mark)}, not {expected}")
