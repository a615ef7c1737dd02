"""Records survive a round trip, and a bad line is one sentence that names file, line and key."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.grounding import Box, Grounding, Point
from workbench.runs.records import EpisodeRecord, RecordError, SessionRecord, grounding_record


def fields(**changes):
    return {
        "index": 3, "task": "pick", "seed": 7, "instruction": "pick the red cube", "factors": {"mass": 0.2},
        "success": True, "failure_reason": None, "steps": 120, "duration_s": 6.0, "time_to_success_s": 5.5,
        "path_length_m": 1.2, "smoothness": -2.5, "grounding": None, "wall_s": 4.0,
    } | changes  # fmt: skip


finite = st.floats(allow_nan=False, allow_infinity=False)
factor_values = st.one_of(finite, st.integers(), st.text(), st.lists(st.one_of(finite, st.text())))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.integers(0, 10**6),
    st.text(),
    st.dictionaries(st.text(), factor_values, max_size=5),
    st.dictionaries(st.text().map("x_{}".format), json_values, max_size=3),
    st.none() | st.text(min_size=1),
    finite,
)
def test_a_record_survives_the_round_trip_with_keys_it_does_not_know(
    index, instruction, factors, extra, reason, wall_s
):
    record = EpisodeRecord(
        **fields(
            index=index,
            instruction=instruction,
            factors=factors,
            success=reason is None,
            failure_reason=reason,
            time_to_success_s=None,
            wall_s=wall_s,
        ),
        extra=extra,
    )
    line = record.to_json_line()
    assert "\n" not in line
    assert EpisodeRecord.from_json(line) == record
    assert EpisodeRecord.from_json(line).to_json_line() == line


def test_only_an_episode_of_a_split_has_the_keys_of_one():
    assert not {"split", "held_out"} & set(EpisodeRecord(**fields()).to_dict())
    record = EpisodeRecord(**fields(split="unseen_object", held_out=["red cube"]))
    assert record.to_dict()["held_out"] == ["red cube"]
    assert EpisodeRecord.from_json(record.to_json_line()) == record
    with pytest.raises(RecordError, match="key 'held_out' must be a list of strings or null, not 'red cube'"):
        EpisodeRecord(**fields(held_out="red cube"))


def test_numpy_values_become_plain_ones():
    record = EpisodeRecord(
        **fields(
            index=np.int64(3),
            success=np.bool_(True),
            factors={"at": np.array([1.0, 2.0])},
            wall_s=np.float32(2),
        )
    )
    assert record == EpisodeRecord(**fields(factors={"at": [1.0, 2.0]}, wall_s=2.0))
    assert type(record.index) is int
    assert type(record.success) is bool


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"steps": "many"}, "key 'steps' must be an integer, not 'many'"),
        ({"steps": 1.5}, "key 'steps' must be an integer, not 1.5"),
        ({"success": 1}, "key 'success' must be true or false, not 1"),
        ({"seed": True}, "key 'seed' must be an integer, not True"),
        ({"instruction": None}, "key 'instruction' must be a string, not null"),
        ({"factors": {"mass": {"kg": 1}}}, "factor 'mass' must be a number, a string or a flat list"),
        ({"failure_reason": "dropped"}, "key 'failure_reason' must be null on success"),
        ({"success": False, "time_to_success_s": None}, "key 'failure_reason' must say why"),
        ({"success": False, "failure_reason": "dropped"}, "key 'time_to_success_s' must be null on failure"),
        ({"index": -1}, "key 'index' must not be negative"),
        ({"grounding": {"camera": "front"}}, "key 'grounding' lacks box_iou, image_size"),
    ],
)
def test_a_wrong_value_names_file_line_and_key(change, sentence):
    with pytest.raises(RecordError) as raised:
        EpisodeRecord.from_json(json.dumps(fields(**change)), file="run/episodes.jsonl", line_number=18)
    assert str(raised.value).startswith("run/episodes.jsonl line 18: ")
    assert sentence in str(raised.value)


@pytest.mark.parametrize("key", sorted(fields()))
def test_every_key_is_required(key):
    data = fields()
    del data[key]
    with pytest.raises(RecordError, match=f"line 2: key '{key}' is missing"):
        EpisodeRecord.from_json(json.dumps(data), line_number=2)


@pytest.mark.parametrize(
    "text", ["{", "[1]", "null", '{"wall_s": NaN}', json.dumps(fields()).replace("4.0", "Infinity")]
)
def test_lines_that_are_no_json_object_are_refused(text):
    with pytest.raises(RecordError, match=r"episodes.jsonl line 1 (is not valid JSON|must be a JSON object)"):
        EpisodeRecord.from_json(text)


@pytest.mark.parametrize("change", [{"wall_s": float("nan")}, {"factors": {"mass": float("inf")}}])
def test_nan_and_infinity_never_get_into_a_record(change):
    with pytest.raises(RecordError):
        EpisodeRecord(**fields(**change))
    with pytest.raises(RecordError, match="extra"):
        EpisodeRecord(**fields(), extra={"score": [float("nan")]})


def test_an_extra_key_cannot_shadow_a_known_one():
    with pytest.raises(RecordError, match="extra repeats the keys steps"):
        EpisodeRecord(**fields(), extra={"steps": 4})


def test_grounding_record_measures_the_labels_that_claim_and_truth_share():
    said = Grounding(
        "front", (64, 48), (Box("cube", (0, 0, 10, 10)),), (Point("grasp", (5, 5)), Point("place", (1, 1)))
    )
    true = Grounding("front", (64, 48), (Box("cube", (0, 0, 10, 20)),), (Point("grasp", (8, 9)),))
    grounding = grounding_record(said, true)
    assert grounding["point_error_px"] == {"grasp": 5.0}
    assert grounding["box_iou"] == {"cube": 0.5}
    record = EpisodeRecord(**fields(grounding=grounding))
    assert EpisodeRecord.from_json(record.to_json_line()) == record
    with pytest.raises(ValueError, match="different images"):
        grounding_record(said, true.resized(32, 24))


def test_what_the_hand_did_is_compared_with_where_it_was_said():
    said = Grounding("front", (64, 48), (Box("target", (0, 0, 10, 10)), Box("receptacle", (20, 20, 40, 40))))
    true = Grounding("front", (64, 48), (Box("target", (0, 0, 10, 10)), Box("receptacle", (20, 20, 40, 44))))
    grounding = grounding_record(said, true, {"grasp": (8.0, 9.0)})
    assert grounding["right"] is True
    assert grounding["acted"] == {"grasp": [8.0, 9.0]}
    assert grounding["execution_error_px"] == {"grasp": 5.0}
    record = EpisodeRecord(**fields(grounding=grounding))
    assert EpisodeRecord.from_json(record.to_json_line()) == record
    older = {k: v for k, v in grounding.items() if k not in ("right", "acted", "execution_error_px")}
    assert EpisodeRecord(**fields(grounding=older)).grounding == older
    with pytest.raises(RecordError, match=r"'grounding\.right' must be true, false or null, not 'yes'"):
        EpisodeRecord(**fields(grounding=grounding | {"right": "yes"}))


def test_sessions_are_checked_like_episodes():
    session = {
        "started": "a",
        "ended": "b",
        "wall_s": 3,
        "phases_s": {"physics": 2},
        "counts": {"episodes": 1},
    }
    assert SessionRecord.from_json(json.dumps(session)).wall_s == 3.0
    with pytest.raises(RecordError, match="key 'counts' must be an object of integers"):
        SessionRecord.from_json(json.dumps(session | {"counts": {"episodes": 1.5}}))
