"""`Layout`: where table, robot and cameras are, against the same computed with another library, seen from the room.

The room is where nothing moves: the nominal base's frame. A table is turned about its middle and raised; a robot is
moved and turned on the floor; a camera is moved along the room's axes and turned about its own.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform, Rotation

from tasks import poses
from tasks.camera_spec import CameraSpec
from tasks.cameras import look_at, project
from tasks.tabletop.layout import Layout
from tasks.tabletop.workspace import TABLE_PIVOT, front_camera, wrist_camera

pytestmark = pytest.mark.usefixtures("one_thread")

FRONT, WRIST = front_camera(), wrist_camera()
PIVOT = np.array((*TABLE_PIVOT, 0.0))
EYE = np.array(FRONT.eye)
AXES = look_at(torch.tensor([FRONT.eye]), torch.tensor([FRONT.target]))[0]
RANGES = {
    "table_height": (-0.2, 0.1, 0),
    "table_tilt": (-0.3, 0.3, 2),
    "robot_base": (-0.2, 0.2, 3),
    "initial_arm": (-0.5, 0.5, 7),
    "front_position": (-0.5, 0.5, 3),
    "front_rotation": (-0.5, 0.5, 3),
}
"""What can be applied, and the number of components."""

quick = settings(max_examples=25, deadline=None)


def number(low, high, count):
    one = st.floats(low, high)
    return one if count == 0 else st.lists(one, min_size=count, max_size=count)


def layouts(*names):
    """Values of these settings, or of all."""
    return st.fixed_dictionaries({name: number(*RANGES[name]) for name in names or RANGES})


def layout_of(*values):
    """Solved layouts, an environment each."""
    n = len(values)
    layout = Layout(n, "cpu", {"front": FRONT, "wrist": WRIST})
    for row, settings_ in enumerate(values):
        for name, value in settings_.items():
            layout.set(name, [row], [value])
    layout.solve(torch.arange(n))
    return layout


# -- the same in scipy, in the room


def translation(*vector):
    return RigidTransform.from_translation(vector)


def turn(rotation_vector):
    return RigidTransform.from_rotation(Rotation.from_rotvec(rotation_vector))


def table_in_room(values):
    """Turned about its middle, which is then raised."""
    raised = translation(0, 0, values.get("table_height", 0.0))
    tilt = (*values.get("table_tilt", (0.0, 0.0)), 0.0)
    return raised * translation(*PIVOT) * turn(tilt) * translation(*-PIVOT)


def base_in_room(values):
    x, y, yaw = values.get("robot_base", (0.0, 0.0, 0.0))
    return translation(x, y, 0.0) * turn((0.0, 0.0, yaw))


def camera_in_room(values):
    nominal = RigidTransform.from_components(EYE, Rotation.from_matrix(AXES.numpy()))
    moved = translation(*values.get("front_position", (0.0,) * 3))
    return moved * nominal * turn(values.get("front_rotation", (0.0,) * 3))


def assert_pose(pose, expected, atol=2e-6):
    """A pose ``[7]`` against scipy's."""
    np.testing.assert_allclose(pose[:3], expected.translation, atol=atol)
    np.testing.assert_allclose(poses.matrix(pose[3:]), expected.rotation.as_matrix(), atol=atol)


# -- nominal


@pytest.mark.parametrize("solved", [False, True])
def test_nominally_all_frames_are_one_and_cameras_stand_as_calibrated_to_the_last_bit(solved):
    layout = layout_of({}, {}) if solved else Layout(2, "cpu", {"front": FRONT, "wrist": WRIST})
    identity = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]).expand(2, 7)
    assert torch.equal(layout.base, identity)
    assert torch.equal(layout.room, identity)
    assert torch.equal(layout.camera_position["front"], torch.tensor(FRONT.eye).expand(2, 3))
    assert torch.equal(layout.camera_rotation["front"], AXES.expand(2, 3, 3))
    assert torch.equal(layout.up, torch.tensor((0.0, 0.0, 1.0)).expand(2, 3))
    assert torch.equal(layout.table_height_in_base, torch.zeros(2))


@given(layouts())
@quick
def test_what_was_moved_comes_back_exactly(values):
    layout = layout_of(values)
    for name in RANGES:
        nominal = Layout(1, "cpu", {"front": FRONT})[name]
        layout.set(name, [0], nominal.tolist())
    layout.solve(torch.arange(1))
    fresh = layout_of({})
    assert torch.equal(layout.base, fresh.base)
    assert torch.equal(layout.camera_position["front"], fresh.camera_position["front"])
    assert torch.equal(layout.camera_rotation["front"], fresh.camera_rotation["front"])


def test_a_camera_on_a_link_is_none_of_its_business():
    assert set(layout_of({}).camera_position) == set(layout_of({}).camera_rotation) == {"front"}


# -- against scipy


@given(layouts())
@quick
def test_the_base_stands_on_the_table_frame_where_it_does_in_the_room(values):
    layout = layout_of(values)
    assert_pose(layout.room[0], table_in_room(values).inv())
    assert_pose(layout.base[0], table_in_room(values).inv() * base_in_room(values))


@given(layouts(), st.lists(st.floats(-0.5, 0.5), min_size=3, max_size=3))
@quick
def test_a_point_of_the_table_is_seen_from_the_base_where_it_is(values, point):
    layout = layout_of(values)
    pose = torch.tensor([[*(point + PIVOT), 0.0, 0.0, 0.0, 1.0]], dtype=torch.float32)
    expected = (base_in_room(values).inv() * table_in_room(values)).apply(point + PIVOT)
    np.testing.assert_allclose(poses.relative(layout.base, pose)[0, :3], expected, atol=2e-6)


@given(layouts())
@quick
def test_cameras_are_told_in_the_bases_frame(values):
    layout = layout_of(values)
    expected = base_in_room(values).inv() * camera_in_room(values)
    np.testing.assert_allclose(layout.camera_position["front"][0], expected.translation, atol=2e-6)
    np.testing.assert_allclose(layout.camera_rotation["front"][0], expected.rotation.as_matrix(), atol=2e-6)


@given(layouts())
@quick
def test_the_vertical_stays_the_rooms(values):
    expected = table_in_room(values).rotation.inv().apply((0.0, 0.0, 1.0))
    np.testing.assert_allclose(layout_of(values).up[0], expected, atol=2e-6)


# -- one thing at a time


@given(layouts("table_height", "robot_base"))
@quick
def test_a_higher_table_is_higher_by_so_much_wherever_the_robot_stands(values):
    height = layout_of(values).table_height_in_base
    assert float(height[0]) == pytest.approx(values["table_height"], abs=1e-6)


@given(layouts("table_height", "table_tilt"))
@quick
def test_a_tilted_tables_middle_is_as_high_as_it_was(values):
    layout = layout_of(values)
    assert float(layout.table_height_in_base[0]) == pytest.approx(values["table_height"], abs=1e-6)
    middle = torch.tensor([[*PIVOT, 0.0, 0.0, 0.0, 1.0]], dtype=torch.float32)
    seen = poses.relative(layout.base, middle)[0, :2]
    np.testing.assert_allclose(seen, TABLE_PIVOT, atol=1e-6, err_msg="the middle moved sideways")


def test_a_table_turned_about_y_falls_off_toward_x():
    layout = layout_of({"table_tilt": [0.0, 0.1]})
    far = torch.tensor([[TABLE_PIVOT[0] + 0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]])
    assert float(poses.relative(layout.base, far)[0, 2]) == pytest.approx(-0.3 * np.sin(0.1), abs=1e-6)
    assert layout.up[0, 0] < 0, "gravity, the other way, pulls toward x"


def test_a_robot_that_moves_forward_and_turns_left_sees_the_table_come_nearer_and_to_the_right():
    layout = layout_of({"robot_base": [0.1, 0.0, 0.2]})
    point = poses.relative(layout.base, torch.tensor([[0.6, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]]))[0]
    np.testing.assert_allclose(point[:2], (0.5 * np.cos(0.2), -0.5 * np.sin(0.2)), atol=1e-6)


@given(layouts("front_position"))
@quick
def test_a_camera_that_is_moved_looks_the_same_way(values):
    layout = layout_of(values)
    moved = layout.camera_position["front"][0] - torch.tensor(FRONT.eye)
    np.testing.assert_allclose(moved, values["front_position"], atol=1e-6)
    assert torch.equal(layout.camera_rotation["front"][0], AXES)


@pytest.mark.parametrize(
    ("axis", "what"), [(0, "x looks up"), (1, "y looks right"), (2, "z rolls clockwise")]
)
def test_a_camera_turns_about_its_own_axes(axis, what):
    vector = [0.0] * 3
    vector[axis] = 0.1
    turned = layout_of({"front_rotation": vector}).camera_rotation["front"][0]
    forward = AXES.T @ turned[:, 2]  # in the axes that it had: right, down, ahead
    right = AXES.T @ turned[:, 0]
    s = np.sin(0.1)
    expected = {0: ((0, -s), 0.0), 1: ((s, 0), 0.0), 2: ((0, 0), s)}[axis]
    np.testing.assert_allclose(forward[:2], expected[0], atol=1e-6, err_msg=what)
    assert float(right[1]) == pytest.approx(expected[1], abs=1e-6), what


def test_each_fixed_camera_is_moved_and_turned_by_itself():
    """Two that look from two sides: what is asked of one does nothing to the other."""
    side = CameraSpec("side", 224, 224, 400.0, eye=(0.5, -1.2, 0.6), target=(0.5, 0.0, 0.0))
    cameras = {"front": FRONT, "side": side, "wrist": WRIST}
    nominal, moved = Layout(1, "cpu", cameras), Layout(1, "cpu", cameras)
    assert {"front_position", "front_rotation", "side_position", "side_rotation"} <= moved.names
    moved.set("side_position", [0], [[0.1, 0.2, -0.05]])
    moved.set("side_rotation", [0], [[0.0, 0.0, 0.3]])
    moved.solve(torch.arange(1))
    shift = moved.camera_position["side"][0] - nominal.camera_position["side"][0]
    np.testing.assert_allclose(shift, (0.1, 0.2, -0.05), atol=1e-6)
    roll = nominal.camera_rotation["side"][0].T @ moved.camera_rotation["side"][0]
    np.testing.assert_allclose(Rotation.from_matrix(roll.numpy()).as_rotvec(), (0, 0, 0.3), atol=1e-6)
    for what in ("camera_position", "camera_rotation"):
        assert torch.equal(getattr(moved, what)["front"], getattr(nominal, what)["front"]), what


def pixels(layout, points):
    """Where the front camera shows points ``[P, 3]`` of the table frame, by what policies are told."""
    pose = torch.cat((points, torch.tensor([0.0, 0.0, 0.0, 1.0]).expand(len(points), 4)), 1)
    seen = poses.relative(layout.base[:, None], pose[None])[..., :3]
    return project(seen, layout.camera_position["front"], layout.camera_rotation["front"], FRONT.intrinsics())


POINTS = torch.tensor(
    [[0.34, -0.19, 0.0], [0.66, -0.19, 0.0], [0.5, 0.0, 0.05], [0.34, 0.19, 0.0], [0.66, 0.19, 0.1]]
)


@given(layouts(), st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=3))
@quick
def test_moving_the_robot_changes_nothing_in_the_picture_of_the_table(values, base):
    """Cameras stay where they are in the room."""
    here, there = pixels(layout_of(values), POINTS), pixels(layout_of(values | {"robot_base": base}), POINTS)
    torch.testing.assert_close(here, there, atol=0.01, rtol=0)


@given(layouts("table_height", "table_tilt", "robot_base", "front_position", "front_rotation"))
@quick
def test_the_picture_is_that_of_the_room(values):
    in_room = table_in_room(values).apply(POINTS.numpy())
    camera = camera_in_room(values)
    in_camera = camera.inv().apply(in_room)
    k = FRONT.intrinsics().numpy()
    expected = (in_camera @ k.T)[:, :2] / in_camera[:, 2:]
    np.testing.assert_allclose(pixels(layout_of(values), POINTS)[0], expected, atol=0.01)


# -- rows


@given(layouts(), layouts())
@quick
def test_rows_are_independent_to_the_last_bit(a, b):
    together, alone = layout_of({}, a, b), layout_of(a)
    for name in ("base", "room", "up", "table_height_in_base"):
        assert torch.equal(getattr(together, name)[1], getattr(alone, name)[0]), name
    assert torch.equal(together.camera_position["front"][1], alone.camera_position["front"][0])
    assert torch.equal(together.camera_rotation["front"][1], alone.camera_rotation["front"][0])


@given(layouts(), layouts())
@quick
def test_only_the_rows_that_are_solved_change(a, b):
    layout = layout_of(a, a)
    before = layout.base.clone(), layout.camera_position["front"].clone()
    for name, value in b.items():
        layout.set(name, [0, 1], [value, value])
    layout.solve(torch.tensor([1]))
    assert torch.equal(layout.base[0], before[0][0])
    assert torch.equal(layout.camera_position["front"][0], before[1][0])
    assert torch.equal(layout.base[1], layout_of(b).base[0])


def test_the_settings_are_all_looked_at_here():
    assert RANGES.keys() == layout_of({}).names
