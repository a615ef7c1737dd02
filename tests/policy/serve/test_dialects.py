"""What a message must hold in each dialect, and what is said when it does not."""

import numpy as np
import pytest

from policy.serve import dreamzero, gr00t, internvla_m1, openpi, roboarena, starvla, vla_eval
from policy.serve.errors import ProtocolError, ServerError
from tests.policy.serve.messages import pack

PICTURE = np.zeros((4, 5, 3), np.uint8)
CHUNK = np.zeros((2, 8), np.float32)
TRACEBACK = (
    'Traceback (most recent call last):\n  File "server.py", line 3, in infer\nValueError: no such key\n'
)
NEEDS = {
    "image_resolution": [180, 320],
    "needs_wrist_camera": True,
    "n_external_cameras": 2,
    "needs_stereo_camera": False,
    "needs_session_id": True,
    "action_space": "joint_position",
}
OK = {"status": "ok", "ok": True, "type": "inference_result", "request_id": "r"}


@pytest.mark.parametrize("dialect", [openpi, roboarena, dreamzero, internvla_m1, starvla])
def test_a_traceback_sent_as_text_is_the_servers_failure(dialect):
    for read in (dialect.decode_reply, dialect.decode_metadata):
        with pytest.raises(ServerError, match=r"^the policy's server failed: ValueError: no such key$"):
            read(TRACEBACK)


def test_a_reset_is_answered_by_text():
    roboarena.check_reset_reply("reset successful")
    with pytest.raises(ServerError, match="did not reset: ValueError: no such key"):
        roboarena.check_reset_reply(TRACEBACK)
    with pytest.raises(ProtocolError, match="this frame is binary"):
        roboarena.check_reset_reply(roboarena.encode({"actions": CHUNK}))


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ({}, r"\['actions'\]: it is nil, not an array of numbers"),
        ({"actions": [[0.0]]}, r"\['actions'\]: it is a list, not an array"),
        (
            {"actions": np.zeros((2, 8), bool)},
            r"\['actions'\]: it is an array of bool, not an array of numbers",
        ),
        ({"actions": np.zeros(8)}, r"\['actions'\]: its shape is \(8,\), not one of 2 dimensions"),
        (
            {"actions": np.zeros((0, 8))},
            r"\['actions'\]: its shape is \(0, 8\), not one of 2 dimensions without",
        ),
    ],
    ids=str,
)
def test_a_reply_without_a_chunk_of_actions_is_refused(reply, sentence):
    with pytest.raises(ProtocolError, match=sentence):
        openpi.actions(openpi.decode_reply(openpi.encode(reply)))
    with pytest.raises(ProtocolError, match=sentence):
        roboarena.decode_reply(roboarena.encode(reply))


def test_roboarena_chunks_arrive_bare_or_in_a_map():
    for read in (roboarena.decode_reply, dreamzero.decode_reply):
        assert read(openpi.encode(CHUNK)).shape == read(openpi.encode({"actions": CHUNK})).shape == (2, 8)
        with pytest.raises(ProtocolError, match="it is text, neither an array of actions nor a map"):
            read(openpi.encode("hello"))


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"prompt": 3}, r"\['prompt'\]: it is a whole number, not text"),
        ({"observation/image": [[1]]}, r"\['observation/image'\]: it is a list, not an array or a number"),
        (
            {"observation/state": True},
            r"\['observation/state'\]: it is true or false, not an array or a number",
        ),
    ],
    ids=str,
)
def test_observations_of_the_wrong_kind_are_refused(request_, sentence):
    for read in (openpi.decode_request, lambda data: roboarena.decode_request(data)):
        with pytest.raises(ProtocolError, match=sentence):
            read(openpi.encode({"endpoint": "infer"} | request_))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"endpoint": "dance"}, r"\['endpoint'\]: it is 'dance', not one of infer, reset"),
        ({"session_id": 3}, r"\['session_id'\]: it is a whole number, not text"),
        ({"session_ids": ["a", 3]}, r"\['session_ids'\]\[1\]: it is a whole number, not text"),
    ],
    ids=str,
)
def test_requests_that_roboarena_servers_would_misread_are_refused(changes, sentence):
    for read in (roboarena.decode_request, dreamzero.decode_request):
        with pytest.raises(ProtocolError, match=sentence):
            read(openpi.encode({"endpoint": "reset"} | changes))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"image_resolution": [224]}, r"\['image_resolution'\]: it is \[224\], not height and width"),
        ({"image_resolution": [224, 0]}, "not height and width"),
        ({"n_external_cameras": -1}, r"\['n_external_cameras'\]: it is -1, not a number of cameras"),
        ({"n_external_cameras": True}, r"\['n_external_cameras'\]: it is true or false, not a whole number"),
        ({"needs_wrist_camera": 1}, r"\['needs_wrist_camera'\]: it is a whole number, not true or false"),
        ({"action_space": None}, r"\['action_space'\]: it is nil, not text"),
    ],
    ids=str,
)
def test_a_server_that_does_not_say_what_it_needs_is_refused(changes, sentence):
    assert dreamzero.decode_metadata(pack(NEEDS)).image_resolution == (180, 320)
    assert roboarena.decode_metadata(pack(NEEDS | {"image_resolution": None})).image_resolution is None
    with pytest.raises(ProtocolError, match=sentence):
        roboarena.decode_metadata(pack(NEEDS | changes))


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ({**OK, "ok": False}, r"\['status'\]: it is 'ok', not one of error"),
        ({**OK, "status": "error"}, r"\['status'\]: it is 'error', not one of ok"),
        ({**OK, "status": "fine"}, r"\['status'\]: it is 'fine', not one of ok, error"),
        ({**OK, "ok": 1}, r"\['ok'\]: it is a whole number, not true or false"),
        ({**OK, "data": [1]}, r"\['data'\]: it is a list, not a map"),
        ({key: value for key, value in OK.items() if key != "request_id"}, "it lacks 'request_id'"),
    ],
    ids=str,
)
def test_a_reply_that_contradicts_itself_is_refused(reply, sentence):
    for read in (internvla_m1.decode_reply, starvla.decode_reply):
        with pytest.raises(ProtocolError, match=sentence):
            read(starvla.encode(reply))


def test_a_failure_without_a_reason_is_one_all_the_same():
    for error in ({}, {"error": {}}, {"error": None}):
        reply = starvla.decode_reply(starvla.encode({**OK, "status": "error", "ok": False} | error))
        with pytest.raises(ServerError, match=r"refused request 'r': \(it does not say why\)"):
            reply.answered()
    with pytest.raises(ServerError, match=r"refused: \(it does not say why\)"):
        gr00t.decode_reply(gr00t.encode({"error": ""}, "n1.6"), "n1.6")


def test_what_a_server_says_of_its_failure_is_told_on_one_line_and_cut():
    said = "first\n\x1b[31msecond" + " and more" * 1000
    for problem in (
        lambda: gr00t.decode_reply(gr00t.encode({"error": said}, "n1.7"), "n1.7"),
        lambda: vla_eval.actions(vla_eval.Message("error", {"error": said}, 3, 1.5)),
        lambda: openpi.decode_reply(said.replace("\n", " ")),
    ):
        with pytest.raises(ServerError) as caught:
            problem()
        told = str(caught.value)
        assert "first \N{REPLACEMENT CHARACTER}[31msecond and more" in told
        assert told.isprintable()
        assert len(told) < 600
        assert caught.value.said.endswith("and more"), "the whole is kept"


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (
            {"batch_images": [[PICTURE], [PICTURE]], "instructions": ["a"]},
            "there are 1 for 2 samples of pictures",
        ),
        ({"batch_images": [[PICTURE]]}, r"\['instructions'\]: it is nil, not a list"),
        (
            {"batch_images": [PICTURE], "instructions": ["a"]},
            r"\['batch_images'\]\[0\]: it is an array of uint8, not a",
        ),
        (
            {"batch_images": [[PICTURE.astype(np.float32)]], "instructions": ["a"]},
            r"\['batch_images'\]\[0\]\[0\]: it is float32 of shape \(4, 5, 3\), not uint8 \[H, W, 3\]",
        ),
    ],
    ids=lambda value: str(value)[:20],
)
def test_m1_pictures_and_instructions_must_fit_each_other(payload, sentence):
    for request in (payload, {"type": "infer", "payload": payload}):
        with pytest.raises(ProtocolError, match=sentence):
            internvla_m1.decode_request(internvla_m1.encode(request))


def test_starvla_examples_need_pictures_and_an_instruction():
    whole = {"image": [PICTURE], "lang": "put"}
    assert starvla.decode_request(starvla.encode({"examples": [whole]})).request_id == "default"
    for missing in whole:
        example = {key: value for key, value in whole.items() if key != missing}
        with pytest.raises(ProtocolError, match=rf"\['examples'\]\[0\]: it lacks '{missing}'"):
            starvla.decode_request(starvla.encode({"type": "infer", "payload": {"examples": [example]}}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"seq": -1}, r"\['seq'\]: it is -1, not a number of a message"),
        ({"seq": 1.0}, r"\['seq'\]: it is a number, not a whole number"),
        ({"timestamp": float("nan")}, r"\['timestamp'\]: it is nan, not a finite number"),
        ({"timestamp": "now"}, r"\['timestamp'\]: it is 'now', not a finite number"),
        ({"payload": []}, r"\['payload'\]: it is a list, not a map"),
        ({"payload": {"images": {"cam": 3}}}, r"\['images'\]\['cam'\]: it is a whole number, not an array"),
        ({"payload": {"task_description": 3}}, r"\['task_description'\]: it is a whole number, not text"),
    ],
    ids=str,
)
def test_an_envelope_of_vla_eval_is_whole(changes, sentence):
    envelope = {"type": "observation", "payload": {}, "seq": 3, "timestamp": 1.5}
    assert vla_eval.decode(pack(envelope)).seq == 3
    with pytest.raises(ProtocolError, match=sentence):
        vla_eval.decode(pack(envelope | changes))
    for missing in envelope:
        with pytest.raises(ProtocolError, match=f"vla-eval message: it lacks '{missing}'"):
            vla_eval.decode(pack({key: value for key, value in envelope.items() if key != missing}))


def test_an_observation_is_no_answer_to_an_observation():
    message = vla_eval.Message("observation", {"actions": CHUNK}, 3, 1.5)
    with pytest.raises(ProtocolError, match=r"\['type'\]: it is 'observation', not one of action"):
        vla_eval.actions(message)


@pytest.mark.parametrize(
    ("version", "reply", "sentence"),
    [
        ("n1.5", [{"action.arm": CHUNK}, {}], "GR00T N1.5 message: it is a list, not a map"),
        ("n1.6", {"arm": CHUNK[None]}, "GR00T N1.6 message: it is a map, not a list"),
        ("n1.6", [{"arm": CHUNK[None]}], "it is a list of 1, not of actions and information"),
        ("n1.7", [{"arm": CHUNK[None]}, None], r"message\[1\]: it is nil, not a map"),
        ("n1.7", [{}, {}], r"message\[0\]: its parts are not of one length each"),
        (
            "n1.7",
            [{"arm": CHUNK[None], "action.arm": CHUNK[None]}, {}],
            r"\['action.arm'\]: .* the part 'arm' twice",
        ),
        ("n1.7", [{"arm": CHUNK[None], "hand": CHUNK[None, :1]}, {}], "its parts are not of one length each"),
        ("n1.6", [{"arm": CHUNK}, {}], r"\[0\]\['arm'\]: its shape is \(2, 8\), not one of 3 dimensions"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_action_of_gr00t_is_refused(version, reply, sentence):
    with pytest.raises(ProtocolError, match=sentence):
        gr00t.actions(gr00t.decode_reply(gr00t.encode(reply, version), version), version)


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"data": {}}, "it lacks 'endpoint', which must be text"),
        ({"endpoint": "get_action"}, "it lacks 'data', which must be a map"),
        ({"endpoint": "get_action", "data": {"video.x": PICTURE}}, r"\['data'\]: it lacks 'observation'"),
        (
            {"endpoint": "reset", "data": {"options": 3}},
            r"\['data'\]\['options'\]: it is a whole number, not a map",
        ),
        ({"endpoint": "ping", "api_token": 3}, r"\['api_token'\]: it is a whole number, not text"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_request_that_gr00t_cannot_serve_is_refused(request_, sentence):
    for version in ("n1.6", "n1.7"):
        with pytest.raises(ProtocolError, match=sentence):
            gr00t.decode_request(gr00t.encode(request_, version), version)
