import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from robots.franka.fr3 import FR3
from robots.registry import robot
from workbench.bridge.targets import MAX_LEAD, TargetError, Targets

MODEL = robot("franka")
SPACES = MODEL.action_spaces(20.0)
HOME = np.array(MODEL.spec.home)


def targets(space: str = "delta_eef") -> Targets:
    return Targets(SPACES[space], MODEL.chain, FR3.limits, MODEL.spec.home, MODEL.gripper)


def action(space: str = "delta_eef", closed: bool = False, **channels: float) -> np.ndarray:
    made = SPACES[space].idle_action.astype(float)
    made[SPACES[space].gripper_index] = SPACES[space].gripper_command(closed)
    for name, value in channels.items():
        made[SPACES[space].index(name)] = value
    return made


def test_a_relative_tool_motion_moves_the_commanded_tool_by_that_much() -> None:
    made = targets()
    before = made.tool(HOME)
    joints, width = made.of(action(dx=0.01, dz=-0.005, drot_z=0.02, closed=True), HOME)
    after = made.tool(joints)
    assert np.allclose(after[:3] - before[:3], (0.01, 0, -0.005), atol=2e-4)
    turn = (Rotation.from_quat(after[3:]) * Rotation.from_quat(before[3:]).inv()).as_rotvec()
    assert np.allclose(turn, (0, 0, 0.02), atol=2e-3)
    assert width == MODEL.gripper.min_width


def test_motions_add_to_what_the_gate_took_up_and_not_to_what_was_asked() -> None:
    made = targets("delta_joints")
    first, _ = made.of(action("delta_joints", dq1=0.05), HOME)
    assert first[0] == pytest.approx(0.05)
    made.commanded(HOME)  # it was refused
    again, _ = made.of(action("delta_joints", dq1=0.05), HOME)
    assert again[0] == pytest.approx(0.05)


def test_the_commanded_tool_does_not_run_away_from_an_arm_that_stands() -> None:
    made = targets()
    for _ in range(40):
        joints, _ = made.of(action(dx=0.02), HOME)
        made.commanded(joints)
    assert np.linalg.norm((made.tool(made.joints) - made.tool(HOME))[:3]) < MAX_LEAD + 1e-3


def test_an_action_that_is_not_finite_is_left_to_the_gate_to_refuse() -> None:
    joints, _ = targets().of(action(dx=np.nan), HOME)
    assert np.isnan(joints).all()


def test_an_arm_whose_kinematics_are_not_known_can_be_told_joints_alone() -> None:
    with pytest.raises(TargetError, match="action_space=delta_joints"):
        Targets(SPACES["delta_eef"], None, FR3.limits, MODEL.spec.home, MODEL.gripper)
    joints, _ = Targets(SPACES["delta_joints"], None, FR3.limits, MODEL.spec.home, None).of(
        action("delta_joints", dq2=0.01), HOME
    )
    assert np.isfinite(joints).all()
