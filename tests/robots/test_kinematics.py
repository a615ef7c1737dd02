"""Kinematics of the Panda against pinocchio, which reads the URDF and shares no number with ours."""

import itertools
import math
import sysconfig
from pathlib import Path

import numpy as np
import pinocchio
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robots.franka import PANDA
from robots.franka.kinematics import forward, inverse, rotation_matrix, rotation_vector
from robots.franka.tool_pose import tool_pose

LOW = torch.tensor(PANDA.limits.position_low, dtype=torch.float64)
HIGH = torch.tensor(PANDA.limits.position_high, dtype=torch.float64)
HOME = torch.tensor([PANDA.home], dtype=torch.float64)
STATED_ACCURACY = 2e-4  # [m], docstring of `inverse`: three iterations, targets up to 5 cm away

joint_vectors = st.lists(st.floats(0, 1), min_size=7, max_size=7).map(
    lambda shares: LOW + (HIGH - LOW) * torch.tensor(shares, dtype=torch.float64)
)
angles = st.floats(0, math.pi - 1e-3)
directions = st.lists(st.floats(-1, 1), min_size=3, max_size=3).filter(lambda v: np.linalg.norm(v) > 0.1)


@pytest.fixture(scope="module")
def urdf():
    root = Path(sysconfig.get_paths()["purelib"]) / "cmeel.prefix" / "share" / "example-robot-data"
    model = pinocchio.buildModelFromUrdf(str(root / "robots/panda_description/urdf/panda.urdf"))
    return model, model.createData(), model.getFrameId(PANDA.hand_body)


def of_urdf(urdf, q):
    """Tool position and rotation, and the Jacobian of the tool point, world axes, by pinocchio."""
    model, data, hand = urdf
    q = np.concatenate((q.numpy(), [0.04, 0.04]))
    pinocchio.forwardKinematics(model, data, q)
    pinocchio.updateFramePlacements(model, data)
    placement = data.oMf[hand]
    lever = placement.rotation @ np.array(PANDA.tool_offset)
    jacobian = pinocchio.computeFrameJacobian(
        model, data, q, hand, pinocchio.ReferenceFrame.LOCAL_WORLD_ALIGNED
    )[:, :7]
    linear = jacobian[:3] - np.cross(lever, jacobian[3:].T).T
    return placement.translation + lever, placement.rotation, np.vstack((linear, jacobian[3:]))


def turned(rotation, yaw):
    """Rotations ``[N, 3, 3]`` turned about the vertical by ``[N]``."""
    return rotation_matrix(torch.stack((0 * yaw, 0 * yaw, yaw), 1)) @ rotation


def pose_error(q, position, rotation):
    """Distance [m] and angle [rad] ``[N]`` between where joints ``q`` put the tool and a pose."""
    at, axes, _ = forward(q)
    return (at - position).norm(dim=1), rotation_vector(rotation @ axes.transpose(1, 2)).norm(dim=1)


def every_grasp():
    """Tool poses over the whole workspace, every turn the expert may choose, all reached step by step from home."""
    x, y, z, yaw = torch.tensor(
        list(
            itertools.product(
                (0.34, 0.5, 0.66),
                (-0.19, 0.0, 0.19),
                (0.01, 0.10, 0.21),
                np.linspace(-math.pi / 2, math.pi / 2, 5),
            )
        ),
        dtype=torch.float64,
    ).unbind(1)
    goal = torch.stack((x, y, z), 1)
    start, axes, _ = forward(HOME)
    q = HOME.expand(len(goal), 7)
    position, turn = start.expand(len(goal), 3), torch.zeros_like(yaw)
    for _ in range(60):
        step = goal - position
        position = position + step * (0.018 / step.norm(dim=1, keepdim=True).clamp_min(1e-9)).clamp_max(1)
        turn = turn + (yaw - turn).clamp(-0.12, 0.12)
        q = inverse(position, turned(axes, turn), q, iterations=2)
    return q, goal, turned(axes, yaw)


@pytest.fixture(scope="module")
def grasps():
    return every_grasp()


@given(joint_vectors)
@settings(max_examples=200)
def test_the_tool_is_where_the_urdf_puts_it(urdf, q):
    position, rotation, _ = forward(q[None])
    theirs, axes, _ = of_urdf(urdf, q)
    np.testing.assert_allclose(position[0], theirs, atol=1e-6)
    np.testing.assert_allclose(rotation[0], axes, atol=1e-6)


@given(joint_vectors)
@settings(max_examples=100)
def test_the_jacobian_is_that_of_the_urdf(urdf, q):
    np.testing.assert_allclose(forward(q[None])[2][0], of_urdf(urdf, q)[2], atol=1e-6)


@given(joint_vectors)
@settings(max_examples=50)
def test_the_jacobian_is_the_derivative_of_the_pose(q):
    step = 1e-6
    nudged = q + step * torch.eye(7, dtype=torch.float64)
    back = q - step * torch.eye(7, dtype=torch.float64)
    (p1, r1, _), (p0, r0, _) = forward(nudged), forward(back)
    linear = (p1 - p0).T / (2 * step)
    angular = rotation_vector(r1 @ r0.transpose(1, 2)).T / (2 * step)
    np.testing.assert_allclose(forward(q[None])[2][0], torch.cat((linear, angular)), atol=1e-6)


def test_limits_and_joint_names_are_those_of_the_urdf(urdf):
    model = urdf[0]
    assert tuple(model.names)[1:] == (*PANDA.arm_joints, *PANDA.finger_joints)
    np.testing.assert_allclose(model.lowerPositionLimit[:7], PANDA.limits.position_low)
    np.testing.assert_allclose(model.upperPositionLimit[:7], PANDA.limits.position_high)
    np.testing.assert_allclose(model.velocityLimit[:7], PANDA.limits.velocity)
    np.testing.assert_allclose(model.effortLimit[:7], PANDA.limits.torque)
    assert model.upperPositionLimit[7:].sum() == pytest.approx(PANDA.gripper_max_width)


def test_rows_of_a_batch_do_not_touch_each_other():
    torch.manual_seed(0)
    q = LOW + (HIGH - LOW) * torch.rand(5, 7, dtype=torch.float64)
    for row, together in enumerate(zip(*forward(q), strict=True)):
        for alone, part in zip(forward(q[row : row + 1]), together, strict=True):
            np.testing.assert_allclose(alone[0], part, atol=1e-12)


def test_single_precision_is_good_to_a_hundredth_of_a_millimetre():
    torch.manual_seed(0)
    q = LOW + (HIGH - LOW) * torch.rand(1000, 7, dtype=torch.float64)
    np.testing.assert_allclose(forward(q.float())[0], forward(q)[0], atol=1e-5)


def test_at_home_the_hand_points_straight_down_with_the_fingers_closing_along_y():
    _, rotation, _ = forward(HOME)
    np.testing.assert_allclose(rotation[0, :, 2], (0, 0, -1), atol=1e-9)
    np.testing.assert_allclose(rotation[0, :, 1].abs(), (0, 1, 0), atol=1e-9)


# -- inverse


def test_staying_at_home_moves_nothing():
    position, rotation, _ = forward(HOME)
    np.testing.assert_allclose(inverse(position, rotation, HOME), HOME, atol=1e-9)


def test_every_grasp_in_the_workspace_is_reached_inside_the_joint_limits(grasps):
    q, position, rotation = grasps
    distance, angle = pose_error(q, position, rotation)
    worst = int(distance.argmax())
    assert distance.max() < 1e-3, f"{1e3 * distance.max():.2f} mm off at {position[worst].tolist()}"
    assert angle.max() < 5e-3
    margin = torch.minimum(q - LOW, HIGH - q).amin()
    assert margin > 0, f"a joint stands at its limit (margin {margin:.4f} rad)"


def test_three_iterations_reach_targets_within_five_centimetres(grasps):
    q, position, rotation = grasps
    torch.manual_seed(0)
    offset = torch.nn.functional.normalize(torch.randn(len(q), 3, dtype=torch.float64), dim=1)
    position = position + 0.05 * torch.rand(len(q), 1, dtype=torch.float64) * offset
    found = inverse(position, rotation, q, iterations=3)
    free = ((found > LOW + 1e-6) & (found < HIGH - 1e-6)).all(1)  # a joint at its limit cannot go on
    assert free.double().mean() > 0.95
    distance, angle = (error[free] for error in pose_error(found, position, rotation))
    assert distance.max() < STATED_ACCURACY, f"worst {1e3 * distance.max():.2f} mm of {len(distance)}"
    assert angle.max() < 1e-3


def test_three_iterations_reach_targets_within_five_centimetres_of_home():
    torch.manual_seed(0)
    start, rotation, _ = forward(HOME.expand(200, 7))
    offset = torch.nn.functional.normalize(torch.randn(200, 3, dtype=torch.float64), dim=1)
    position = start + 0.05 * torch.rand(200, 1, dtype=torch.float64) * offset
    turn = rotation_matrix(0.1 * offset.flip(0)) @ rotation
    distance, angle = pose_error(inverse(position, turn, HOME.expand(200, 7)), position, turn)
    assert distance.max() < STATED_ACCURACY, f"worst {1e3 * distance.max():.3f} mm"
    assert angle.max() < 1e-3


def test_the_pull_toward_home_does_not_push_the_tool_off_its_place(grasps):
    q, position, rotation = grasps
    for _ in range(40):
        q = inverse(position, rotation, q, iterations=2)
    off = pose_error(q, position, rotation)[0].max()
    assert off < STATED_ACCURACY, f"held for 40 steps, the tool stands {1e3 * off:.2f} mm beside its target"


@given(joint_vectors, directions, st.floats(0, 3))
@settings(max_examples=100)
def test_no_target_however_far_takes_a_joint_beyond_its_limits(q, direction, distance):
    position, rotation, _ = forward(q[None])
    away = torch.tensor([direction], dtype=torch.float64)
    found = inverse(position + distance * away, rotation, q[None], iterations=5)
    assert torch.isfinite(found).all()
    assert ((found >= LOW) & (found <= HIGH)).all()


# -- rotations


@given(directions, angles)
def test_rotation_vector_undoes_rotation_matrix(direction, angle):
    vector = torch.tensor([direction], dtype=torch.float64)
    vector = vector / vector.norm() * angle
    np.testing.assert_allclose(rotation_vector(rotation_matrix(vector)), vector, atol=1e-6)


@given(directions, st.floats(0, 1e-3))
def test_small_turns_survive_in_single_precision(direction, angle):
    vector = torch.tensor([direction], dtype=torch.float32)
    vector = vector / vector.norm() * angle
    np.testing.assert_allclose(rotation_vector(rotation_matrix(vector)), vector, atol=2e-7)


@given(directions, st.floats(0, 20))
def test_a_rotation_matrix_is_orthonormal_and_right_handed(direction, angle):
    matrix = rotation_matrix(torch.tensor([direction], dtype=torch.float64) * angle)[0]
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)
    assert torch.linalg.det(matrix) == pytest.approx(1.0)


def test_a_quarter_turn_about_z_takes_x_to_y():
    quarter = rotation_matrix(torch.tensor([[0.0, 0.0, math.pi / 2]], dtype=torch.float64))[0]
    np.testing.assert_allclose(
        quarter @ torch.tensor([1.0, 0, 0], dtype=torch.float64), (0, 1, 0), atol=1e-12
    )


@settings(max_examples=50)
@given(st.lists(joint_vectors, min_size=1, max_size=4))
def test_without_torch_the_tool_is_at_the_same_place(joints):
    q = torch.stack(joints)
    for mine, torchs in zip(tool_pose(q.numpy()), forward(q)[:2], strict=True):
        np.testing.assert_allclose(mine, torchs.numpy(), rtol=0, atol=1e-14)


# -- the number of rows


@pytest.mark.parametrize("function", ["rotation_vector", "rotation_matrix", "forward", "inverse"])
@pytest.mark.parametrize("rows", [1, 3, 5, 11, 16, 31, 64, 127])
def test_no_digit_of_a_row_depends_on_how_many_rows_there_are(function, rows):
    """So that an episode is the same in 1 or 64 environments; with `torch.atan2` and `matrix_exp` it was not."""
    torch.manual_seed(0)
    vectors = 2 * torch.rand(127, 3) - 1
    q = (LOW + (HIGH - LOW) * torch.rand(127, 7, dtype=torch.float64)).float()
    position, rotation, _ = forward(q)
    given = {
        "rotation_vector": (rotation_vector, (rotation_matrix(vectors),)),
        "rotation_matrix": (rotation_matrix, (vectors,)),
        "forward": (lambda joints: forward(joints)[0], (q,)),
        "inverse": (inverse, (position + 0.01, rotation, q)),
    }
    compute, arguments = given[function]
    whole = compute(*arguments)
    for first in range(0, 127, rows):
        part = compute(*(argument[first : first + rows] for argument in arguments))
        assert torch.equal(part, whole[first : first + rows])


@given(directions, angles)
def test_a_rotation_vector_comes_back_from_its_matrix(direction, angle):
    vector = torch.tensor([direction], dtype=torch.float64)
    vector = vector / vector.norm() * angle
    back = rotation_vector(rotation_matrix(vector))
    np.testing.assert_allclose(back, vector, atol=1e-9)
    np.testing.assert_allclose(
        rotation_matrix(vector)[0], torch.linalg.matrix_exp(skew(vector[0])), atol=1e-12
    )


def skew(v):
    x, y, z = v.tolist()
    return torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
