"""Whatever arrives, there is a message or a sentence, and never more memory than the limits allow."""

import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np
import pytest

from policy.serve import dreamzero, gr00t, internvla_m1, openpi, roboarena, starvla, vla_eval
from policy.serve.errors import ProtocolError, ServerError
from policy.serve.images import EncodedImage
from policy.serve.limits import Limits
from policy.serve.modality_config import ModalityConfig
from tests.policy.serve.frames import frames

PICTURE, STATE = np.arange(60, dtype=np.uint8).reshape(4, 5, 3), np.linspace(-1, 1, 8, dtype=np.float32)
CHUNK = np.zeros((1, 3, 7), np.float32)
CONFIG = ModalityConfig({"delta_indices": [0, 1], "modality_keys": ["arm", "gripper"]})
LIMITS = Limits(message_bytes=1 << 20, values=2000, image_bytes=1 << 20)


def gr00t_case(
    version: gr00t.Version, observation: object, action: object
) -> list[tuple[bytes, list[Callable]]]:
    def read(data: bytes) -> object:
        return gr00t.actions(gr00t.decode_reply(data, version, LIMITS), version)

    readers = [
        lambda data: gr00t.decode_request(data, version, LIMITS),
        lambda data: gr00t.decode_reply(data, version, LIMITS),
        read,
    ]
    request = {"endpoint": "get_action", "data": observation, "api_token": "secret"}
    return [(gr00t.encode(message, version), readers) for message in (request, action, {"video": CONFIG})]


def cases() -> list[tuple[bytes, list[Callable[[bytes], Any]]]]:
    """Messages of every dialect, and what reads them."""
    infer = {"observation/image": PICTURE, "observation/state": STATE, "prompt": "put é", "endpoint": "infer"}
    needs = {"image_resolution": [224, 224], "needs_wrist_camera": True, "n_external_cameras": 1}
    needs |= {"needs_stereo_camera": False, "needs_session_id": False, "action_space": "joint_position"}
    reply = {"actions": CHUNK[0], "gripper": np.float32(0.5), "server_timing": {"infer_ms": 1.5}}
    status = {"status": "ok", "ok": True, "type": "inference_result", "request_id": "r"}
    images = {"front": EncodedImage.of(PICTURE), "wrist": EncodedImage.of(PICTURE, "jpeg"), "raw": PICTURE}
    m1 = {"batch_images": [[PICTURE]], "instructions": ["put"]}
    example = {"examples": [{"image": [PICTURE], "lang": "put"}]}
    nested = {
        "observation": {"video": {"ego": PICTURE[None, None]}, "language": {"task": [["put"]]}},
        "options": None,
    }
    openpi_readers = [
        lambda data: openpi.decode_request(data, LIMITS),
        lambda data: openpi.server_times(openpi.decode_reply(data, LIMITS)),
        lambda data: openpi.actions(openpi.decode_reply(data, LIMITS)),
        lambda data: roboarena.decode_request(data, LIMITS),
        lambda data: roboarena.decode_metadata(data, LIMITS),
        lambda data: dreamzero.decode_reply(data, LIMITS),
    ]
    m1_readers = [
        lambda data: internvla_m1.decode_request(data, LIMITS),
        lambda data: internvla_m1.normalised_actions(internvla_m1.decode_reply(data, LIMITS)),
        lambda data: starvla.decode_request(data, LIMITS),
        lambda data: starvla.actions(starvla.decode_reply(data, LIMITS)),
        lambda data: starvla.decode_metadata(data, LIMITS),
    ]

    def read_action(data: bytes) -> object:
        return vla_eval.actions(vla_eval.decode(data, LIMITS))

    found: list[tuple[bytes, list[Callable[[bytes], Any]]]] = []
    found += [(openpi.encode(message), openpi_readers) for message in (infer, needs, reply, CHUNK[0])]
    for message in (
        {"type": "infer", "request_id": "r", "payload": m1},
        example,
        status | {"data": {"raw_action": {"normalized_actions": CHUNK}}},
        status | {"data": {"actions": CHUNK}},
        status | {"status": "error", "ok": False, "error": {"message": "no"}},
    ):
        found.append((starvla.encode(message), m1_readers))
    for kind, payload in (
        ("observation", {"images": images, "task_description": "put", "states": STATE}),
        ("action", {"actions": STATE}),
        ("error", {"error": "no"}),
    ):
        data = vla_eval.encode(vla_eval.Message(kind, payload, 3, 1.5))
        found.append((data, [lambda data: vla_eval.decode(data, LIMITS), read_action]))
    found += gr00t_case(
        "n1.5", {"video.ego": PICTURE[None], "annotation.task": ["put"]}, {"action.arm": CHUNK[0]}
    )
    found += gr00t_case("n1.6", nested, [{"arm": CHUNK}, {}])
    found += gr00t_case("n1.7", nested, [{"action.arm": CHUNK}, {"x": np.float32(1)}])
    return found


def damaged(data: bytes, draw: random.Random) -> bytes:
    """The message with one to three things wrong: a byte, a bit, a piece cut out, doubled, or put in."""
    said = bytearray(data)
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(said) + 1)
        end = min(len(said), at + draw.randint(1, 8))
        match draw.randrange(6):
            case 0:
                said[at : at + 1] = bytes([draw.randrange(256)])
            case 1 if at < len(said):
                said[at] ^= 1 << draw.randrange(8)
            case 2:
                del said[at:end]
            case 3:
                said[at:at] = said[at:end]
            case 4:
                said[at : at + 5] = draw.choice([b"\xdd", b"\xdf", b"\xc6", b"\xdb"]) + draw.randbytes(4)
            case 5:
                del said[at:]
    return bytes(said)


def read(readers: list[Callable[[bytes], Any]], data: bytes) -> int:
    """How many readers took a message; anything but a message or a sentence is an error of the test."""
    taken = 0
    for reader in readers:
        try:
            reader(data)
            taken += 1
        except (ProtocolError, ServerError):
            continue
    return taken


def test_damaged_messages_give_a_message_or_a_sentence():
    draw = random.Random(1)
    taken = refused = 0
    for data, readers in cases():
        assert read(readers, data) or b"error" in data, "the whole message is not read"
        for _ in range(100):
            count = read(readers, damaged(data, draw))
            taken, refused = taken + count, refused + len(readers) - count
    assert taken > 200, "damage in a pixel leaves a message"
    assert refused > 2000


def test_a_message_that_is_cut_anywhere_is_refused():
    for data, readers in cases():
        assert not any(read(readers, data[:end]) for end in range(0, len(data), 7))


def test_damaged_recorded_frames_give_a_message_or_a_sentence():
    draw = random.Random(2)
    recorded = frames("vla-eval") + frames("gr00t-n16") + frames("openpi")
    if not recorded:
        pytest.skip("WORKBENCH_TEST_DATA is not set")
    readers = list({id(each): each for _, case in cases() for each in case}.values())
    taken = [read(readers, damaged(each.data, draw)) for each in recorded for _ in range(3)]
    assert 0 < sum(taken) < len(taken) * len(readers)


def most_allocated(codec: Any, data: bytes, limits: Limits) -> int:
    """The most memory that decoding took at any time [bytes]."""
    tracemalloc.start()
    try:
        codec.decode(data, limits)
    except ProtocolError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak


MIB = 1 << 20
HUGE = [1 << 25, 1 << 25]
BOMBS = {
    "announced arrays in each other": b"\xdd\x00\x0f\x00\x00" * 200_000,
    "announced maps in each other": b"\xdf\x00\x07\x00\x00\xa1k" * 140_000,
    "announced bytes": b"\xc6\xff\xff\xff\xff" + bytes(100),
    "many empty maps": b"\xdd" + (9_990).to_bytes(4) + b"\x80" * 9_990,
    "many maps of one": b"\xdd" + (3_000).to_bytes(4) + b"\x81\xa4abcd\x80" * 3_000,
    "many floats": b"\xdd" + (9_990).to_bytes(4) + (b"\xcb" + bytes(8)) * 9_990,
    "one long text": b"\xdb" + MIB.to_bytes(4) + b"x" * MIB,
    "texts beyond ASCII": msgpack.packb(["é" * 500_000] * 8),
    "long bytes": msgpack.packb(bytes(8 * MIB)),
    "an array of 10^15 numbers": msgpack.packb(
        {b"__ndarray__": True, b"data": bytes(8), b"dtype": "<f8", b"shape": HUGE}
    ),
    "an npy header of 10^15 numbers": msgpack.packb(
        {
            "__ndarray_class__": True,
            "as_npy": b"\x93NUMPY\x01\x00\x50\x00"
            + b"{'descr': '<f8', 'fortran_order': False, 'shape': (33554432, 33554432)}".ljust(80),
        }
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_message_makes_its_reader_allocate_beyond_the_limits(bomb):
    data = BOMBS[bomb]
    limits = Limits(values=10_000)
    for codec in (openpi.CODEC, *gr00t.CODECS.values(), vla_eval.CODEC):
        allowed = 2 * len(data) + 128 * min(limits.values, len(data)) + 100_000
        assert most_allocated(codec, data, limits) < allowed


def test_msgpack_alone_would_allocate_what_a_header_announces():
    """Forty thousand times the message: the reason to look at structure first."""
    data = (b"\xdd" + (20_000).to_bytes(4)) * 500 + bytes(20_000)
    tracemalloc.start()
    with pytest.raises(ValueError, match="incomplete"):
        msgpack.unpackb(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak > 1000 * len(data)
    assert most_allocated(openpi.CODEC, data, Limits()) < 100_000
