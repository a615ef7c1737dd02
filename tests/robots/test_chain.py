"""Chains read from URDFs, against pinocchio, which reads the same files on its own."""

import sysconfig
from pathlib import Path

import numpy as np
import pinocchio
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from robots.batched_chain import BatchedChain
from robots.chain import chain_from_urdf
from robots.franka import PANDA
from robots.franka.chain import PANDA_CHAIN

ROBOTS = Path(sysconfig.get_paths()["purelib"]) / "cmeel.prefix/share/example-robot-data/robots"
ARMS = {
    "panda": (ROBOTS / "panda_description/urdf/panda.urdf", "panda_hand"),
    "so101": (ROBOTS / "so_arm_description/urdf/so101.urdf", "gripper_frame_link"),
    "ur5": (ROBOTS / "ur_description/urdf/ur5_robot.urdf", "tool0"),
}
OFFSET, TURN = (0.01, -0.02, 0.1), tuple(Rotation.from_euler("xyz", (0.4, -0.2, 1.0)).as_quat())

# Three joints that move, about and along oblique axes, with joints that stand still before, between and after them.
CRANE = """<robot name="crane">
<link name="floor"/><link name="mast"/><link name="boom"/><link name="plate"/><link name="trolley"/><link name="hook"/>
<link name="tip"/>
<joint name="stand" type="fixed"><origin xyz="0.1 0.2 0.3" rpy="0.1 0.2 0.3"/><parent link="floor"/><child link="mast"/>
</joint>
<joint name="swing" type="continuous"><origin xyz="0 0.1 0.5" rpy="0.2 0 0"/><axis xyz="0.3 -0.5 0.8"/>
<parent link="mast"/><child link="boom"/></joint>
<joint name="bolt" type="fixed"><origin xyz="0.2 0 0.1" rpy="0 1 0"/><parent link="boom"/><child link="plate"/></joint>
<joint name="run" type="prismatic"><origin xyz="0 0 0.1" rpy="0 0.4 1"/><axis xyz="1 1 0"/>
<parent link="plate"/><child link="trolley"/><limit lower="-0.2" upper="0.6" effort="1" velocity="1"/></joint>
<joint name="tilt" type="revolute"><origin xyz="0.1 0 0" rpy="1 0 0"/><axis xyz="0 0 -1"/>
<parent link="trolley"/><child link="hook"/><limit lower="-1" upper="2" effort="1" velocity="1"/></joint>
<joint name="weld" type="fixed"><origin xyz="0 0 0.1" rpy="0 0.3 0"/><parent link="hook"/><child link="tip"/></joint>
</robot>"""


@pytest.fixture(scope="module", params=[*ARMS, "crane"])
def arm(request, tmp_path_factory):
    """A chain with a tool on its last link, and a function that says what pinocchio makes of the same file."""
    if request.param == "crane":
        path, tip = tmp_path_factory.mktemp("crane") / "crane.urdf", "tip"
        path.write_text(CRANE)
    else:
        path, tip = ARMS[request.param]
    chain = chain_from_urdf(path, tip, tool_offset=OFFSET, tool_rotation=TURN)
    model = pinocchio.buildModelFromUrdf(str(path))
    data, frame = model.createData(), model.getFrameId(tip)
    columns = [model.joints[model.getJointId(name)].idx_v for name in chain.joints]

    def theirs(q):
        full = pinocchio.neutral(model)
        for name, value in zip(chain.joints, q, strict=True):
            joint = model.joints[model.getJointId(name)]
            full[joint.idx_q : joint.idx_q + joint.nq] = (
                value if joint.nq == 1 else (np.cos(value), np.sin(value))
            )
        pinocchio.forwardKinematics(model, data, full)
        pinocchio.updateFramePlacements(model, data)
        axes = data.oMf[frame].rotation
        lever = axes @ np.array(OFFSET)
        reference = pinocchio.ReferenceFrame.LOCAL_WORLD_ALIGNED
        jacobian = pinocchio.computeFrameJacobian(model, data, full, frame, reference)[:, columns]
        linear = jacobian[:3] - np.cross(lever, jacobian[3:].T).T
        turned = axes @ Rotation.from_quat(TURN).as_matrix()
        return data.oMf[frame].translation + lever, turned, np.vstack((linear, jacobian[3:]))

    return chain, theirs, model


def anywhere(chain, count, seed=0):
    """Joint positions within the limits, or within a turn where there are none ``[count, J]``."""
    low, high = np.maximum(chain.low, -3.0), np.minimum(chain.high, 3.0)
    return np.random.default_rng(seed).uniform(low, high, (count, len(low)))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_tool_and_jacobian_are_those_of_pinocchio(arm, seed):
    chain, theirs, _ = arm
    q = anywhere(chain, 1, seed)
    for mine, other in zip(chain.forward(q), theirs(q[0]), strict=True):
        np.testing.assert_allclose(mine[0], other, rtol=0, atol=1e-9)


def test_the_limits_are_those_of_the_file(arm):
    chain, _, model = arm
    for name, low, high in zip(chain.joints, chain.low, chain.high, strict=True):
        joint = model.joints[model.getJointId(name)]
        if joint.nq == 1:
            assert (model.lowerPositionLimit[joint.idx_q], model.upperPositionLimit[joint.idx_q]) == (
                low,
                high,
            )
        else:
            assert (low, high) == (-np.inf, np.inf)


def test_torch_says_what_numpy_says(arm):
    chain = arm[0]
    q = anywhere(chain, 100)
    home = np.clip(np.zeros(len(chain.low)), chain.low, chain.high)
    batched = BatchedChain(chain, home)
    position, rotation, _ = ours = chain.forward(q)
    for mine, torchs in zip(ours, batched.forward(torch.from_numpy(q)), strict=True):
        np.testing.assert_allclose(mine, torchs, rtol=0, atol=1e-14)
    goal = position + 0.01
    torchs = batched.inverse(torch.from_numpy(goal), torch.from_numpy(rotation), torch.from_numpy(q))
    # Near a singularity the least squares magnify the last digits.
    np.testing.assert_allclose(chain.inverse(goal, rotation, q, posture=home), torchs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["panda", "ur5"])
def test_the_inverse_reaches_what_lies_near(name):
    chain = chain_from_urdf(*ARMS[name])
    q = np.tile((0.1, -0.9, 1.4, -1.9, 0.7, 1.2, 0.3)[: len(chain.low)], (50, 1)).clip(chain.low, chain.high)
    position, rotation, _ = chain.forward(q)
    offset = np.random.default_rng(0).uniform(-0.02, 0.02, (50, 3))
    found = chain.inverse(position + offset, rotation, q, iterations=6)
    reached, turned, _ = chain.forward(found)
    np.testing.assert_allclose(reached, position + offset, atol=1e-6)
    np.testing.assert_allclose(turned, rotation, atol=1e-6)


def test_the_pandas_link_parameters_say_what_its_urdf_says():
    """To rounding: the description states its angles to the last digit."""
    read = chain_from_urdf(*ARMS["panda"], tool_offset=PANDA.tool_offset)
    assert read.joints == PANDA_CHAIN.joints
    for name in ("offset", "turn", "tool_offset", "tool_turn", "low", "high"):
        np.testing.assert_allclose(getattr(read, name), getattr(PANDA_CHAIN, name), rtol=0, atol=1e-15)
    q = anywhere(PANDA_CHAIN, 1000)
    for mine, other in zip(PANDA_CHAIN.forward(q), read.forward(q), strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=2e-15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [5, 16, 31, 64])
def test_no_digit_of_a_row_depends_on_how_many_rows_there_are(arm, rows, dtype):
    chain = arm[0]
    batched = BatchedChain(chain, np.clip(np.zeros(len(chain.low)), chain.low, chain.high))
    joints = anywhere(chain, 127)
    q = torch.from_numpy(joints).to(dtype)
    whole, mine = batched.forward(q), chain.forward(joints)
    goal = (whole[0] + 0.01, whole[1], q)
    reached = batched.inverse(*goal)
    for first in range(0, 127, rows):
        part = slice(first, first + rows)
        assert all(torch.equal(a, b[part]) for a, b in zip(batched.forward(q[part]), whole, strict=True))
        assert torch.equal(batched.inverse(*(g[part] for g in goal)), reached[part])
        if dtype == torch.float64:
            assert all(
                np.array_equal(a, b[part]) for a, b in zip(chain.forward(joints[part]), mine, strict=True)
            )
