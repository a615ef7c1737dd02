"""A robot on a fixed base in Isaac Lab: which engine settings, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import isaaclab.sim as sim_utils
from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg
from isaaclab_newton.sim.schemas import MujocoRigidBodyCfg, NewtonArticulationCfg
from isaaclab_physx.sim.schemas import PhysxArticulationCfg, PhysxRigidBodyCfg

from robots.protocol import Drives
from robots.spec import RobotSpec


def fixed_arm(
    prim_path: str,
    usd: Path,
    spec: RobotSpec,
    open_joints: Sequence[float],
    arm: Drives,
    gripper: Drives,
    gravity_compensated: bool,
) -> ArticulationCfg:
    """An arm at its home posture, gripper open.

    Args:
        prim_path: where it is spawned.
        usd: its asset, without a root joint: Isaac Lab adds one.
        spec: names of its joints, and its home.
        open_joints: positions of the open gripper's joints ``[G]`` [rad or m].
        arm: drives of the arm's joints.
        gripper: drives of the gripper's joints.
        gravity_compensated: whether its own controller holds its weight, so that no drive need.
    """
    joints, fingers = spec.arm_joints, spec.finger_joints
    return ArticulationCfg(
        prim_path=prim_path,
        spawn=sim_utils.UsdFileCfg(
            usd_path=str(usd),
            rigid_props={
                "/.*": [
                    PhysxRigidBodyCfg(disable_gravity=gravity_compensated),
                    MujocoRigidBodyCfg(gravcomp=1.0 if gravity_compensated else 0.0),
                ]
            },
            articulation_props={
                "/.*": [
                    PhysxArticulationCfg(enabled_self_collisions=False, sleep_threshold=0.0),
                    NewtonArticulationCfg(self_collision_enabled=False),
                ]
            },
            fix_root_link=True,
            semantic_tags=[("class", "robot")],
        ),
        init_state=ArticulationCfg.InitialStateCfg(
            joint_pos=dict(zip((*joints, *fingers), (*spec.home, *open_joints), strict=True))
        ),
        actuators={"arm": _actuators(joints, arm), "fingers": _actuators(fingers, gripper)},
    )


def _actuators(joints: Sequence[str], drives: Drives) -> ImplicitActuatorCfg:
    """The engine's own position drives, one a joint."""

    def each(values: Sequence[float]) -> dict[str, float]:
        return dict(zip(joints, values, strict=True))

    return ImplicitActuatorCfg(
        joint_names_expr=list(joints),
        joint_effort_limit=each(drives.effort),
        stiffness=each(drives.stiffness),
        damping=each(drives.damping),
        armature=each(drives.armature),
    )
