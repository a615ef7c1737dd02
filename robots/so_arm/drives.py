"""The simulated SO-ARM's drives.

The servo holds a position by a controller of its own whose gains nobody gives in physical units. What was measured is
how far it sags: 1.8 to 2.6 degrees at 1.47 N m (https://github.com/TheRobotStudio/SO-ARM100, issue 134), which is 32 to
47 N m/rad.
"""

from __future__ import annotations

from robots.protocol import Drives
from robots.so_arm.spec import ARMATURE, GRIP_TORQUE, SO_ARM, STALL_TORQUE

STIFFNESS = 50.0
"""Position gain [N m/rad]: the stiff end of what was measured. Under its own weight the tool then sags by 3 mm at home,
by 10 mm stretched out."""
DAMPING = 2.0
"""Velocity gain [N m s/rad]: steps do not overshoot at the inertia of any posture."""

_ARM, _JAW = len(SO_ARM.arm_joints), len(SO_ARM.finger_joints)
_SOURCE = "measured sag of the STS3215; rotor inertia of upstream's model"
ARM_DRIVES = Drives(
    (STIFFNESS,) * _ARM, (DAMPING,) * _ARM, (ARMATURE,) * _ARM, (STALL_TORQUE,) * _ARM, _SOURCE
)
JAW_DRIVES = Drives(
    (STIFFNESS,) * _JAW, (DAMPING,) * _JAW, (ARMATURE,) * _JAW, (GRIP_TORQUE,) * _JAW, _SOURCE
)
