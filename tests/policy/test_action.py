"""`ActionSpec`: inconsistent specs are refused, differing ones are told apart, and none is lost on the way."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from policy.action import ActionChannel, ActionSpec, Normalisation

X = ActionChannel("dx", "m", "base", "previous_command", -0.05, 0.05)
TURN = ActionChannel("drot_z", "rad", "base", "previous_command", -0.25, 0.25)
GRIPPER = ActionChannel("gripper", "1", "joint", "absolute", -1.0, 1.0)
STATISTICS = Normalisation("q01_q99", (-0.02, -0.1, -1.0), (0.03, 0.2, 1.0), (True, True, False))
SPEC = ActionSpec("tested", "franka", 20.0, (X, TURN, GRIPPER))

finite = st.floats(-1e6, 1e6)
words = st.text("abcdefgh_", min_size=1, max_size=8)


@st.composite
def specs(draw):
    names = draw(st.lists(words, min_size=1, max_size=8, unique=True))
    channels = []
    for name in names:
        low = draw(finite)
        channels.append(
            ActionChannel(
                name,
                draw(st.sampled_from(("m", "rad", "1"))),
                draw(st.sampled_from(("base", "end_effector", "joint"))),
                draw(st.sampled_from(("previous_command", "measured", "absolute"))),
                low,
                low + draw(st.floats(1e-3, 1e3)),
            )
        )
    each = st.tuples(*[finite] * len(names))
    statistics = st.builds(
        Normalisation,
        st.sampled_from(("min_max", "q01_q99")),
        each,
        each,
        st.tuples(*[st.booleans()] * len(names)),
    )
    return ActionSpec(
        draw(words),
        draw(words),
        draw(st.floats(0.1, 1e3)),
        tuple(channels),
        draw(st.sampled_from(("+1 opens", "+1 closes"))),
        draw(st.sampled_from(("rotation_vector", "none"))),
        draw(st.none() | statistics),
    )


@given(specs())
def test_a_spec_comes_back_from_json_unchanged(spec):
    assert ActionSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@given(specs())
def test_a_spec_has_no_mismatch_with_itself_whatever_it_was_normalised_by(spec):
    assert spec.mismatches(replace(spec, normalisation=None)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channels": (X, X)}, "channel names repeat"),
        ({"channels": (replace(X, low=0.1, high=0.1),)}, "channel dx has an empty range [0.1, 0.1]"),
        ({"channels": (replace(X, low=0.2, high=0.1),)}, "channel dx has an empty range"),
        ({"channels": (replace(X, high=float("nan")),)}, "channel dx has an empty range"),
        ({"control_hz": 0.0}, "control_hz must be positive, not 0.0"),
        ({"control_hz": float("nan")}, "control_hz must be positive, not nan"),
        ({"normalisation": replace(STATISTICS, low=(0.0,))}, "normalisation.low has 1 values for 3 channels"),
        ({"normalisation": replace(STATISTICS, mask=())}, "normalisation.mask has 0 values for 3 channels"),
        ({"gripper": "hand"}, "there is no channel 'hand', which is said to move the hand"),
        ({"idle": (0.0, 0.0)}, "idle has 2 values for 3 channels"),
        ({"idle": (0.0, float("inf"), 1.0)}, "idle has inf among its values"),
    ],
)
def test_an_inconsistent_spec_cannot_be_built(change, said):
    with pytest.raises(ValueError, match="action spec 'tested' is not valid") as error:
        replace(SPEC, **change)
    assert said in str(error.value)


def test_all_problems_are_named_at_once():
    with pytest.raises(ValueError, match="not valid") as error:
        replace(SPEC, control_hz=-1.0, channels=(X, X))
    assert "repeat" in str(error.value)
    assert "control_hz" in str(error.value)


OTHER = {
    "gripper": "dx",
    "robot": "ur5",
    "control_hz": 10.0,
    "gripper_sign": "+1 closes",
    "rotation": "none",
}
OTHER_CHANNEL = {"name": "dy", "unit": "1", "frame": "end_effector", "reference": "measured"}


@pytest.mark.parametrize("field", OTHER)
def test_a_difference_in_meaning_is_named_with_both_values(field):
    (sentence,) = SPEC.mismatches(replace(SPEC, name="theirs", **{field: OTHER[field]}))
    assert field in sentence
    assert repr(getattr(SPEC, field)) in sentence
    assert repr(OTHER[field]) in sentence


@pytest.mark.parametrize("field", OTHER_CHANNEL)
def test_a_difference_in_one_channel_names_the_channel(field):
    theirs = replace(SPEC, channels=(X, replace(TURN, **{field: OTHER_CHANNEL[field]}), GRIPPER))
    (sentence,) = SPEC.mismatches(theirs)
    assert f"channel 1 {field}" in sentence
    assert repr(OTHER_CHANNEL[field]) in sentence


OTHER_BOUND = {"low": -0.5, "high": 0.5}


@pytest.mark.parametrize("side", OTHER_BOUND)
def test_a_channel_with_other_bounds_is_named_with_both_ranges(side):
    theirs = replace(SPEC, name="theirs", channels=(X, replace(TURN, **{side: OTHER_BOUND[side]}), GRIPPER))
    (sentence,) = SPEC.mismatches(theirs)
    low, high = (getattr(theirs.channels[1], name) for name in ("low", "high"))
    assert sentence == (
        f"channel 1 bounds: tested accepts drot_z from -0.25 to 0.25 rad, theirs drot_z from {low:g} to {high:g} rad"
    )
    assert SPEC.mismatches(theirs, bounds=False) == []


@given(specs(), specs())
def test_only_bounds_are_left_out_where_they_may_differ(a, b):
    with_bounds, without = a.mismatches(b), a.mismatches(b, bounds=False)
    assert [sentence for sentence in with_bounds if " bounds: " not in sentence] == without


def test_a_spec_that_idles_elsewhere_is_named_with_both_actions():
    (sentence,) = SPEC.mismatches(replace(SPEC, name="theirs", idle=(0.0, 0.125, 1.0)))
    assert sentence == "idle: tested stays where it is at [0.0, 0.0, 1.0], theirs at [0.0, 0.125, 1.0]"
    assert SPEC.mismatches(replace(SPEC, idle=(0.0, 0.0, 1.0))) == []


def test_every_field_that_carries_meaning_is_compared():
    compared = {*OTHER, "channels", "idle", "name", "normalisation"}
    assert {f.name for f in fields(ActionSpec)} == compared, "a new field: must `mismatches` compare it?"
    assert {f.name for f in fields(ActionChannel)} == {*OTHER_CHANNEL, *OTHER_BOUND}


def test_a_different_number_of_channels_is_one_sentence():
    assert SPEC.mismatches(replace(SPEC, channels=(X, GRIPPER))) == [
        "tested has 3 channels, the other tested has 2"
    ]


@given(specs(), specs())
def test_mismatches_are_mutual(a, b):
    assert bool(a.mismatches(b)) == bool(b.mismatches(a))


@pytest.mark.parametrize("place", ["spec", "channel", "normalisation"])
def test_an_unknown_key_is_an_error_that_names_it(place):
    data = replace(SPEC, normalisation=STATISTICS).to_dict()
    {"spec": data, "channel": data["channels"][0], "normalisation": data["normalisation"]}[place]["clip"] = 1
    with pytest.raises(TypeError, match="clip"):
        ActionSpec.from_dict(data)


def test_a_channel_is_found_by_name_or_the_error_lists_the_names():
    assert [SPEC.index(c.name) for c in SPEC.channels] == [0, 1, 2]
    with pytest.raises(KeyError, match="no channel 'dz'; it has dx, drot_z, gripper"):
        SPEC.index("dz")


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_normalising_undoes_denormalising(outputs):
    outputs = np.array(outputs)
    physical = STATISTICS.denormalise(outputs)
    low, high = np.array(STATISTICS.low), np.array(STATISTICS.high)
    assert (physical >= low - 1e-12).all(), f"{physical} lies below the statistics {low}"
    assert (physical <= high + 1e-12).all(), f"{physical} lies above the statistics {high}"
    np.testing.assert_allclose(STATISTICS.normalise(physical), outputs, atol=1e-9)


def test_the_ends_of_the_range_are_plus_and_minus_one():
    np.testing.assert_allclose(STATISTICS.denormalise(np.full(3, -1.0)), STATISTICS.low)
    np.testing.assert_allclose(STATISTICS.denormalise(np.full(3, 1.0)), STATISTICS.high)


def test_outputs_beyond_the_range_are_clipped_and_masked_channels_pass_through():
    batch = np.array([[[3.0, -7.0, 4.0]]])  # [1, 1, 3]
    np.testing.assert_allclose(STATISTICS.denormalise(batch), [[[0.03, -0.1, 4.0]]])
    np.testing.assert_allclose(STATISTICS.normalise(batch), [[[1.0, -1.0, 4.0]]])


def test_a_channel_that_never_moved_in_the_data_keeps_its_value():
    still = Normalisation("min_max", (0.3,), (0.3,), (True,))
    assert np.isfinite(still.normalise(np.array([0.3]))).all(), "a constant channel divides by zero"
    np.testing.assert_allclose(still.denormalise(still.normalise(np.array([0.3]))), [0.3])


@pytest.mark.parametrize(("sign", "opened"), [("+1 opens", 1.0), ("+1 closes", -1.0)])
@pytest.mark.parametrize("as_array", [np.array, torch.tensor])
def test_the_sign_says_which_commands_close_the_hand(sign, opened, as_array):
    spec = replace(SPEC, gripper_sign=sign)
    assert (spec.gripper_command(closed=False), spec.gripper_command(closed=True)) == (opened, -opened)
    actions = as_array([[0.05, -0.25, 1.0], [-0.05, 0.25, -1.0], [0.0, 0.0, 0.5]])
    assert spec.closes(actions).tolist() == [opened < 0, opened > 0, opened < 0]
    assert spec.gripper_closes(actions[:, 2]).tolist() == spec.closes(actions).tolist()


def test_the_hands_channel_is_the_one_that_the_spec_names():
    spec = ActionSpec("tested", "arm", 20.0, (replace(GRIPPER, name="jaw"), X), gripper="jaw")
    assert spec.gripper_index == 0
    assert spec.closes(np.array([[-1.0, 1.0], [1.0, -1.0]])).tolist() == [True, False]
    assert spec.idle_action.tolist() == [1.0, 0.0]


def test_a_spec_without_a_hand_closes_none():
    spec = ActionSpec("tested", "arm", 20.0, (X, TURN))
    assert spec.gripper_index is None
    assert spec.idle_action.tolist() == [0.0, 0.0]
    with pytest.raises(KeyError, match="has no channel 'gripper'; it has dx, drot_z"):
        spec.closes(np.zeros(2))


@pytest.mark.parametrize(("sign", "opened"), [("+1 opens", 1.0), ("+1 closes", -1.0)])
def test_idle_is_no_motion_with_an_open_hand_unless_the_spec_says_otherwise(sign, opened):
    assert replace(SPEC, gripper_sign=sign).idle_action.tolist() == [0.0, 0.0, opened]
    said = replace(SPEC, idle=(0.01, 0.0, 0.5))
    assert said.idle_action.tolist() == pytest.approx([0.01, 0.0, 0.5])
    assert ActionSpec.from_dict(json.loads(json.dumps(said.to_dict()))) == said


def test_a_spec_from_before_hand_and_idle_were_stated_means_what_it_meant():
    old = {name: value for name, value in SPEC.to_dict().items() if name not in ("gripper", "idle")}
    assert ActionSpec.from_dict(json.loads(json.dumps(old))) == SPEC
