"""What robots believe of their cameras: the truth, unless an error is asked for, and then off by that error alone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tasks.cameras import look_at
from tasks.tabletop.believed_calibration import BelievedCalibration
from tasks.tabletop.workspace import front_camera, wrist_camera

N = 3
FRONT, WRIST = front_camera(64), wrist_camera(64)
K = FRONT.intrinsics().repeat(N, 1, 1)
K1 = torch.tensor([0.0, 0.05, -0.05])
EYE = torch.tensor([FRONT.eye]).repeat(N, 1)
AXES = look_at(EYE, torch.tensor([FRONT.target]).repeat(N, 1))
MOUNT = (np.array([0.07, 0.0, -0.08]), Rotation.from_euler("xyz", [0.1, -0.2, 1.5]).as_matrix())


def believed(**errors):
    owner = BelievedCalibration(N, "cpu", MOUNT)
    for name, value in errors.items():
        owner.set(name, [1], [value])
    return owner


def rotations(calibration):
    return Rotation.from_quat(calibration.extrinsics[:, 3:].double().numpy())


def test_without_an_error_the_truth_is_believed():
    found = believed().of(FRONT, K, K1, (EYE, AXES))
    assert torch.equal(found.intrinsics, K)
    assert torch.equal(found.distortion, K1)
    assert torch.equal(found.extrinsics[:, :3], EYE)
    assert (rotations(found).inv() * Rotation.from_matrix(AXES.numpy())).magnitude().max() < 1e-6
    assert found.frame == "base"


def test_a_camera_on_the_hand_is_given_in_the_tools_frame():
    found = believed().of(WRIST, K, K1, None)
    assert found.frame == "end_effector"
    np.testing.assert_allclose(found.extrinsics[:, :3], np.tile(MOUNT[0], (N, 1)), atol=1e-7)
    assert (rotations(found).inv() * Rotation.from_matrix(MOUNT[1])).magnitude().max() < 1e-6


def test_an_intrinsics_error_scales_the_focal_length_and_moves_the_principal_point():
    found = believed(believed_intrinsics_error=[0.1, 0.02, -0.03]).of(FRONT, K, K1, (EYE, AXES))
    f = FRONT.focal_px
    expected = [[1.1 * f, 0, 32 + 0.02 * 64], [0, 1.1 * f, 32 - 0.03 * 64], [0, 0, 1]]
    np.testing.assert_allclose(found.intrinsics[1], expected, rtol=1e-6)
    assert torch.equal(found.extrinsics, believed().of(FRONT, K, K1, (EYE, AXES)).extrinsics)


errors = st.lists(st.floats(-0.25, 0.25, width=32), min_size=6, max_size=6)


@pytest.mark.parametrize("stands", [(EYE, AXES), None])
@given(error=errors)
def test_a_pose_error_moves_and_turns_the_camera_by_that_much(stands, error):
    found = believed(believed_pose_error=error).of(FRONT, K, K1, stands)
    so = believed().of(FRONT, K, K1, stands)
    moved = (found.extrinsics - so.extrinsics)[1, :3]
    np.testing.assert_allclose(moved, error[:3], atol=1e-6)
    turned = rotations(so)[1].inv() * rotations(found)[1]  # about the camera's own axes
    np.testing.assert_allclose(turned.as_rotvec(), error[3:], atol=1e-5)
    assert torch.equal(found.intrinsics, K)


@given(error=errors)
def test_an_error_in_one_environment_leaves_the_others_as_they_were(error):
    found = believed(believed_pose_error=error, believed_intrinsics_error=error[:3]).of(
        FRONT, K, K1, (EYE, AXES)
    )
    so = believed().of(FRONT, K, K1, (EYE, AXES))
    for name in ("intrinsics", "extrinsics", "distortion"):
        assert torch.equal(getattr(found, name)[[0, 2]], getattr(so, name)[[0, 2]]), name
