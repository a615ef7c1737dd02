"""The simulated Panda's drives: gains and rotor inertias, with their sources."""

from __future__ import annotations

import math

from robots.franka.spec import GRIP_FORCE, PANDA
from robots.protocol import Drives

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

_ARM, _FINGERS = len(PANDA.arm_joints), len(PANDA.finger_joints)
ARM_DRIVES = Drives(
    stiffness=(ARM_STIFFNESS,) * _ARM,
    damping=(ARM_DAMPING,) * _ARM,
    armature=ARM_ARMATURE,
    effort=PANDA.limits.torque,
    source="libfranka's joint impedance controller; rotor inertias of the FR3",
    gravity_compensated=True,
)
FINGER_DRIVES = Drives(
    stiffness=(FINGER_STIFFNESS,) * _FINGERS,
    damping=(FINGER_DAMPING,) * _FINGERS,
    armature=(FINGER_ARMATURE,) * _FINGERS,
    effort=(GRIP_FORCE,) * _FINGERS,
    source="chosen such that the force limit decides about a grip",
)
