"""Arrays and images as vla-eval marks them: maps with *text* for keys (vla-eval 0.8.0, ``vla_eval/protocol``)."""

from __future__ import annotations

import numpy as np

from policy.serve.arrays import array_from, check_sendable, dtype_from, raw, shape_from
from policy.serve.codec import Entries, Reading, cannot_be_sent, exactly
from policy.serve.errors import Path
from policy.serve.images import EncodedImage
from policy.serve.openpi_arrays import check_mark
from policy.serve.quick_arrays import QuickArrays

ARRAY = ("__ndarray__", "data", "dtype", "shape")
IMAGE = ("__image__", "format", "data", "shape")


class VlaEvalMarks:
    """Arrays as they are, PNG and JPEG as `EncodedImage`; numbers of numpy's travel as plain ones."""

    own: frozenset[str | bytes] = frozenset((ARRAY[0], IMAGE[0]))
    quick: QuickArrays | None = QuickArrays(ARRAY)

    def read(self, entries: Entries, reading: Reading, path: Path) -> np.ndarray | EncodedImage:
        if ARRAY[0] in entries:
            mark, data, dtype, shape = exactly(entries, ARRAY, "an array", path)
            check_mark(mark, path)
            return array_from(
                data, dtype_from(dtype, path), shape_from(shape, reading.limits, path), reading.limits, path
            )
        mark, form, data, shape = exactly(entries, IMAGE, "an image", path)
        check_mark(mark, path)
        shape = shape_from(shape, reading.limits, path)
        return EncodedImage.read(form, data, shape, path, lambda size: reading.take_image(size, path))

    def write(self, value: object, path: Path) -> object:
        if isinstance(value, EncodedImage):
            entries = (True, value.form, value.data, list(value.pixels.shape))
            return dict(zip(IMAGE, entries, strict=True))
        if isinstance(value, np.ndarray):
            check_sendable(value, path)
            return dict(zip(ARRAY, (True, raw(value), value.dtype.str, list(value.shape)), strict=True))
        if isinstance(value, np.generic):
            check_sendable(value, path)
            return value.item()
        raise cannot_be_sent(value, "vla-eval", path)
