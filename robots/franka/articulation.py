"""The Panda in Isaac Lab: which engine settings, drives and gains, and why."""

from __future__ import annotations

import math

import isaaclab.sim as sim_utils
from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg
from isaaclab_newton.sim.schemas import MujocoRigidBodyCfg, NewtonArticulationCfg
from isaaclab_physx.sim.schemas import PhysxArticulationCfg, PhysxRigidBodyCfg

from robots.franka.asset import usd_path
from robots.franka.spec import PANDA

HAND_PATH = "Geometry/" + "/".join(f"panda_link{i}" for i in range(9)) + "/panda_hand"
"""Path of the hand link below the robot's root prim: links nest in the converted USD."""

ARM_ARMATURE = 0.1
"""Rotor inertia seen at the joint [kg m^2]: the order of a harmonic drive's motor times its gear ratio squared."""
ARM_STIFFNESS = 600.0
"""Position gain [N m/rad]: the arm's own joint impedance controller uses 600 on its large joints by default."""
ARM_DAMPING = 2 * math.sqrt(ARM_STIFFNESS * 1.0)
"""Velocity gain [N m s/rad]: critical damping at 1 kg m^2, about what joints 1 and 2 carry with the arm stretched."""

FINGER_STIFFNESS = 1000.0
"""Position gain [N/m]: closes with 40 N on a 4 cm object, within the hand's 70 N."""
FINGER_DAMPING = 60.0
"""Velocity gain [N s/m]: 0.06 s to close; with the hand's weight the gripper does not ring."""


def franka_cfg(prim_path: str = "{ENV_REGEX_NS}/Robot") -> ArticulationCfg:
    """The Panda on a fixed base, gravity compensated as by its own controller, at its home pose."""
    arm, fingers = list(PANDA.arm_joints), list(PANDA.finger_joints)
    half_width = PANDA.gripper_max_width / 2
    return ArticulationCfg(
        prim_path=prim_path,
        spawn=sim_utils.UsdFileCfg(
            usd_path=str(usd_path()),
            rigid_props={"/.*": [PhysxRigidBodyCfg(disable_gravity=True), MujocoRigidBodyCfg(gravcomp=1.0)]},
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
            joint_pos={**dict(zip(arm, PANDA.home, strict=True)), **dict.fromkeys(fingers, half_width)}
        ),
        actuators={
            "arm": ImplicitActuatorCfg(
                joint_names_expr=arm,
                joint_effort_limit=dict(zip(arm, PANDA.limits.torque, strict=True)),
                stiffness=ARM_STIFFNESS,
                damping=ARM_DAMPING,
                armature=ARM_ARMATURE,
            ),
            "fingers": ImplicitActuatorCfg(
                joint_names_expr=fingers,
                joint_effort_limit=PANDA.gripper_force,
                stiffness=FINGER_STIFFNESS,
                damping=FINGER_DAMPING,
                armature=0.1,
            ),
        },
    )
