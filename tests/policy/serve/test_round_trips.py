"""What is sent is what arrives, in every dialect."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.serve import vla_eval
from policy.serve.errors import ProtocolError
from policy.serve.images import EncodedImage
from tests.policy.serve.frames import CODECS, same
from tests.policy.serve.messages import CONFIGS, IMAGES, trees

DISTINCT = {name: CODECS[name] for name in ("openpi", "gr00t-n15", "gr00t-n16", "gr00t-n17", "vla-eval")}


@pytest.mark.parametrize("dialect", DISTINCT)
@settings(max_examples=30)
@given(data=st.data())
def test_a_message_arrives_as_it_was_sent(dialect, data):
    codec = DISTINCT[dialect]
    message = data.draw(trees(codec))
    said = codec.encode(message)
    assert same(codec.decode(said), message)
    assert codec.encode(codec.decode(said)) == said


def test_arrays_that_are_not_contiguous_arrive_whole():
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)[:, ::-1]
    for codec in DISTINCT.values():
        assert np.array_equal(codec.decode(codec.encode({"picture": picture}))["picture"], picture)


def test_arrays_that_arrive_cannot_be_written_to():
    for codec in DISTINCT.values():
        assert not codec.decode(codec.encode([np.zeros(3)]))[0].flags.writeable


def test_float64_numbers_of_numpy_travel_as_plain_floats_everywhere():
    for codec in DISTINCT.values():
        assert codec.encode([np.float64(0.5)]) == codec.encode([0.5])


def test_vla_eval_sends_numbers_of_numpy_as_plain_ones_and_n16_has_no_form_for_them():
    assert vla_eval.CODEC.decode(vla_eval.CODEC.encode([np.float32(0.5), np.int64(3), np.True_])) == [
        0.5,
        3,
        True,
    ]
    for number in (np.float32(0.5), np.int64(3), np.True_):
        with pytest.raises(
            ProtocolError, match=r"message\['x'\]: a value of type .* has no form in GR00T N1.6"
        ):
            CODECS["gr00t-n16"].encode({"x": number})


@settings(max_examples=25)
@given(CONFIGS)
def test_modality_configs_arrive_as_they_were_sent(config):
    for dialect in ("gr00t-n15", "gr00t-n16", "gr00t-n17"):
        assert CODECS[dialect].decode(CODECS[dialect].encode([config])) == [config]


@settings(max_examples=25)
@given(IMAGES)
def test_png_loses_nothing(image):
    (arrived,) = vla_eval.CODEC.decode(vla_eval.CODEC.encode([image]))
    assert np.array_equal(arrived.pixels, image.pixels)
    assert arrived.data == image.data


def test_jpeg_stays_near_what_it_was():
    picture = np.full((16, 16, 3), (200, 120, 40), np.uint8)
    (arrived,) = vla_eval.CODEC.decode(vla_eval.CODEC.encode([EncodedImage.of(picture, "jpeg")]))
    assert np.abs(arrived.pixels.astype(int) - picture).max() <= 3


class Strange:
    """Something that no dialect has a form for."""

    def __repr__(self):
        return "Strange()"  # a test's name must not change from process to process


@pytest.mark.parametrize("dialect", DISTINCT)
@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ({"a": [Strange()]}, r"\['a'\]\[0\]: a value of type Strange has no form"),
        ({"a": np.array([None])}, r"\['a'\]: an array of object cannot be sent"),
        ({"a": np.array(["x"])}, r"\['a'\]: an array of <U1 cannot be sent"),
        ({"a": np.zeros(2, complex)}, r"\['a'\]: an array of complex128 cannot be sent"),
        ({"a": np.zeros(2, np.longdouble)}, r"\['a'\]: an array of float128 cannot be sent"),
        ({"a": np.zeros(2, "i4,f4")}, r"\['a'\]: an array of .* cannot be sent"),
        ({"a": 1 << 64}, r"\['a'\]: 18446744073709551616 does not fit into 64 bits"),
        ({"a": "\ud800"}, r"\['a'\]: the text '\\ud800' has no form in UTF-8"),
        ({3: "a"}, "the key 3 is not text"),
        ({b"nd": True}, "the key b'nd' is not text"),
        ({"__ndarray__": True}, "the key '__ndarray__' is reserved"),
    ],
    ids=str,
)
def test_what_has_no_form_is_not_sent(dialect, message, sentence):
    with pytest.raises(ProtocolError, match=sentence):
        DISTINCT[dialect].encode(message)


def test_a_message_that_contains_itself_is_not_sent():
    message: list[object] = []
    message.append(message)
    with pytest.raises(ProtocolError, match="nested deeper than 16 levels"):
        CODECS["openpi"].encode(message)
