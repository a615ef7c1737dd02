"""An array read or written at sight is the one that is read or written value by value."""

from dataclasses import replace

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.serve.codec import Codec
from policy.serve.errors import ProtocolError
from policy.serve.limits import DEFAULT_LIMITS
from policy.serve.openpi_arrays import OpenpiMarks
from policy.serve.vla_eval_arrays import VlaEvalMarks

KINDS = ["|u1", "<i2", "<f4", ">f4", "<f8", "<u8", "|b1", "<f2"]
SHAPES = st.lists(st.integers(0, 5), max_size=6) | st.lists(st.sampled_from([0, 1, 70, 300]), max_size=2)


def codecs(marks):
    """The codec, and one that looks at every value."""
    closely = marks()
    closely.quick = None
    return Codec("test", marks()), Codec("test", closely)


def openpi_marks():
    return OpenpiMarks("test")


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("marks", [openpi_marks, VlaEvalMarks])
@given(SHAPES, st.sampled_from(KINDS), st.booleans(), st.integers(0, 9))
def test_bytes_and_arrays_are_the_same(marks, shape, kind, fortran, odd):
    quick, closely = codecs(marks)
    count = int(np.prod(shape))
    array = (np.arange(count) % 2).astype(kind).reshape(shape, order="F" if fortran else "C")
    tree = {"x" * odd: array, "again": [array]}
    sent = quick.encode(tree)
    assert sent == closely.encode(tree)
    for _ in range(2):  # the second time the shape is known
        for data in (sent, bytearray(sent)):
            read = quick.decode(data)
            assert all(same(found, array) for found in (read["x" * odd], *read["again"]))
            assert read["again"][0].flags.aligned


def mutilated():
    """Messages with an array that is none: it says another size, type, key or mark, or ends early."""
    whole = Codec("test", openpi_marks()).encode({"a": np.zeros((4, 5, 3), np.float32)})
    for old, new in (
        (b"<f4", b"<f8"),
        (b"<f4", b"|O8"),
        (b"\x93\x04\x05\x03", b"\x93\x04\x05\x04"),
        (b"\x93\x04\x05\x03", b"\x93\x04\x05\xff"),
        (b"shape", b"shapf"),
        (b"\xc3\xc4\x04data", b"\xc2\xc4\x04data"),
        (b"\xc4\xf0", b"\xc4\xef"),
    ):
        assert whole.count(old) == 1
        yield whole.replace(old, new)
    yield from (whole[:cut] for cut in range(1, len(whole)))


def test_what_is_wrong_is_refused_in_the_same_words():
    quick, closely = codecs(openpi_marks)
    quick.encode({"a": np.zeros((4, 5, 3), np.float32)})
    for data in mutilated():
        with pytest.raises(ProtocolError) as expected:
            closely.decode(data)
        with pytest.raises(ProtocolError) as found:
            quick.decode(data)
        assert str(found.value) == str(expected.value)


@pytest.mark.parametrize(
    "limits", [{"depth": 2}, {"dimensions": 2}, {"values": 12}, {"values": 13}, {"values": 14}]
)
def test_limits_hold_for_what_is_known(limits):
    quick, closely = codecs(openpi_marks)
    data = quick.encode({"a": np.zeros((4, 5, 3), np.float32)})
    quick.decode(data)
    told = []
    for codec in (quick, closely):
        try:
            told.append(codec.decode(data, replace(DEFAULT_LIMITS, **limits))["a"].shape)
        except ProtocolError as refusal:
            told.append(str(refusal))
    assert told[0] == told[1]


def test_no_more_shapes_are_remembered_than_stated():
    codec = Codec("test", openpi_marks())
    for size in range(1, 1000):
        codec.decode(codec.encode(np.zeros(size, np.uint8)))
    assert len(codec.marks.quick._known) <= 256
    assert len(codec.marks.quick._around) <= 256


def test_a_message_in_memory_of_its_own_is_not_copied():
    data = bytearray(Codec("test", openpi_marks()).encode({"a": np.arange(4096, dtype=np.uint8)}))
    array = Codec("test", openpi_marks()).decode(data)["a"]
    assert array.flags.writeable
    data[data.index(bytes(range(256)))] = 77
    assert array[0] == 77
    assert not Codec("test", openpi_marks()).decode(bytes(data))["a"].flags.writeable


def test_trailing_bytes_and_maps_that_only_begin_alike_are_told_apart():
    codec = Codec("test", openpi_marks())
    data = codec.encode(np.zeros(3, np.uint8))
    with pytest.raises(ProtocolError, match="follow after its end"):
        codec.decode(data + b"\x00")
    with pytest.raises(ProtocolError, match="has the keys"):
        codec.decode(
            b"\x84"
            + b"".join(map(msgpack.packb, (b"__ndarray__", True, b"data", b"", b"dtype", "|u1", b"x", 0)))
        )
