"""Steps are capped as a whole; numbers of a rotation that are no angles cannot be capped one by one."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from workbench.bridge.gate import StepCaps
from workbench.bridge.gate.step_caps import capped_channels, joint_share, tool_share, turn_angle


@pytest.mark.parametrize(
    ("representation", "channel"),
    [("quaternion", "qx"), ("quaternion", "dqw"), ("rotation_6d", "r6d_3"), ("rotation_6d", "rot_0")],
)
def test_caps_on_single_numbers_of_a_rotation_are_refused_where_they_mean_nothing(representation, channel):
    with pytest.raises(ValueError, match=f"channel {channel} belongs to a {representation}.*cap the angle"):
        StepCaps(channels={"dx": 0.05, channel: 0.1}, representation=representation)


@pytest.mark.parametrize("representation", ["quaternion", "rotation_6d", "rotation_vector"])
def test_caps_on_translations_are_allowed_beside_any_rotation(representation):
    caps = StepCaps(channels={"dx": 0.05}, representation=representation)
    assert capped_channels(np.array([0.2, 0.2]), ("dx", "dy"), caps).tolist() == [0.05, 0.2]


def test_caps_on_the_channels_of_a_rotation_vector_are_allowed():
    caps = StepCaps(channels={"drot_z": 0.1})
    assert capped_channels(np.array([0.2, -0.2]), ("dx", "drot_z"), caps).tolist() == [0.2, -0.1]


@pytest.mark.parametrize(
    "wrong",
    [{"joint": 0}, {"rotation": math.nan}, {"channels": {"dx": math.inf}}, {"representation": "euler"}],
)
def test_caps_that_make_no_sense_are_errors(wrong):
    with pytest.raises(ValueError, match=r"cap|representation"):
        StepCaps(**wrong)


def test_a_channel_that_is_not_there_is_an_error():
    with pytest.raises(KeyError, match="dz"):
        capped_channels(np.zeros(2), ("dx", "dy"), StepCaps(channels={"dz": 0.1}))


def test_a_joint_s_cap_shortens_the_whole_step():
    assert joint_share(np.array([0.1, -0.4]), StepCaps(joint=0.2)) == pytest.approx(0.5)
    assert joint_share(np.array([0.1, -0.2]), StepCaps(joint=0.2)) == 1.0


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.1, 1), st.floats(1e-6, math.pi))
def test_the_angle_is_that_of_the_turn_about_any_axis(x, y, z, angle):
    axis = np.array([x, y, z]) / np.linalg.norm([x, y, z])
    before = Rotation.from_rotvec([0.3, -1.0, 0.2])
    after = Rotation.from_rotvec(angle * axis) * before
    assert turn_angle(before.as_matrix(), after.as_matrix()) == pytest.approx(angle, rel=1e-6, abs=1e-9)


def test_the_tool_s_caps_are_of_distance_and_angle():
    turned = Rotation.from_rotvec([0, 0.8, 0]).as_matrix()
    caps = StepCaps(translation=0.05, rotation=0.4)
    assert tool_share(np.array([0.06, 0.08, 0.0]), np.eye(3), np.eye(3), caps) == pytest.approx(
        (0.5, 0.1, 0.0)
    )
    share, _, angle = tool_share(np.array([0.01, 0.0, 0.0]), np.eye(3), turned, caps)
    assert (share, angle) == pytest.approx((0.5, 0.8))
