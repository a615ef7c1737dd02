"""Arrays as the three versions of GR00T mark them.

N1.5 (``gr00t/eval/service.py``) and N1.6 (``gr00t/policy/server_client.py``) put npy files under text keys; N1.7 writes
as the package ``msgpack-numpy`` does, under bytes keys. Plain ``msgpack_numpy.decode`` unpickles data of kind O.
"""

from __future__ import annotations

import numpy as np

from policy.serve.arrays import array_from, check_sendable, dtype_from, raw, shape_from
from policy.serve.codec import Entries, Reading, cannot_be_sent, exactly
from policy.serve.errors import Path, ProtocolError, shown
from policy.serve.modality_config import ModalityConfig, config_from, config_map, config_text
from policy.serve.npy import array_from_npy, npy_from_array
from policy.serve.openpi_arrays import check_mark
from policy.serve.quick_arrays import QuickArrays

NPY_ARRAY = ("__ndarray_class__", "as_npy")
NPY_CONFIG = ("__ModalityConfig_class__", "as_json")
NUMPY_ARRAY = (b"nd", b"type", b"kind", b"shape", b"data")
NUMPY_SCALAR = (b"nd", b"type", b"data")
NUMPY_COMPLEX = b"complex"
NUMPY_CONFIG = ("__ModalityConfig__", "as_json")


class NpyMarks:
    """N1.5 and N1.6. Single numbers of numpy's have no form but float64; the way out is an array."""

    own: frozenset[str | bytes] = frozenset((NPY_ARRAY[0], NPY_CONFIG[0]))
    quick: QuickArrays | None = None

    def __init__(self, dialect: str, config_as_text: bool) -> None:
        self.dialect = dialect
        self.config_as_text = config_as_text

    def read(self, entries: Entries, reading: Reading, path: Path) -> np.ndarray | ModalityConfig:
        if NPY_ARRAY[0] in entries:
            mark, data = exactly(entries, NPY_ARRAY, "an array", path)
            check_mark(mark, path)
            return array_from_npy(data, reading.limits, path)
        mark, value = exactly(entries, NPY_CONFIG, "a ModalityConfig", path)
        check_mark(mark, path)
        return config_from(value, path, self.config_as_text)

    def write(self, value: object, path: Path) -> object:
        if isinstance(value, np.ndarray):
            return dict(zip(NPY_ARRAY, (True, npy_from_array(value, path)), strict=True))
        if isinstance(value, ModalityConfig):
            said = config_text(value, path) if self.config_as_text else config_map(value, path)
            return dict(zip(NPY_CONFIG, (True, said), strict=True))
        raise cannot_be_sent(value, self.dialect, path)


class MsgpackNumpyMarks:
    """N1.7."""

    own: frozenset[str | bytes] = frozenset((NUMPY_ARRAY[0], NUMPY_COMPLEX, NUMPY_CONFIG[0]))
    quick: QuickArrays | None = None

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect

    def read(
        self, entries: Entries, reading: Reading, path: Path
    ) -> np.ndarray | np.generic | ModalityConfig:
        if NUMPY_COMPLEX in entries:
            raise ProtocolError(path, "it is a complex number, which is nothing that a robot sends")
        if NUMPY_CONFIG[0] in entries:
            mark, value = exactly(entries, NUMPY_CONFIG, "a ModalityConfig", path)
            check_mark(mark, path)
            return config_from(value, path, as_text=False)
        if entries[NUMPY_ARRAY[0]] is False:
            _, dtype, data = exactly(entries, NUMPY_SCALAR, "a number of numpy's", path)
            return array_from(data, dtype_from(dtype, path), (), reading.limits, path)[()]
        mark, dtype, kind, shape, data = exactly(entries, NUMPY_ARRAY, "an array", path)
        check_mark(mark, path)
        if kind != b"":
            raise ProtocolError(path, f"its kind {shown(kind)} is not that of plain numbers (O is pickle)")
        return array_from(
            data, dtype_from(dtype, path), shape_from(shape, reading.limits, path), reading.limits, path
        )

    def write(self, value: object, path: Path) -> object:
        if isinstance(value, np.ndarray):
            check_sendable(value, path)
            entries = (True, value.dtype.str, b"", list(value.shape), raw(value))
            return dict(zip(NUMPY_ARRAY, entries, strict=True))
        if isinstance(value, np.generic):
            check_sendable(value, path)
            return dict(zip(NUMPY_SCALAR, (False, value.dtype.str, value.tobytes()), strict=True))
        if isinstance(value, ModalityConfig):
            return dict(zip(NUMPY_CONFIG, (True, config_map(value, path)), strict=True))
        raise cannot_be_sent(value, self.dialect, path)
