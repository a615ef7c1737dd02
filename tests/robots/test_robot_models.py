"""Every robot keeps the promises of `RobotModel`, whatever it is made of."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from robots.franka.model import Panda
from robots.protocol import RobotModel
from robots.registry import names
from robots.registry import robot as robot_named
from robots.so_arm.model import SoArm
from tasks.tabletop.workspace import wrist_camera

ROOT = Path(__file__).parents[2]
MODELS = [robot_named(name) for name in names()]


@pytest.fixture(params=MODELS, ids=lambda model: model.spec.name)
def robot(request):
    return request.param


def test_it_is_a_robot_model(robot):
    assert isinstance(robot, RobotModel)


def test_numbers_chains_and_grippers_need_no_torch():
    """So that who reads datasets, and the robot's own computer, may know a robot without it."""
    code = (
        "import sys; from robots.franka.model import Panda; from robots.so_arm.model import SoArm\n"
        "for robot in (Panda(), SoArm()):\n"
        "    robot.chain.forward([robot.spec.home]), robot.gripper.joints_at([0.01])\n"
        "assert 'torch' not in sys.modules"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


def test_chain_and_spec_name_the_same_joints_and_limits(robot):
    spec, chain = robot.spec, robot.chain
    assert chain.joints == spec.arm_joints
    np.testing.assert_allclose(chain.low, spec.limits.position_low, rtol=0, atol=1e-12)
    np.testing.assert_allclose(chain.high, spec.limits.position_high, rtol=0, atol=1e-12)


def test_there_is_one_number_a_joint_and_limits_are_positive(robot):
    spec, count = robot.spec, len(robot.spec.arm_joints)
    assert len(spec.home) == len(spec.arm_links) == count
    for name in ("position_low", "position_high", "velocity", "acceleration", "jerk", "torque"):
        assert len(getattr(spec.limits, name)) == count, name
    for name in ("velocity", "acceleration", "jerk", "torque"):
        assert min(getattr(spec.limits, name)) > 0, name
    assert min(spec.tool_velocity, spec.tool_angular_velocity, spec.gripper_force, spec.gripper_speed) > 0


def test_home_keeps_a_tenth_of_a_radian_from_every_limit(robot):
    home, chain = np.array(robot.spec.home), robot.chain
    assert np.minimum(home - chain.low, chain.high - home).min() > 0.1


def test_at_home_the_tool_approaches_downward_before_the_base(robot):
    position, rotation = robot.chain.pose(np.array([robot.spec.home]))
    assert position[0, 0] > 0.15
    assert position[0, 2] > 0.05
    assert abs(position[0, 1]) < 1e-3
    assert rotation[0, 2, 2] < -0.9, "the tool's z axis does not point down"


def test_torch_kinematics_are_those_of_the_chain(robot):
    chain, kinematics = robot.chain, robot.kinematics()
    q = np.random.default_rng(0).uniform(chain.low, chain.high, (20, len(chain.joints)))
    for mine, torchs in zip(chain.forward(q), kinematics.forward(torch.from_numpy(q)), strict=True):
        np.testing.assert_allclose(mine, torchs, rtol=0, atol=1e-14)


def test_staying_where_it_is_moves_nothing(robot):
    kinematics, home = robot.kinematics(), torch.tensor([robot.spec.home], dtype=torch.float64)
    position, rotation, _ = kinematics.forward(home)
    np.testing.assert_allclose(kinematics.inverse(position, rotation, home), home, atol=1e-9)


def test_the_grippers_joints_come_back_from_its_width(robot):
    gripper = robot.gripper
    widths = np.linspace(gripper.min_width, gripper.max_width, 50)
    joints = gripper.joints_at(widths)
    assert joints.shape == (50, len(gripper.joints))
    assert gripper.joints == robot.spec.finger_joints
    np.testing.assert_allclose(gripper.width(joints), widths, atol=1e-9)
    assert (np.diff(joints, axis=0) > 0).all(), "a wider gripper has larger joint positions"


def test_widths_beyond_what_the_gripper_can_are_the_nearest_it_can(robot):
    gripper = robot.gripper
    at = gripper.width(gripper.joints_at(np.array([-1.0, 1.0])))
    np.testing.assert_allclose(at, (gripper.min_width, gripper.max_width), atol=1e-9)
    assert robot.spec.gripper_max_width == gripper.max_width


def test_the_gripper_closes_along_the_tools_y():
    """Tool y, seen from the hand, is where the fingers go: Panda's left finger moves along y, SO-ARM's jaw along x."""
    so_arm = Rotation.from_quat(SoArm().spec.tool_rotation).as_matrix()
    np.testing.assert_allclose(so_arm[:, 1], (1, 0, 0), atol=1e-12)
    np.testing.assert_allclose(so_arm[:, 2], (0, 0, -1), atol=1e-12)
    np.testing.assert_allclose(Rotation.from_quat(Panda().spec.tool_rotation).as_matrix(), np.eye(3))


def test_the_wrist_camera_sees_the_tool(robot):
    spec, mount = robot.spec, robot.wrist_camera
    assert mount.link == spec.hand_body
    assert np.linalg.norm(mount.rotation) == pytest.approx(1, abs=2e-3)
    axes = Rotation.from_quat(mount.rotation).as_matrix()
    x, y, z = axes.T @ (np.array(spec.tool_offset) - mount.position)
    half = np.tan(mount.field_of_view / 2)
    assert z > 0.02, "the tool is behind the camera"
    assert max(abs(x), abs(y)) / z < half, f"the tool is outside of the image, at {x / z:.2f}, {y / z:.2f}"


def test_the_tasks_wrist_camera_has_the_mounts_field_of_view():
    mount = Panda().wrist_camera
    camera = wrist_camera()
    assert np.tan(mount.field_of_view / 2) == pytest.approx(camera.width / 2 / camera.focal_px)
