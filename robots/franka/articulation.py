"""The Panda in Isaac Lab: gravity compensated, as by its own controller."""

from __future__ import annotations

from isaaclab.assets import ArticulationCfg

from robots.franka.asset import usd_path
from robots.franka.drives import ARM_DRIVES, FINGER_DRIVES
from robots.franka.spec import PANDA
from robots.simulated.articulation import fixed_arm


def franka_cfg(prim_path: str = "{ENV_REGEX_NS}/Robot") -> ArticulationCfg:
    """The Panda on a fixed base at its home pose, hand open."""
    half_width = PANDA.gripper_max_width / 2
    return fixed_arm(
        prim_path,
        usd_path(),
        PANDA,
        (half_width,) * len(PANDA.finger_joints),
        ARM_DRIVES,
        FINGER_DRIVES,
        gravity_compensated=ARM_DRIVES.gravity_compensated,
    )
