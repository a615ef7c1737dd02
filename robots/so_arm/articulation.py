"""The SO-ARM in Isaac Lab: its servos hold its weight, and sag under it."""

from __future__ import annotations

import numpy as np
from isaaclab.assets import ArticulationCfg

from robots.simulated.articulation import fixed_arm
from robots.so_arm.asset import usd_path
from robots.so_arm.drives import ARM_DRIVES, JAW_DRIVES
from robots.so_arm.gripper import JawGripper
from robots.so_arm.spec import SO_ARM


def so_arm_cfg(prim_path: str = "{ENV_REGEX_NS}/Robot") -> ArticulationCfg:
    """The SO-ARM on a fixed base at its home posture, jaw open."""
    gripper = JawGripper()
    open_joints = gripper.joints_at(np.array([gripper.open_width]))[0].tolist()
    return fixed_arm(
        prim_path, usd_path(), SO_ARM, open_joints, ARM_DRIVES, JAW_DRIVES, ARM_DRIVES.gravity_compensated
    )
