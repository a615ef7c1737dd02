"""What is read of msgpack is what the package `msgpack` reads, for any value that the dialects may hold."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.serve.errors import ProtocolError
from policy.serve.limits import DEFAULT_LIMITS
from policy.serve.msgpack_reader import LONG, read_value

PLAIN = (
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(allow_nan=False, width=32)
)
LEAVES = PLAIN | st.text(max_size=40) | st.binary(max_size=40)
KEYS = st.text(max_size=20) | st.binary(max_size=20)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(KEYS, inner, max_size=20),
    max_leaves=40,
)


@given(VALUES, st.booleans())
def test_what_is_written_is_read_back(value, single):
    data = msgpack.packb(value, use_single_float=single)
    assert read_value(data, DEFAULT_LIMITS, ("test",)) == msgpack.unpackb(data, strict_map_key=False)


@given(VALUES, st.data())
def test_no_part_of_a_message_is_one(value, data):
    whole = msgpack.packb(value)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ProtocolError, match=r"early|before the"):
        read_value(whole[:cut], DEFAULT_LIMITS, ("test",))


@pytest.mark.parametrize("length", [0, 31, 32, 255, 256, LONG - 1, LONG, 65535, 65536])
def test_lengths_at_which_the_form_changes(length):
    for value in ("x" * length, bytes(length), [0] * length, {str(i): i for i in range(min(length, 40_000))}):
        read = read_value(msgpack.packb(value), DEFAULT_LIMITS, ("test",))
        assert (bytes(read) if isinstance(value, bytes) else read) == value


def test_long_bytes_are_not_copied():
    data = msgpack.packb({"picture": bytes(LONG)})
    picture = read_value(data, DEFAULT_LIMITS, ("test",))["picture"]
    assert isinstance(picture, memoryview)
    assert picture.readonly
    assert picture.obj is data


def test_the_place_of_what_is_wrong_is_named():
    with pytest.raises(ProtocolError) as refusal:
        read_value(b"\x81\xa1a\x92\x00\x81\xc4\x01b\xc1", DEFAULT_LIMITS, ("test",))
    assert refusal.value.path == ("test", "a", 1, b"b")
