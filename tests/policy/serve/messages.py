"""Messages of each dialect, as hypothesis draws them and as bytes put together by hand."""

from typing import Any

import msgpack
import numpy as np
from hypothesis import strategies as st

from policy.serve.arrays import KINDS
from policy.serve.codec import MARKS, Codec
from policy.serve.images import EncodedImage
from policy.serve.modality_config import ModalityConfig

DTYPES = st.sampled_from(
    [np.dtype(f"{order}{kind}{size}") for kind, sizes in KINDS.items() for size in sizes for order in "<>"]
)


@st.composite
def arrays(draw: st.DrawFn, shapes: st.SearchStrategy[list[int]]) -> np.ndarray:
    """Any bits, not-a-numbers of all kinds included, in any order of bytes and of elements."""
    dtype, shape = draw(DTYPES), draw(shapes)
    size = int(np.prod(shape)) * dtype.itemsize
    bits = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8)
    return (bits % 2 if dtype.kind == "b" else bits).view(dtype).reshape(shape)


ARRAYS = arrays(st.lists(st.integers(0, 3), max_size=4))
FORTRAN = ARRAYS.map(np.asfortranarray)
SCALARS = arrays(st.just([])).map(lambda array: array.astype(array.dtype.newbyteorder("="))[()])
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats()
    | st.text(st.characters(codec="utf-8"), max_size=20)
    | st.binary(max_size=40)
)
KEYS = st.text(st.characters(codec="utf-8"), max_size=12).filter(lambda key: key not in MARKS)
IMAGES = st.builds(
    lambda height, width, channels, bits: EncodedImage.of(
        np.frombuffer(bits, np.uint8)[: height * width * channels].reshape(height, width, channels)
    ),
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from([1, 3, 4]),
    st.binary(min_size=144, max_size=144),
)

CONFIGS = st.builds(
    lambda steps, keys, more: ModalityConfig({"delta_indices": steps, "modality_keys": keys, "more": more}),
    st.lists(st.integers(-100, 100), max_size=4),
    st.lists(KEYS, max_size=4),
    st.none()
    | st.dictionaries(KEYS, st.booleans() | st.floats(allow_nan=False, allow_infinity=False), max_size=2),
)


def trees(codec: Codec) -> st.SearchStrategy[Any]:
    """Whatever the dialect has a form for."""
    leaves = PLAIN | ARRAYS
    if codec.dialect in ("openpi", "GR00T N1.7"):
        # float64 is a float, and comes back as one
        leaves |= SCALARS.filter(lambda number: number.dtype != np.float64)
    if codec.dialect.startswith("GR00T"):
        leaves |= CONFIGS
    if codec.dialect in ("GR00T N1.5", "GR00T N1.6"):
        leaves |= FORTRAN
    if codec.dialect == "vla-eval":
        leaves |= IMAGES
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
        max_leaves=6,
    )


def openpi_array(**changes: object) -> dict[bytes, object]:
    """The map of an array of zeros ``[2, 2, 3]`` in openpi's dialect, with some of its entries changed."""
    entries = {"__ndarray__": True, "data": bytes(12), "dtype": "|u1", "shape": [2, 2, 3]} | changes
    return {key.encode(): value for key, value in entries.items() if value is not ...}


def pack(message: object) -> bytes:
    """msgpack as it is, without any dialect."""
    return msgpack.packb(message)
