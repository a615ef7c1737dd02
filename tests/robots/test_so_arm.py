"""The SO-ARM's numbers against its description, and what its five joints reach."""

from types import SimpleNamespace

import numpy as np
import pinocchio
import pytest
import torch
import trimesh

from robots.descriptions import description_folder
from robots.rotations import rotation_matrix, rotation_vector
from robots.so_arm import SO_ARM, spec
from robots.so_arm.chain import angular_rows, so_arm_chain
from robots.so_arm.gripper import JawGripper
from robots.so_arm.kinematics import forward, hand_rotation, inverse
from robots.urdf import read_urdf, rotation_of_rpy

DESCRIPTION = description_folder("so_arm_description")
URDF = DESCRIPTION / "urdf" / "so101.urdf"
HOME = torch.tensor([SO_ARM.home], dtype=torch.float64)


@pytest.fixture(scope="module")
def model():
    return pinocchio.buildModelFromUrdf(str(URDF))


def postures(count=2000):
    """Joint positions over all of the range, jaw included ``[count, 6]``."""
    low, high = (*SO_ARM.limits.position_low, spec.JAW_LOW), (*SO_ARM.limits.position_high, spec.JAW_HIGH)
    return np.random.default_rng(0).uniform(low, high, (count, 6))


# -- numbers


def test_joints_and_their_limits_are_those_of_the_urdf(model):
    assert tuple(model.names)[1:] == (*SO_ARM.arm_joints, *SO_ARM.finger_joints)
    low, high = model.lowerPositionLimit, model.upperPositionLimit
    np.testing.assert_array_equal(low, (*SO_ARM.limits.position_low, spec.JAW_LOW))
    np.testing.assert_array_equal(high, (*SO_ARM.limits.position_high, spec.JAW_HIGH))
    assert [model.frames[model.getFrameId(name)].parentJoint for name in SO_ARM.arm_links] == [1, 2, 3, 4, 5]


def test_the_tool_lies_beside_the_urdfs_gripper_frame_and_approaches_as_it_does(model):
    data, frame = model.createData(), model.getFrameId("gripper_frame_link")
    for q in postures(50):
        pinocchio.forwardKinematics(model, data, q)
        pinocchio.updateFramePlacements(model, data)
        theirs = data.oMf[frame]
        position, rotation = so_arm_chain().pose(q[None, :5])
        np.testing.assert_allclose(position[0], theirs.act(np.array((-0.021, 0, 0))), rtol=0, atol=1e-7)
        np.testing.assert_allclose(rotation[0, :, 2], theirs.rotation[:, 2], rtol=0, atol=1e-5)
        np.testing.assert_allclose(rotation[0, :, 1], -theirs.rotation[:, 0], rtol=0, atol=1e-5)


def test_weight_and_inertia_in_the_worst_pose_are_those_of_the_description(model):
    data = model.createData()
    weight, inertia = np.zeros(5), np.zeros(5)
    for q in postures():
        weight = np.maximum(weight, np.abs(pinocchio.computeGeneralizedGravity(model, data, q))[:5])
        inertia = np.maximum(inertia, np.diag(pinocchio.crba(model, data, q))[:5] + spec.ARMATURE)
    assert (weight <= np.array(spec.GREATEST_WEIGHT) + 1e-9).all(), weight
    assert (inertia <= spec.GREATEST_INERTIA).all(), inertia
    # ... and no larger than need be.
    np.testing.assert_allclose(spec.GREATEST_INERTIA, inertia, rtol=0.04)
    np.testing.assert_allclose(spec.GREATEST_WEIGHT, weight, atol=0.02)


def test_the_motors_can_accelerate_the_arm_as_the_limits_say():
    """At the limit of speed half the torque is left; it carries the arm and accelerates it."""
    share = 1 - np.array(SO_ARM.limits.velocity) / spec.NO_LOAD_SPEED
    needed = np.array(spec.GREATEST_WEIGHT) + np.array(spec.GREATEST_INERTIA) * SO_ARM.limits.acceleration
    assert (needed <= share * spec.STALL_TORQUE + 1e-9).all()
    assert max(SO_ARM.limits.acceleration) <= spec.SERVO_ACCELERATION


# -- jaw


def in_gripper_link(part, joint_angle=None):
    """Vertices of a part's mesh in the gripper link's frame ``[V, 3]`` [m]; of the moving jaw, at an angle."""
    if joint_angle is None:
        vertices = trimesh.load(DESCRIPTION / "meshes/so101" / part).vertices
        return vertices @ rotation_of_rpy(np.array((np.pi, 0, 0))).T + np.array(
            (0, -0.000218214, 0.000949706)
        )
    vertices = trimesh.load(DESCRIPTION / "meshes/so101" / part).vertices + np.array((0, 0, 0.0189))
    joint = next(j for j in read_urdf(URDF).joints if j.name == "gripper")
    turn = joint.rotation @ rotation_of_rpy(np.array((0, 0, joint_angle)))
    return vertices @ turn.T + joint.position


def test_the_fixed_jaws_face_is_where_the_spec_puts_it():
    vertices = in_gripper_link("wrist_roll_follower_so101_v1.stl")
    tip = vertices[np.abs(vertices[:, 2] - spec.FACE[2]) < 2e-3]
    assert tip[:, 0].max() == pytest.approx(spec.FACE[0], abs=1e-4)
    assert vertices[:, 2].min() == pytest.approx(spec.FACE[2] - 0.006, abs=5e-4)


@pytest.mark.parametrize(
    ("degrees", "tolerance"), [(-10, 1.2e-3), (0, 2e-4), (10, 6e-4), (20, 6e-4), (30, 1.2e-3)]
)
def test_the_opening_is_the_clearance_between_the_meshes(degrees, tolerance):
    angle = np.radians(degrees)
    vertices = in_gripper_link("moving_jaw_so101_v1.stl", angle)
    level = vertices[np.abs(vertices[:, 2] - spec.FACE[2]) < 2e-3]  # at the height of the tool
    clearance = level[:, 0].min() - spec.FACE[0]
    assert JawGripper().width(np.array([[angle]]))[0] == pytest.approx(clearance, abs=tolerance)


def test_the_tool_is_in_the_middle_of_the_opening_when_the_faces_are_parallel():
    assert JawGripper().width(np.radians([[20.0]]))[0] / 2 == pytest.approx(spec.TOOL_SPAN, abs=2e-4)


# -- inverse


def workspace():
    """Places, and pitches and rolls of the hand that the arm can take there, jaws upright and sideways."""
    grid = np.meshgrid(
        (0.18, 0.22, 0.26),
        (-0.12, 0.0, 0.12),
        (0.01, 0.05, 0.08),
        np.radians((60, 75)),
        (0.0, 1.5),
        indexing="ij",
    )
    x, y, z, pitch, roll = (torch.from_numpy(values.ravel()) for values in grid)
    return torch.stack((x, y, z), 1), pitch, roll


@pytest.fixture(scope="module")
def reached():
    """Targets of the workspace and the joints that hold them, found step by step from home."""
    position, pitch, roll = workspace()
    rotation = hand_rotation(position, pitch, roll)
    q = HOME.expand(len(position), 5)
    for _ in range(60):
        at, _, _ = forward(q)
        step = position - at
        step = step * (0.02 / step.norm(dim=1, keepdim=True).clamp_min(1e-9)).clamp_max(1)
        q = inverse(at + step, rotation, q, iterations=1)
    return position, rotation, inverse(position, rotation, q, iterations=10)


def errors(q, position, rotation):
    """Of the tool: distance [m], and the two rotations that count [rad] ``[N]``."""
    at, turned, jacobian = forward(q)
    off = torch.from_numpy(angular_rows(turned.numpy(), jacobian.numpy()))
    turn = rotation_vector(rotation @ turned.transpose(1, 2))
    return (at - position).norm(dim=1), (off @ turn[:, :, None])[:, :, 0].abs().amax(1)


def test_every_place_is_reached_with_the_pitch_and_roll_asked_for(reached):
    position, rotation, q = reached
    distance, angle = errors(q, position, rotation)
    worst = int(distance.argmax())
    assert distance.max() < 1e-5, f"{1e3 * distance.max():.3f} mm off at {position[worst].tolist()}"
    assert angle.max() < 1e-4
    assert (q > torch.tensor(SO_ARM.limits.position_low)).all()
    assert (q < torch.tensor(SO_ARM.limits.position_high)).all()


def test_what_is_given_up_is_a_lean_of_a_few_degrees(reached):
    """The tool stands up to 13 mm beside the arm's plane, which then passes the tool's place at that distance."""
    _, rotation, q = reached
    cosine = (forward(q)[1][:, :, 2] * rotation[:, :, 2]).sum(1)
    assert torch.arccos(cosine.clamp(-1, 1)).max() < np.radians(5)


def test_three_steps_from_fifteen_millimetres_off_come_within_a_hundredth_of_a_millimetre(reached):
    position, rotation, q = reached
    torch.manual_seed(0)
    offset = torch.nn.functional.normalize(torch.randn(len(q), 3, dtype=torch.float64), dim=1)
    distance, _ = errors(inverse(position + 0.015 * offset, rotation, q), position + 0.015 * offset, rotation)
    assert distance.median() < 1e-5, f"median {1e3 * distance.median():.4f} mm"


def test_a_lean_that_the_arm_cannot_give_costs_no_position(reached):
    position, rotation, q = reached
    normal = torch.linalg.cross(
        rotation[:, :, 2], torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64), dim=1
    )
    across = torch.linalg.cross(torch.nn.functional.normalize(normal, dim=1), rotation[:, :, 2], dim=1)
    leaned = rotation_matrix(0.3 * across) @ rotation
    at, _, _ = forward(inverse(position, leaned, q, iterations=10))
    assert (at - position).norm(dim=1).max() < 1e-4


def test_numpy_and_torch_reach_the_same(reached):
    position, rotation, q = (values.numpy() for values in reached)
    mine = so_arm_chain().inverse(position + 0.01, rotation, q, angular_rows=angular_rows)
    torchs = inverse(*(torch.from_numpy(values) for values in (position + 0.01, rotation, q)))
    np.testing.assert_allclose(mine, torchs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("rows", [1, 5, 31])
def test_no_digit_of_a_row_depends_on_how_many_rows_there_are(reached, rows):
    position, rotation, q = (values.float() for values in reached)
    whole = inverse(position + 0.01, rotation, q)
    for first in range(0, len(q), rows):
        part = slice(first, first + rows)
        assert torch.equal(inverse(position[part] + 0.01, rotation[part], q[part]), whole[part])


def test_a_hand_straight_down_closes_outward_and_at_a_quarter_turn_sideways():
    position = torch.tensor([[0.25, 0.0, 0.0]], dtype=torch.float64)
    down, level = torch.tensor([[np.pi / 2], [0.0]], dtype=torch.float64)
    straight = hand_rotation(position, down, level)[0]
    np.testing.assert_allclose(straight[:, 2], (0, 0, -1), atol=1e-6)
    np.testing.assert_allclose(straight[:, 1], (1, 0, 0), atol=1e-6)
    np.testing.assert_allclose(hand_rotation(position, level, level)[0, :, 2], (1, 0, 0), atol=1e-6)
    sideways = hand_rotation(position, down, down)[0]
    np.testing.assert_allclose(sideways[:, 1].abs(), (0, 1, 0), atol=1e-6)
    assert torch.linalg.det(sideways) == pytest.approx(1)


def test_without_its_description_the_sentence_says_what_brings_it(monkeypatch, tmp_path):
    elsewhere = SimpleNamespace(locate_file=lambda path: tmp_path / path)
    monkeypatch.setattr("robots.descriptions.distribution", lambda name: elsewhere)
    with pytest.raises(
        FileNotFoundError, match=r"example-robot-data, which the extras \[sim\] and \[view\] bring"
    ):
        description_folder("so_arm_description")
