"""What public clients and servers said is read as it was meant and said again to the byte; no malformed frame is."""

import pytest

from policy.serve import dreamzero, gr00t, internvla_m1, openpi, roboarena, starvla, vla_eval
from policy.serve.errors import ProtocolError, ServerError
from policy.serve.modality_config import ModalityConfig
from tests.policy.serve.frames import CODECS, all_frames, described, frame, frames, needs_frames, same

pytestmark = needs_frames


def test_every_dialect_has_recorded_frames():
    assert [dialect for dialect in CODECS if not frames(dialect)] == []
    assert len(all_frames()) > 100


@pytest.mark.parametrize("recorded", all_frames(), ids=str)
def test_a_frame_says_what_its_description_says(recorded):
    said = CODECS[recorded.dialect].decode(recorded.data)
    assert same(said, described(recorded.description["decoded"]))


@pytest.mark.parametrize("recorded", all_frames(), ids=str)
def test_a_frame_is_said_again_to_the_byte(recorded):
    codec = CODECS[recorded.dialect]
    assert codec.encode(codec.decode(recorded.data)) == recorded.data


READERS = {
    "openpi": openpi.decode_request,
    "vla-eval": vla_eval.decode,
    "gr00t": lambda data: gr00t.decode_request(data, "n1.6"),
    "gr00t-n16": lambda data: gr00t.decode_request(data, "n1.6"),
    "gr00t-n17": lambda data: gr00t.decode_request(data, "n1.7"),
}
SENTENCES = {
    "00": r"\['observation/image'\]: its dtype '\|O' is not one of bool",
    "01": r"\['observation/image'\]: shape .* takes 4 bytes, and its data has 12",
    "02": r"\['observation/image'\]: shape .* takes .* bytes, and its data has",
    "03": r"\['observation/image'\]: its shape \[-1\] is not a list of whole numbers from 0 on",
    "04": r"\['observation/image'\]: its key '__ndarray__' marks an array of numpy's, not one of openpi",
    "05": r"the message ends \d+ bytes too early",
    "06": r"openpi message: 1 bytes follow after its end",
    "07": r"openpi message: a key of this map is neither text nor bytes",
    "08": r"openpi message: it is a list, not a map",
    "09": r"openpi message: the message ends 1 bytes too early",
    "10": r"\['payload'\]\['images'\]\['cam'\]: its dtype '\|O' is not one of bool",
    "11": r"\['payload'\]\['images'\]\['cam'\]: its key b'__ndarray__' is bytes; keys of vla-eval are text",
    "12": r"\['type'\]: it is 'reset', not one of hello",
    "13": r"vla-eval message: it lacks 'timestamp'",
    "14": r"\['payload'\]\['images'\]\['cam'\]: its data is no png",
    "15": r"GR00T N1.6 message: it is not msgpack",
    "16": r"\['data'\]\['observation'\]\['state'\]\['q'\]: its npy file ends in its first bytes",
    "17": r"\['data'\]\['observation'\]\['state'\]\['q'\]: its kind b'O' is not that of plain numbers",
}


@pytest.mark.parametrize("malformed", frames("malformed"), ids=str)
def test_a_malformed_frame_is_refused_in_a_sentence_that_names_the_field(malformed):
    with pytest.raises(ProtocolError, match=SENTENCES[malformed.name[:2]]):
        READERS[malformed.description["dialect"]](malformed.data)


def test_each_malformed_frame_has_its_sentence():
    assert [recorded.name[:2] for recorded in frames("malformed")] == sorted(SENTENCES)


def test_openpi_replies_hold_a_chunk_and_the_servers_times():
    first, second = (openpi.decode_reply(frame("openpi", name)) for name in ("04", "06"))
    assert openpi.actions(first).shape == (3, 8)
    assert list(openpi.server_times(first)) == ["infer_ms"], "no previous total in a connection's first reply"
    assert list(openpi.server_times(second)) == ["infer_ms", "prev_total_ms"]
    assert openpi.decode_metadata(frame("openpi", "14")) == {}
    assert openpi.decode_request(frame("openpi", "05"))["observation/state"].shape == (8,)


def test_roboarena_servers_say_what_they_need_and_dreamzero_answers_a_bare_array():
    needs = roboarena.decode_metadata(frame("roboarena", "02"))
    assert (needs.image_resolution, needs.n_external_cameras, needs.needs_session_id) == (
        (224, 224),
        1,
        False,
    )
    assert roboarena.decode_reply(frame("roboarena", "04")).shape == (4, 8)
    assert dreamzero.decode_metadata(frame("dreamzero", "02")).n_external_cameras == 2
    assert dreamzero.decode_reply(frame("dreamzero", "04")).shape == (4, 8)
    assert dreamzero.decode_request(frame("dreamzero", "16")) == {"endpoint": "reset", "session_ids": None}


def test_an_openpi_client_at_a_roboarena_server_is_told_what_its_request_lacks():
    with pytest.raises(ProtocolError, match="RoboArena message: it lacks 'endpoint'"):
        roboarena.decode_request(frame("roboarena", "11"))


@pytest.mark.parametrize(
    ("version", "dialect", "lengths"),
    [
        ("n1.5", "gr00t-n15", {"left_arm": (3, 7), "gripper": (3, 1)}),
        ("n1.6", "gr00t-n16", {"joint_position": (1, 3, 7), "gripper_position": (1, 3, 1)}),
        (
            "n1.7",
            "gr00t-n17",
            {"joint_position": (1, 3, 7), "gripper_position": (1, 3, 1), "eef_9d": (1, 3, 9)},
        ),
        ("n1.6", "starvla-gr00t", {"left_arm": (1, 3, 7), "gripper": (1, 3, 1)}),
    ],
)
def test_gr00t_actions_have_the_same_names_in_each_version(version, dialect, lengths):
    number = {"n1.5": "09", "n1.6": "11", "n1.7": "11"}[version]
    parts = gr00t.actions(gr00t.decode_reply(frame(dialect, number), version), version)
    assert {name: part.shape for name, part in parts.items()} == lengths
    assert gr00t.decode_request(frame(dialect, {"n1.5": "08"}.get(version, "10")), version)["data"]


@pytest.mark.parametrize(
    ("version", "dialect", "number"),
    [("n1.5", "gr00t-n15", "11"), ("n1.6", "gr00t-n16", "13"), ("n1.7", "gr00t-n17", "13")],
)
def test_what_a_gr00t_server_refuses_is_told(version, dialect, number):
    with pytest.raises(ServerError, match=r"refused: Video key 'video\.wrist' must be in observation"):
        gr00t.decode_reply(frame(dialect, number), version)


def test_modality_configs_say_the_same_in_each_version():
    old, new, newest = (
        gr00t.decode_reply(frame(f"gr00t-{number}", "07"), version)
        for number, version in (("n15", "n1.5"), ("n16", "n1.6"), ("n17", "n1.7"))
    )
    assert all(isinstance(reply["video"], ModalityConfig) for reply in (old, new, newest))
    assert old["action"].delta_indices == new["action"].delta_indices == [0, 1, 2]
    assert newest["video"].delta_indices == [-15, 0]
    assert newest["video"].modality_keys == ["exterior_image_1_left", "wrist_image_left"]


@pytest.mark.parametrize(("number", "request_id"), [("12", "default"), ("14", "req-0001")])
def test_m1_chunks_are_found_on_either_route(number, request_id):
    reply = internvla_m1.decode_reply(frame("internvla-m1", number))
    assert reply.request_id == request_id
    assert internvla_m1.normalised_actions(reply).shape == (1, 3, 7)


def test_m1_tells_an_older_wrappers_single_step_from_a_chunk():
    with pytest.raises(ProtocolError, match=r"\['raw_action'\]: it lacks 'normalized_actions'.*'xyz_delta'"):
        internvla_m1.normalised_actions(internvla_m1.decode_reply(frame("internvla-m1", "16")))


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("03", "ping"),
        ("05", "init"),
        ("07", "init"),
        ("09", "reset"),
        ("11", "infer"),
        ("13", "infer"),
        ("15", "infer"),
    ],
)
def test_m1_requests_are_told_apart_typed_or_flat(number, kind):
    assert internvla_m1.decode_request(frame("internvla-m1", number)).kind == kind


def test_starvla_actions_come_from_typed_and_flat_requests():
    for request, reply in (("05", "06"), ("07", "08")):
        assert starvla.decode_request(frame("starvla", request)).kind == "infer"
        assert starvla.actions(starvla.decode_reply(frame("starvla", reply))).shape == (1, 3, 7)
    assert starvla.decode_metadata(frame("starvla", "02"))["action_chunk_size"] == 3


@pytest.mark.parametrize(
    ("dialect", "reader", "number", "sentence"),
    [
        ("starvla", starvla, "10", "refused request 'bad-key': predict_action: unnorm_key 'no_such' not in"),
        ("starvla", starvla, "12", "Unsupported message type 'init'"),
        ("starvla", starvla, "14", "Payload must be a dict"),
        ("internvla-m1", internvla_m1, "08", "Failed to initialize device"),
    ],
)
def test_failures_that_a_server_reports_are_told_in_its_words(dialect, reader, number, sentence):
    with pytest.raises(ServerError, match=sentence):
        reader.decode_reply(frame(dialect, number)).answered()


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("11", r"\['type'\]: it is 'init', not one of ping, infer, predict_action"),
        ("13", r"\['payload'\]: it is a list, not a map"),
        ("15", "starVLA message: it is a list, not a map"),
    ],
)
def test_requests_that_starvla_cannot_serve_are_refused(number, sentence):
    with pytest.raises(ProtocolError, match=sentence):
        starvla.decode_request(frame("starvla", number))


def test_vla_eval_envelopes_keep_their_bytes_and_answers_their_number():
    for recorded in frames("vla-eval"):
        if recorded.name == "33-unknown-type":
            with pytest.raises(ProtocolError, match="'reset', not one of hello"):
                vla_eval.decode(recorded.data)
        else:
            assert vla_eval.encode(vla_eval.decode(recorded.data)) == recorded.data
    observation, answer = vla_eval.decode(frame("vla-eval", "05")), vla_eval.decode(frame("vla-eval", "06"))
    assert observation.seq == answer.seq == 3
    assert vla_eval.actions(answer).shape == (7,)
    for number in ("05", "09", "11"):
        images = vla_eval.decode(frame("vla-eval", number)).payload["images"]
        assert {vla_eval.pixels(image).shape for image in images.values()} == {(4, 5, 3)}


def test_a_vla_eval_error_is_told_with_the_number_of_its_message():
    with pytest.raises(ServerError, match="refused message 7: observation_failed: ValueError"):
        vla_eval.actions(vla_eval.decode(frame("vla-eval", "14")))


def test_a_late_action_shows_the_number_of_the_observation_that_it_answers():
    asked, late = vla_eval.decode(frame("vla-eval", "28")), vla_eval.decode(frame("vla-eval", "27"))
    assert late.seq < asked.seq
