"""A small robot has the same scenes, smaller, and factors that do the same to it as to the reference arm."""

import numpy as np
import pytest
import torch

from robots.registry import names, robot
from tasks.tabletop.action_spaces import CONTROL_DT, action_specs
from tasks.tabletop.command_path import CommandPath
from tasks.tabletop.layout import Layout
from tasks.tabletop.reference import (
    JOINTS,
    REFERENCE,
    for_joints,
    grip_ratio,
    gripper_speed_ratio,
    hand_force_ratio,
    impulse_ratio,
    stiffness_ratio,
)
from tasks.tabletop.sensing import Sensing
from tasks.tabletop.workspace import OBJECT_REGION, composed, front_camera, on_table, pool

SMALL = robot("so_arm")


def test_on_the_reference_arm_a_factor_means_what_it_says():
    assert torch.equal(stiffness_ratio(REFERENCE, "cpu"), torch.ones(JOINTS))
    assert grip_ratio(REFERENCE) == gripper_speed_ratio(REFERENCE) == 1.0
    assert hand_force_ratio(REFERENCE) == impulse_ratio(REFERENCE) == 1.0


def test_a_torque_displaces_joints_of_a_soft_arm_as_it_does_the_references():
    torque = 2.0
    theirs = torque / np.array(REFERENCE.arm_drives.stiffness)
    mine = torque * stiffness_ratio(SMALL, "cpu").numpy() / np.array(SMALL.arm_drives.stiffness)
    np.testing.assert_allclose(mine, theirs[: len(mine)], rtol=1e-6)


def test_a_push_of_the_hand_turns_the_first_joint_of_a_small_arm_as_it_does_the_references():
    force, lever = 10.0, 0.5
    theirs = force * lever / REFERENCE.arm_drives.stiffness[0]
    mine = force * hand_force_ratio(SMALL) * lever * SMALL.workspace.scale / SMALL.arm_drives.stiffness[0]
    assert mine == pytest.approx(theirs)


def test_a_push_of_an_object_lets_a_small_one_slide_as_far_in_the_composed_scene():
    impulse, ways = 0.06, []
    for model in (REFERENCE, SMALL):
        slot = pool(model.workspace.scale)["cube_large"]
        speed = impulse * impulse_ratio(model) / (slot.body.mass * slot.scale**3)
        ways.append(speed**2 / model.workspace.scale)
    assert ways[0] == pytest.approx(ways[1])


def test_arms_with_fewer_joints_take_the_first_numbers_and_more_joints_get_none():
    assert for_joints([[1.0, 2.0, 3.0]], 2) == [[1.0, 2.0]]
    assert for_joints([[1.0, 2.0, 3.0]], 5) == [[1.0, 2.0, 3.0, 0.0, 0.0]]


@pytest.mark.parametrize("name", names())
def test_every_place_on_the_table_has_its_place_in_the_composed_scene(name):
    workspace = robot(name).workspace
    for x in OBJECT_REGION[0]:
        for y in OBJECT_REGION[1]:
            assert composed(on_table((x, y), workspace), workspace) == pytest.approx((x, y))


def test_a_small_table_holds_the_same_bodies_at_its_scale():
    whole, small = pool(), pool(SMALL.workspace.scale)
    assert list(whole) == list(small)
    for name, slot in small.items():
        assert slot.radius == pytest.approx(SMALL.workspace.scale * whole[name].radius)
        assert slot.height == pytest.approx(SMALL.workspace.scale * whole[name].height)


def test_the_front_camera_sees_a_small_table_as_it_sees_a_whole_one():
    """Of the middle and the corners of the region: the same pixels."""
    from tasks.cameras import look_at, project

    pixels = []
    for model in (REFERENCE, SMALL):
        camera = front_camera(224, model.workspace)
        eye = torch.tensor([camera.eye])
        corners = [(x, y) for x in OBJECT_REGION[0] for y in OBJECT_REGION[1]]
        points = torch.tensor([[(*on_table(c, model.workspace), 0.0) for c in corners]])
        pixels.append(project(points, eye, look_at(eye, torch.tensor([camera.target])), camera.intrinsics()))
    torch.testing.assert_close(pixels[0], pixels[1], atol=1e-2, rtol=0)


@pytest.mark.parametrize("name", names())
def test_a_hand_that_is_told_to_close_does_so_at_its_own_speed_all_the_way(name):
    model = robot(name)
    gripper, joints = model.gripper, len(model.spec.arm_joints)
    path = CommandPath(1, action_specs(name)["delta_joints"], model=model)
    home = torch.tensor([model.spec.home])
    path.reset(slice(None), home)
    close = torch.zeros(1, joints + 1)
    close[:, -1] = -1.0
    found = [path.standing[0, joints:].numpy()]
    for _ in range(60):
        path.receive(close)
        found.append(path.targets(home)[0, joints:].numpy())
    widths = gripper.width(np.stack(found))
    assert widths[0] == pytest.approx(gripper.open_width, abs=1e-6)
    assert widths[-1] == pytest.approx(gripper.min_width, abs=1e-6)
    fastest = np.abs(np.diff(np.stack(found), axis=0)).max() / CONTROL_DT
    assert 0.98 * gripper.speed < fastest <= gripper.speed


@pytest.mark.parametrize("name", names())
def test_what_is_told_and_sensed_has_the_robots_number_of_joints(name):
    model = robot(name)
    joints = len(model.spec.arm_joints)
    sensing = Sensing(2, model=model)
    sensing.begin([0, 1], [1, 2])
    state = torch.tensor(model.spec.home).repeat(2, 1)
    sensing.reset(torch.arange(2), state, torch.zeros_like(state), torch.full((2,), 0.01))
    measured = sensing.measure(torch.zeros(2, joints))
    torch.testing.assert_close(measured.joint_pos, state)
    position, _, _ = model.kinematics().forward(state)
    torch.testing.assert_close(measured.ee_position, position)
    layout = Layout(2, "cpu", {"front": front_camera(64, model.workspace)}, model)
    assert layout["initial_arm"].shape == (2, joints)
