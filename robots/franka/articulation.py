"""The Panda in Isaac Lab: which engine settings, drives and gains, and why."""

from __future__ import annotations

import math

import isaaclab.sim as sim_utils
from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg
from isaaclab_newton.sim.schemas import MujocoRigidBodyCfg, NewtonArticulationCfg
from isaaclab_physx.sim.schemas import PhysxArticulationCfg, PhysxRigidBodyCfg

from robots.franka.asset import usd_path
from robots.franka.spec import GRIP_FORCE, PANDA

HAND_PATH = "Geometry/" + "/".join(f"panda_link{i}" for i in range(9)) + "/panda_hand"
"""Path of the hand link below the robot's root prim: links nest in the converted USD."""

ARM_ARMATURE = (0.6057, 0.6057, 0.4625, 0.4625, 0.2055, 0.2055, 0.2055)
"""Rotor inertia seen at each joint ``[7]`` [kg m^2]. For the Panda none is published; these are what the manufacturer
gives for its successor, the FR3, as quoted with Drake's model of the Panda (RobotLocomotion/drake,
manipulation/models/franka_description/README.md, "Rotor Inertia and Gear Ratio"), rounded to four digits."""
ARM_STIFFNESS = 600.0
"""Position gain [N m/rad] of every joint: that of the four large joints in the joint impedance controller that comes
with libfranka (examples/joint_impedance_control.cpp). Its wrist is softer (250, 150, 50) and would trail a command by
0.12 to 0.3 s, which a position interface does not."""
ARM_DAMPING = 50.0
"""Velocity gain [N m s/rad]: of the same joints in the same controller."""

FINGER_ARMATURE = 5.0
"""Rotor inertia of a finger's drive [kg]. Not published, and within wide bounds. It must let a finger reach 0.05 m/s
within a control step at the weakest force asked for, 10 N: less than 10 kg. And the damping below must not exceed half
of what stops the finger in one step of 5 ms, or MuJoCo, which takes contact forces from undamped motion, makes fingers
ring on what they hold: at 0.1 kg they do by 7 mm. Geared motors lie in between: one gram square centimetre, a 16 mm
motor's, at 6,000 revolutions a minute for 0.05 m/s, is 16 kg."""
FINGER_STIFFNESS = 10000.0
"""Position gain [N/m]: so high that the force limit decides about a grip, as in the real hand, which closes until it
feels the force that was asked for. The hand's 70 N stretch the drive's spring by 7 mm, and the thinnest object keeps a
finger 10.8 mm from closed."""
FINGER_DAMPING = 2 * math.sqrt(FINGER_STIFFNESS * FINGER_ARMATURE)
"""Velocity gain [N s/m]: critical damping of the finger's drive."""


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
                armature=dict(zip(arm, ARM_ARMATURE, strict=True)),
            ),
            "fingers": ImplicitActuatorCfg(
                joint_names_expr=fingers,
                joint_effort_limit=GRIP_FORCE,
                stiffness=FINGER_STIFFNESS,
                damping=FINGER_DAMPING,
                armature=FINGER_ARMATURE,
            ),
        },
    )
