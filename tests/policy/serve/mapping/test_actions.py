"""Actions of servers in the task's own: every convention is the same motion, and back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from policy.serve.mapping.actions import ChunkReader, Now, conversions, execute_steps, problems, written
from policy.serve.mapping.mapping import WireActions, WireGripper
from tasks.tabletop.action_spaces import DELTA_EEF, DELTA_JOINTS, action_specs

START = Now(
    np.array([0.4, 0.1, 0.3, *Rotation.from_euler("xyz", [3.0, 0.2, -0.4]).as_quat()]),
    np.linspace(-0.5, 0.8, 7),
)
FORMS = ["rotation_vector", "euler_xyz", "quaternion_xyzw", "quaternion_wxyz", "rotation_6d", "matrix"]


def wide(spec):
    """The same actions for a robot without bounds, so that nothing is clipped."""
    return replace(spec, channels=tuple(replace(c, low=-9.0, high=9.0) for c in spec.channels))


def chunks(dim, scale):
    values = st.floats(-scale, scale)
    row = st.tuples(*[values] * (dim - 1), st.sampled_from([-1.0, 1.0]))
    return st.lists(row, min_size=1, max_size=6).map(lambda rows: np.array(rows, np.float32))


@pytest.mark.parametrize("frame", ["base", "tool"])
@pytest.mark.parametrize("rotation", FORMS)
@pytest.mark.parametrize("arm", ["tool_delta", "tool_pose"])
@given(actions=chunks(7, 0.05))
@settings(max_examples=15, deadline=None)
def test_tool_motion_is_the_same_in_every_convention(arm, rotation, frame, actions):
    scaled = {"rotation_scale": 0.5} if rotation in ("rotation_vector", "euler_xyz") else {}
    wire = WireActions(arm, rotation=rotation, frame=frame, scale=0.05, gripper=WireGripper(0, 1), **scaled)
    chunk = written(wire, wide(DELTA_EEF), actions, START)
    assert chunk.shape == (len(actions), wire.dim)
    np.testing.assert_allclose(ChunkReader(wire, wide(DELTA_EEF)).read(chunk, START), actions, atol=2e-6)


@pytest.mark.parametrize("arm", ["joint_delta", "joint_position"])
@given(actions=chunks(8, 0.1))
@settings(max_examples=25, deadline=None)
def test_joint_motion_is_the_same_in_every_convention(arm, actions):
    wire = WireActions(arm, scale=0.2, gripper=WireGripper(1, -1))
    chunk = written(wire, wide(DELTA_JOINTS), actions, START)
    np.testing.assert_allclose(ChunkReader(wire, wide(DELTA_JOINTS)).read(chunk, START), actions, atol=2e-6)


def test_a_delta_in_the_tools_own_axes_is_turned_into_the_bases():
    """A tool that looks straight down moves down along its own z axis."""
    down = Now(np.array([0.4, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0]), np.zeros(7))
    wire = WireActions("tool_delta", frame="tool")
    read = ChunkReader(wire, wide(DELTA_EEF)).read(np.array([[0, 0, 0.01, 0, 0, 0, 1.0]]), down)
    np.testing.assert_allclose(read[0, :6], [0, 0, -0.01, 0, 0, 0], atol=1e-9)


@pytest.mark.parametrize(("opens", "closed"), [(1, 0), (0, 1), (-1, 1), (1, -1)])
def test_the_grippers_sign_and_range(opens, closed):
    wire = WireActions("joint_delta", gripper=WireGripper(opens, closed))
    rows = np.zeros((3, 8))
    rows[:, -1] = [opens, closed, 0.9 * closed + 0.1 * opens]
    read = ChunkReader(wire, DELTA_JOINTS).read(rows, START)
    assert DELTA_JOINTS.closes(read).tolist() == [False, True, True]
    assert set(np.abs(read[:, -1])) == {1.0}


def test_another_rate_is_the_same_motion_in_the_same_time():
    """15 steps at 15 Hz last a second, and so do 20 at 20 Hz; the sum of joint motion is what it was."""
    wire = WireActions("joint_delta", control_hz=15, execute_steps=15)
    rows = np.concatenate((np.full((15, 7), 0.01), np.linspace(0, 1, 15)[:, None]), 1)
    read = ChunkReader(wire, DELTA_JOINTS).read(rows, START)
    assert read.shape == (20, 8)
    assert execute_steps(wire, DELTA_JOINTS) == 20
    np.testing.assert_allclose(read[:, :7].sum(0), 0.15, atol=1e-6)
    np.testing.assert_allclose(read[:, :7], 0.0075, atol=1e-6)
    assert read[0, -1] == -1.0
    assert read[-1, -1] == 1.0


def test_a_pose_out_of_reach_of_one_step_is_asked_for_again_in_the_next():
    wire = WireActions("tool_pose", rotation="quaternion_xyzw", execute_steps=4)
    target = START.ee_pose.copy()
    step = DELTA_EEF.high[0]
    target[0] += 2.5 * step
    rows = np.tile(np.concatenate((target, [1.0])), (4, 1))
    read = ChunkReader(wire, DELTA_EEF).read(rows, START)
    np.testing.assert_allclose(read[:, 0], [step, step, step / 2, 0], atol=1e-6)


def test_positions_go_on_from_what_was_commanded_and_not_from_an_arm_that_lags():
    wire = WireActions("joint_position", execute_steps=2)
    reader, spec = ChunkReader(wire, DELTA_JOINTS), DELTA_JOINTS
    rows = np.zeros((2, 8))
    rows[:, :7] = START.joint_pos + 0.01
    assert np.allclose(reader.read(rows, START)[0, :7], 0.01, atol=1e-6)
    lagging = Now(START.ee_pose, START.joint_pos + 0.004)
    assert np.allclose(reader.read(rows, lagging)[:, :7], 0, atol=1e-6)
    reader.reset()
    assert np.allclose(reader.read(rows, lagging)[0, :7], 0.006, atol=1e-6)
    measured = ChunkReader(replace(wire, reference="measured"), spec)
    measured.read(rows, START)
    assert np.allclose(measured.read(rows, lagging)[0, :7], 0.006, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_spoils_its_step_and_no_earlier_one(bad):
    wire = WireActions("joint_delta")
    rows = np.zeros((3, 8))
    rows[1, 2] = bad
    read = ChunkReader(wire, DELTA_JOINTS).read(rows, START)
    assert np.isfinite(read[0]).all()
    assert np.isnan(read[1]).all()


def test_numbers_that_are_no_rotation_are_no_action():
    wire = WireActions("tool_pose", rotation="quaternion_xyzw")
    assert np.isnan(ChunkReader(wire, DELTA_EEF).read(np.zeros((2, 8)), START)).all()


def test_what_cannot_be_converted_is_a_sentence():
    joints, tool = WireActions("joint_delta"), WireActions("tool_delta")
    assert "action_space=delta_joints" in problems(joints, DELTA_EEF)[0]
    assert "action_space=delta_eef" in problems(tool, DELTA_JOINTS)[0]
    assert "7 joints, and so_arm has 5" in problems(joints, action_specs("so_arm")["delta_joints"])[0]
    assert problems(tool, action_specs("so_arm")["delta_eef"])
    assert problems(WireActions("as_task"), DELTA_EEF) == []
    assert "0 open, 1 closed -> 1 open, -1 closed" in " ".join(
        conversions(replace(joints, gripper=WireGripper(0, 1)), DELTA_JOINTS)
    )
