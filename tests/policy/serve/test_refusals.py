"""Messages that public decoders take or break on are refused in one sentence that names the field."""

import json
import struct

import msgpack
import numpy as np
import pytest

from policy.serve.limits import Limits
from tests.policy.serve.frames import CODECS
from tests.policy.serve.messages import openpi_array, pack
from tests.policy.serve.refusal import N15, N16, N17, OPENPI, refusal


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"dtype": "|O"}, "dtype '|O' is not one of bool"),
        ({"dtype": "O"}, "dtype 'O' is not one of bool"),
        ({"dtype": "<U3"}, "dtype '<U3'"),
        ({"dtype": "|S12"}, "dtype '|S12'"),
        ({"dtype": "|V12"}, "dtype '|V12'"),
        ({"dtype": "<c8"}, "dtype '<c8'"),
        ({"dtype": "<M8[s]"}, "dtype '<M8[s]'"),
        ({"dtype": "u1,u1"}, "dtype 'u1,u1'"),
        ({"dtype": "<f16"}, "dtype '<f16'"),
        ({"dtype": "<i3"}, "dtype '<i3'"),
        ({"dtype": [["a", "|u1"]]}, "dtype [['a', '|u1']]"),
        ({"dtype": b"|u1"}, "dtype b'|u1'"),
        ({"dtype": None}, "dtype None"),
        ({"shape": [-1]}, "shape [-1] is not a list of whole numbers from 0 on"),
        ({"shape": [-2, -6]}, "shape [-2, -6] is not"),
        ({"shape": [12.0]}, "shape [12.0] is not"),
        ({"shape": [True, 12]}, "shape [True, 12] is not"),
        ({"shape": 12}, "shape 12 is not"),
        ({"shape": None}, "shape None is not"),
        ({"shape": [2, 2]}, "takes 4 bytes, and its data has 12"),
        ({"shape": [2, 2, 4]}, "takes 16 bytes, and its data has 12"),
        ({"shape": [1 << 62, 1 << 62]}, "is too large"),
        ({"shape": [1 << 20] * 8}, "and its data has 12"),
        ({"shape": [1] * 9 + [12]}, "more than 8 dimensions"),
        ({"shape": [0, 1 << 62], "data": b""}, "is too large"),
        ({"data": "x" * 12}, "its data is not bytes"),
        ({"data": [0] * 12}, "its data is not bytes"),
        ({"dtype": "|b1", "data": bytes([2] * 12)}, "something else than 0 and 1"),
        ({"__ndarray__": False}, "its mark is False, not True"),
        ({"__ndarray__": 1}, "its mark is 1, not True"),
        ({"order": "F"}, "an array has the keys"),
        ({"dtype": ...}, "an array has the keys"),
    ],
    ids=str,
)
def test_an_array_that_is_none_is_refused(changes, sentence):
    said = refusal(OPENPI, pack({"observation": [openpi_array(**changes)]}))
    assert said.startswith("openpi message['observation'][0]: ")
    assert sentence in said


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "the message ends 1 bytes too early"),
        (b"\xc1", "no value begins with the byte 0xc1"),
        (b"\xc0\xc0", "1 bytes follow after its end"),
        (b"\xdd\xff\xff\xff\xff", "ends before the 4294967295 values"),
        (b"\xdf\xff\xff\xff\xff", "ends before the 8589934590 values"),
        (b"\xc6\xff\xff\xff\xff", "ends 4294967295 bytes too early"),
        (b"\xdb\x7f\xff\xff\xff", "longer than the 1048576 allowed"),
        (b"\x91" * 17 + b"\xc0", "nested deeper than 16 levels"),
        (b"\x91" * 100_000, "nested deeper than 16 levels"),
        (b"\x81\xa1a" * 17 + b"\xc0", "nested deeper than 16 levels"),
        (b"\xdc\xff\xff" + b"\xdc\xff\xff" * 30_000, "holds more than 100000 values"),
        (b"\xa1\xff", "not UTF-8"),
        (b"\xa3\xed\xa0\x80", "not UTF-8"),
        (b"\xd4\x01\x00", "extension or time stamp"),
        (b"\xd6\xff" + bytes(4), "extension or time stamp"),
        (b"\xc7\x03\x01abc", "extension or time stamp"),
        (b"\x82\xa1a\x01\xa1a\x02", "the key 'a' twice"),
        (b"\x81\x01\x02", "neither text nor bytes"),
        (b"\x81\x91\x01\x02", "neither text nor bytes"),
        (b"\x81\xc0\x02", "neither text nor bytes"),
        (b"\x81\xda\x01\x01" + b"k" * 257 + b"\x01", "a key of 257 bytes is longer than the 256"),
        ("a traceback", "it is str, not bytes"),
        (None, "it is NoneType, not bytes"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bytes_that_are_no_message_are_refused_by_every_dialect(data, sentence):
    for codec in CODECS.values():
        said = refusal(codec, data)
        assert said.startswith(f"{codec.dialect} message")
        assert sentence in said


def test_limits_are_those_that_one_sets():
    message = pack({"a": [1, 2, 3]})
    assert OPENPI.decode(message, Limits(message_bytes=len(message), values=6, depth=2)) == {"a": [1, 2, 3]}
    assert "7 bytes long, more than the 6" in refusal(OPENPI, message, Limits(message_bytes=6))
    assert "more than 5 values" in refusal(OPENPI, message, Limits(values=5))
    assert "deeper than 1 levels" in refusal(OPENPI, message, Limits(depth=1))
    assert "longer than the 3 allowed" in refusal(OPENPI, pack("abcd"), Limits(text_bytes=3))


def test_keys_from_the_wire_are_shown_on_one_line_and_short():
    said = refusal(OPENPI, pack({"a\nb\x1b[31m" + "c" * 200: openpi_array(shape=[-1])}))
    assert r"'a\nb\x1b[31m" in said


MARKED = {
    "openpi": {"x": np.zeros(2)},
    "gr00t-n16": {"x": np.zeros(2)},
    "gr00t-n17": {"x": np.zeros(2)},
    "vla-eval": {"x": np.zeros(2)},
}


@pytest.mark.parametrize("sender", MARKED)
@pytest.mark.parametrize("reader", MARKED)
def test_an_array_of_another_dialect_is_an_error_and_not_a_map(sender, reader):
    said = CODECS[sender].encode(MARKED[sender])
    if sender == reader:
        assert np.array_equal(CODECS[reader].decode(said)["x"], np.zeros(2))
    else:
        assert "['x']: its key " in refusal(CODECS[reader], said)


@pytest.mark.parametrize(
    ("number", "dtype", "sentence"),
    [
        (300, "|u1", "300 is beyond the range of uint8"),
        (-1, "<u8", "beyond the range of uint64"),
        (1e300, "<f4", "beyond the range of float32"),
        (True, "<i4", "True is not a number of int32"),
        (1, "|b1", "1 is not a number of bool"),
        (0.5, "<i4", "0.5 is not a number of int32"),
        ("1", "<f4", "'1' is not a number of float32"),
        (None, "|O", "dtype '|O'"),
    ],
)
def test_a_number_that_is_not_of_its_type_is_refused(number, dtype, sentence):
    scalar = {b"__npgeneric__": True, b"data": number, b"dtype": dtype}
    assert sentence in refusal(OPENPI, pack({"x": scalar}))


def npy(header: str, data: bytes = bytes(12), version: bytes = b"\x01\x00") -> bytes:
    text = header.encode("latin-1")
    width = "<H" if version[0] == 1 else "<I"
    return b"\x93NUMPY" + version + struct.pack(width, len(text)) + text + data


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n"


@pytest.mark.parametrize(
    "file",
    [
        npy(GOOD),
        npy(GOOD, version=b"\x02\x00"),
        npy(GOOD, version=b"\x03\x00"),
        npy('{"shape": (3, ), "fortran_order": False, "descr": "<f4"}'),
        npy("{ 'descr' :'<f4','fortran_order':True,'shape':(3)}"),
    ],
)
def test_npy_files_of_other_writers_are_read(file):
    (array,) = N16.decode(pack([{"__ndarray_class__": True, "as_npy": file}]))
    assert array.dtype == np.float32
    assert array.shape == (3,)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (b"", "not the file that numpy.save writes"),
        (b"\x93NUMPY", "ends in its first bytes"),
        (npy(GOOD, version=b"\x04\x00"), "a version after 3.0"),
        (npy(GOOD)[:40], "is not whole"),
        (npy(GOOD, bytes(11)), "takes 12 bytes, and its data has 11"),
        (npy(GOOD, bytes(13)), "takes 12 bytes, and its data has 13"),
        (npy(GOOD + " " * 2000), "longer than 1024"),
        (npy(GOOD.replace("<f4", "|O")), "dtype '|O' is not one of"),
        (npy(GOOD.replace("'<f4'", "[('a', '<f4')]")), "is not that of an array of plain numbers"),
        (npy(GOOD.replace("(3,)", "(-3,)")), "is not that of"),
        (npy(GOOD.replace("(3,)", "(" + "9" * 300 + ",)")), "is too large"),
        (npy(GOOD.replace("(3,)", "(1 2)")), "is not that of"),
        (npy(GOOD.replace("(3,)", "(1000000000000,)")), "is too large"),
        (npy(GOOD.replace("False", "0")), "is not that of"),
        (npy(GOOD.replace("}", ", 'x': 1}")), "is not that of"),
        (npy(GOOD.replace("'shape': (3,), ", "")), "is not that of"),
        (npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}"), "is not that of"),
        (npy("__import__('os').system('true')"), "is not that of"),
        (npy("(" * 1000), "is not that of"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_an_npy_file_that_is_none_is_refused(file, sentence):
    for codec in (N15, N16):
        said = refusal(codec, pack({"q": {"__ndarray_class__": True, "as_npy": file}}))
        assert "['q']: " in said
        assert sentence in said


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({b"nd": True, b"type": "|u1", b"kind": b"O", b"shape": [1], b"data": b"."}, "its kind b'O'"),
        ({b"nd": True, b"type": "|u1", b"kind": b"V", b"shape": [1], b"data": b"."}, "its kind b'V'"),
        ({b"nd": True, b"type": [["a", "|u1"]], b"kind": b"", b"shape": [1], b"data": b"."}, "dtype [['a'"),
        ({b"nd": 2, b"type": "|u1", b"kind": b"", b"shape": [1], b"data": b"."}, "its mark is 2"),
        ({b"nd": False, b"type": "<f4", b"data": b"..."}, "takes 4 bytes, and its data has 3"),
        ({b"nd": False, b"type": "|O", b"data": b"...."}, "dtype '|O'"),
        ({b"complex": True, b"data": "(1+2j)"}, "it is a complex number"),
    ],
    ids=str,
)
def test_an_n17_array_that_is_none_is_refused(entries, sentence):
    assert sentence in refusal(N17, pack({"q": entries}))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("{", "as_json is not JSON"),
        ("[1]", "as_json is list, not a map"),
        ('{"delta_indices": [NaN], "modality_keys": []}', "as_json is not JSON ('JSON has no NaN')"),
        (
            '{"delta_indices": [0.5], "modality_keys": []}',
            "['delta_indices']: it is [0.5], not a list of whole",
        ),
        ('{"delta_indices": [0]}', "['modality_keys']: it is None, not a list of texts"),
        ("[" * 60_000, "as_json is not JSON"),
        ('{"delta_indices":[],"modality_keys":[],"x":' + "[" * 500 + "]" * 500 + "}", "deeper than 8 levels"),
        ('{"delta_indices":[],"modality_keys":[],"x":' + "9" * 5000 + "}", "as_json is not JSON"),
        ('{"delta_indices":[],"modality_keys":[],"x":1e999}', "has no form in JSON"),
        (" " * 70_000, "longer than 65536 characters"),
        ({"delta_indices": [0], "modality_keys": []}, "as_json is dict, not JSON text"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_n15_modality_config_that_is_none_is_refused(said, sentence):
    assert sentence in refusal(N15, pack({"video": {"__ModalityConfig_class__": True, "as_json": said}}))


def test_modality_configs_of_the_wrong_version_are_refused():
    entries = {"delta_indices": [0], "modality_keys": ["x"]}
    as_map, as_text = (
        {"__ModalityConfig_class__": True, "as_json": said} for said in (entries, json.dumps(entries))
    )
    assert "as_json is str, not a map" in refusal(N16, pack([as_text]))
    assert "'__ModalityConfig_class__' marks a ModalityConfig of GR00T N1.5" in refusal(N17, pack([as_map]))
    assert "a ModalityConfig has the keys" in refusal(
        N16, pack([{"__ModalityConfig_class__": True, "as_dict": entries}])
    )


def test_msgpack_alone_would_have_taken_some_of_these():
    """The reason for a check of our own before it: equal keys, extensions, and any number of values pass."""
    assert msgpack.unpackb(b"\x82\xa1a\x01\xa1a\x02") == {"a": 2}
    assert isinstance(msgpack.unpackb(b"\xc7\x03\x01abc"), msgpack.ExtType)
    assert len(msgpack.unpackb(b"\xdd" + (200_000).to_bytes(4) + b"\x90" * 200_000)) == 200_000
