"""What relative tool motion and grasps mean, for every robot: geometry that its kinematics must bear out."""

import math

import numpy as np
import pytest
import torch

from robots.registry import names, robot

pytestmark = pytest.mark.usefixtures("one_thread")
N = 64


@pytest.fixture(params=names())
def model(request):
    return robot(request.param)


@pytest.fixture
def reachable(model):
    """Points that the hand reaches when it grasps from above ``[N, 3]`` [m], and headings ``[N]`` [rad]."""
    rng = np.random.default_rng(0)
    low, high, scale = np.array((0.36, -0.18, 0.03)), np.array((0.62, 0.18, 0.12)), model.workspace.scale
    points = scale * rng.uniform(low, high, (N, 3)) + (model.workspace.offset, 0, 0)
    return torch.tensor(points), torch.tensor(rng.uniform(-math.pi, math.pi, N))


def test_a_turn_brings_the_tool_to_its_goal(model, reachable):
    points, closing = reachable
    control = model.tool_control()
    start = control.grasp_rotation(points, closing)
    goal = control.grasp_rotation(points, closing + 0.3)
    turned = control.turned(points, start, control.turn_to(start, goal))
    torch.testing.assert_close(turned, goal, atol=1e-6, rtol=0)


def test_no_turn_leaves_the_tool_as_it_was(model, reachable):
    points, closing = reachable
    control = model.tool_control()
    rotation = control.grasp_rotation(points, closing)
    still = torch.zeros_like(control.turn_to(rotation, rotation))
    torch.testing.assert_close(control.turned(points, rotation, still), rotation, atol=1e-7, rtol=0)


def test_a_grasp_comes_from_above_and_closes_along_the_heading(model, reachable):
    points, closing = reachable
    rotation = model.tool_control().grasp_rotation(points, closing)
    assert (rotation[:, 2, 2] < -0.9).all(), "the approach does not point down"
    along = rotation[:, 0, 1] * closing.cos() + rotation[:, 1, 1] * closing.sin()
    across = rotation[:, 1, 1] * closing.cos() - rotation[:, 0, 1] * closing.sin()
    assert across.abs().max() < 1e-6, "seen from above, it does not close along the heading"
    assert along.abs().min() > 0.9


def test_the_arm_can_be_where_it_grasps_if_the_grasp_is_one_that_it_can_turn_to(model, reachable):
    points, closing = reachable
    control, kinematics = model.tool_control(), model.kinematics()
    feasible = control.grasp_turn(points, closing) < math.pi / 2 - 0.05
    assert feasible.sum() > N / 4
    rotation = control.grasp_rotation(points, closing)
    q = torch.tensor(model.spec.home, dtype=torch.float64).repeat(N, 1)
    for _ in range(20):
        q = kinematics.inverse(points, rotation, q)
    position, turned, _ = kinematics.forward(q)
    assert (position - points).norm(dim=1)[feasible].max() < 1e-3
    # The tool of an arm without a free wrist lies a little beside the plane of the arm.
    assert (control.turn_to(turned, rotation).abs().amax(1))[feasible].max() < 0.12


def test_rows_of_the_jacobian_are_what_small_joint_motions_do(model):
    kinematics, control = model.kinematics(), model.tool_control()
    rng, step = np.random.default_rng(1), 1e-5
    q = torch.tensor(model.spec.home) + torch.tensor(rng.uniform(-0.2, 0.2, (8, len(model.spec.home))))
    position, rotation, jacobian = kinematics.forward(q)
    rows = control.jacobian(rotation, jacobian)
    for joint in range(q.shape[1]):
        moved = q.clone()
        moved[:, joint] += step
        there, turned, _ = kinematics.forward(moved)
        measured = torch.cat(((there - position), control.turn_to(rotation, turned)), 1) / step
        # The wrist of the SO-ARM is built a twentieth of a degree aslant.
        torch.testing.assert_close(rows[:, :, joint], measured, atol=5e-3, rtol=0)


def test_the_hand_in_torch_is_the_gripper(model):
    gripper, hand = model.gripper, model.hand()
    widths = np.linspace(gripper.min_width, gripper.max_width, 30)
    joints = gripper.joints_at(widths)
    np.testing.assert_allclose(hand.joints_at(torch.from_numpy(widths)), joints, atol=1e-7)
    np.testing.assert_allclose(hand.width(torch.from_numpy(joints)), widths, atol=1e-9)


def test_what_the_fingers_close_on_is_touched_and_what_is_far_is_not(model):
    hand, gripper = model.hand(), model.gripper
    position, rotation = (torch.from_numpy(v).float() for v in model.chain.pose(np.array([model.spec.home])))
    closed = torch.from_numpy(gripper.joints_at(np.array([gripper.min_width]))).float()
    opened = torch.from_numpy(gripper.joints_at(np.array([gripper.open_width]))).float()
    # Half way between the fingers where they are open; a closed gripper has one of them there, or both.
    assert hand.distance(position[:, None], position, rotation, opened) > 0.005
    assert hand.distance(position[:, None], position, rotation, closed) < 0.012
    away = position + rotation[:, :, 2] * 0.1
    assert hand.distance(away[:, None], position, rotation, opened) > 0.05
