"""What a policy declares that it sees: checked against what there is, and made of it by named conversions alone."""

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from policy.observation_inputs import _FORMS, Measured, intrinsics, picture, prompt, state_vector
from policy.observation_spec import FORMS, CameraInput, ObservationOffer, ObservationSpec, StateInput

OFFER = ObservationOffer("arm", 7, 0.08, {"front": (224, 224), "wrist": (224, 224)}, ("wrist",))
DOWN = Rotation.from_euler("xyz", [math.pi, 0.0, 0.5])
"""A hand that points down, turned about the vertical."""


def measured(rotation=DOWN, n=2, width=0.06):
    pose = np.concatenate(([0.5, -0.1, 0.2], rotation.as_quat()))
    return Measured(
        np.tile(np.arange(7) / 10, (n, 1)), np.ones((n, 7)), np.tile(pose, (n, 1)), np.full(n, width)
    )


def vector(*state, **more):
    spec = ObservationSpec(state=tuple(StateInput(*entry) for entry in state), **more)
    return state_vector(spec, measured(), OFFER)


def test_every_form_that_is_declared_is_made_with_as_many_numbers_as_it_says():
    for quantity, forms in FORMS.items():
        for form in forms:
            entry = StateInput(quantity, form)
            assert vector((quantity, form)).shape == (2, entry.width(7)), (quantity, form)
    assert set(_FORMS) == {(quantity, form) for quantity, forms in FORMS.items() for form in forms}


def test_parts_stand_in_the_order_in_which_they_are_declared():
    found = vector(("gripper", "closed"), ("ee_position", "mm"), ("joint_pos", "deg"))
    np.testing.assert_allclose(found[0, :4], [0.25, 500, -100, 200], rtol=1e-6)
    np.testing.assert_allclose(found[0, 4:], np.degrees(np.arange(7) / 10), rtol=1e-6)


def test_grippers_read_as_others_read_them():
    found = vector(
        ("gripper", "m"), ("gripper", "open"), ("gripper", "fingers"), ("gripper", "fingers_opposed")
    )
    np.testing.assert_allclose(found[0], [0.06, 0.75, 0.03, 0.03, 0.03, -0.03], rtol=1e-6)


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_every_form_of_a_rotation_is_that_rotation(quaternion):
    true = Rotation.from_quat(quaternion)

    def form(name):
        spec = ObservationSpec(state=(StateInput("ee_rotation", name),))
        return state_vector(spec, measured(true, n=1), OFFER)[0].astype(float)

    columns = form("rotation_6d").reshape(2, 3)
    back = {
        "quaternion_xyzw": Rotation.from_quat(form("quaternion_xyzw")),
        "quaternion_wxyz": Rotation.from_quat(form("quaternion_wxyz")[[1, 2, 3, 0]]),
        "rotation_vector": Rotation.from_rotvec(form("rotation_vector")),
        "euler_xyz": Rotation.from_euler("xyz", form("euler_xyz")),
        "rotation_6d": Rotation.from_matrix(np.stack((*columns, np.cross(*columns)), 1)),
        "matrix": Rotation.from_matrix(form("matrix").reshape(3, 3)),
    }
    assert set(back) == set(FORMS["ee_rotation"])
    for name, rotation in back.items():
        assert (rotation.inv() * true).magnitude() < 1e-3, name
    assert form("quaternion_xyzw")[3] >= 0


def test_a_picture_is_cropped_in_the_middle_resized_and_reordered():
    image = np.zeros((1, 100, 200, 3), np.uint8)
    image[:, :, 100:] = (10, 20, 30)
    assert picture(CameraInput("c"), image) is not None
    np.testing.assert_array_equal(picture(CameraInput("c"), image), image)
    small = picture(CameraInput("c", width=50, height=50, color_order="bgr"), image)
    assert small.shape == (1, 50, 50, 3)
    np.testing.assert_array_equal(small[0, 25, 40], (30, 20, 10))
    cropped = picture(CameraInput("c", crop=0.5, width=100, height=50), image)
    np.testing.assert_array_equal(cropped, image[:, 25:75, 50:150])


def test_padding_keeps_the_aspect_and_shares_the_stripes():
    image = np.full((1, 100, 200, 3), 255, np.uint8)
    padded = picture(CameraInput("c", width=64, height=64, fit="pad"), image)
    lit = (padded[0] > 0).all(2)
    assert lit[:, 0].sum() == 32
    assert (lit[16:48].all(), lit[:16].any(), lit[48:].any()) == (True, False, False)


def marked(width, height, column, row):
    """A black picture with one white block of 6 x 6 px, its middle at a place [px]."""
    image = np.zeros((1, height, width, 3), np.uint8)
    image[:, row - 3 : row + 3, column - 3 : column + 3] = 255
    return image


@given(
    st.integers(60, 140), st.integers(40, 80), st.sampled_from([0, 50, 90, 200]), st.sampled_from([0, 70, 120]),
    st.sampled_from([1.0, 0.95, 0.8]), st.sampled_from(["stretch", "pad"]),
)  # fmt: skip
def test_intrinsics_follow_the_picture_through_crop_size_and_padding(column, row, width, height, crop, fit):
    camera = CameraInput("c", width=width, height=height, crop=crop, fit=fit)
    point = np.array([0.3, -0.2, 1.0])
    # A calibration that draws the point where the block is.
    k = np.array([[[150.0, 0.0, column - 45.0], [0.0, 110.0, row + 22.0], [0.0, 0.0, 1.0]]])
    np.testing.assert_allclose((k[0] @ point)[:2], (column, row))
    shown = picture(camera, marked(200, 120, column, row))[0, ..., 0].astype(float)
    v, u = (np.arange(n) + 0.5 for n in shown.shape)
    seen = (shown.sum(0) @ u / shown.sum(), shown.sum(1) @ v / shown.sum())
    told = (intrinsics(camera, k, (200, 120))[0] @ point)[:2]
    np.testing.assert_allclose(told, seen, atol=0.35)


def test_intrinsics_of_a_picture_as_it_is_are_the_cameras_own():
    k = np.array([[[150.0, 0.0, 100.0], [0.0, 110.0, 60.0], [0.0, 0.0, 1.0]]])
    np.testing.assert_array_equal(intrinsics(CameraInput("c"), k, (200, 120)), k)


def test_calibration_is_asked_for_camera_by_camera():
    cameras = (CameraInput("a", "front"), CameraInput("b", "wrist", calibrated=True), CameraInput("front"))
    assert ObservationSpec(cameras).calibrated == ("wrist",)
    assert ObservationSpec(cameras).sources == ("front", "wrist")
    assert ObservationSpec(cameras).mismatches(OFFER) == []


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (ObservationSpec(cameras=(CameraInput("image", "agentview"),)),
         "'agentview', which it does not have; it has front, wrist"),
        (ObservationSpec(state=(StateInput("joint_pos", "rad"),), state_dim=8),
         r"takes 8 numbers, with arm it gets 7 \(joint_pos in rad: 7\)"),
        (ObservationSpec(state_dim=1), r"it gets 0 \(none\)"),
        (ObservationSpec(cameras=(CameraInput("image", "front", calibrated=True),)),
         "camera image: .* calibration of 'front', which arm does not have; it has that of wrist"),
    ],
)  # fmt: skip
def test_what_the_task_cannot_give_is_a_sentence(spec, sentence):
    (found,) = spec.mismatches(OFFER)
    assert re.search(sentence, found)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"state": (StateInput("ee_rotation", "quat"),)}, "ee_rotation has no form 'quat': choose one of quat"),
        ({"state": (StateInput("pose", "m"),)}, "there is no quantity 'pose': choose one of joint_pos"),
        ({"cameras": (CameraInput("a"), CameraInput("a", "front"))}, "camera names repeat"),
        ({"cameras": (CameraInput("a", crop=0.0),)}, "keeps 0.0 of its sides"),
        ({"cameras": (CameraInput("a", width=-1),)}, "has a size of -1 x 0"),
        ({"prompt": "pick it"}, "does not say where the instruction stands"),
    ],
)  # fmt: skip
def test_a_spec_that_contradicts_itself_is_refused(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        ObservationSpec(**fields)


def test_conversions_are_named_and_what_is_as_offered_needs_none():
    plain = ObservationSpec(cameras=(CameraInput("front"),), state=(StateInput("joint_pos", "rad"),))
    assert plain.conversions(OFFER) == []
    spec = ObservationSpec(
        cameras=(CameraInput("image", "front", 256, 256, 0.9, color_order="bgr"),),
        state=(StateInput("ee_rotation", "euler_xyz"),),
        prompt="do: {instruction}",
    )
    assert spec.conversions(OFFER) == [
        "front -> image: renamed",
        "image: the middle 0.9 of both sides",
        "image: 224 x 224 -> 256 x 256 px, stretch, bilinear",
        "image: rgb -> bgr",
        "ee_rotation: quaternion_xyzw -> euler_xyz",
        "prompt: 'do: {instruction}'",
    ]
    assert prompt(spec, "lift {x}") == "do: lift {x}"


def test_it_survives_json():
    spec = ObservationSpec(
        (CameraInput("image", "front"),), (StateInput("gripper", "open"),), 1, "{instruction}!"
    )
    assert ObservationSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
