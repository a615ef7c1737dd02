"""The SO-ARM's jaw: how wide it stands at an angle, from the geometry of its URDF.

The fixed jaw has a flat inner face; the moving jaw's edge goes round the jaw's axis. With the edge at ``(x, y)`` in
the jaw's frame, and the axis at distance ``d`` from the face, the opening at angle ``t`` is ``d + x cos t - y sin t``,
which is ``d + r sin(t + atan2(x, -y))`` with the lever ``r``. As the jaw opens, the place where it would touch
something wanders along it, and the edge rises from the fixed jaw's tip: up to 30 degrees the true clearance at the
tool differs from this by 1.2 mm at most. Closed to its limit, the jaw leaves a gap of 3 mm by this formula, 2 mm in
truth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robots.so_arm.spec import (
    CLOSING_SPEED,
    GRIP_TORQUE,
    JAW_AXIS_TO_FACE,
    JAW_HIGH,
    JAW_LEVER,
    JAW_LOW,
    JAW_TIP,
    SO_ARM,
)

_LEAD = math.atan2(JAW_TIP[0], -JAW_TIP[1])
OPEN = math.radians(30)
"""Angle to which the command to open turns the jaw [rad]: 57 mm, twice what it grasps; farther, the jaw would sweep
over its neighbours."""
WIDEST = min(math.pi / 2 - _LEAD, JAW_HIGH)
"""Angle at which the edge is farthest from the face [rad], just below the joint's limit."""


def lead() -> float:
    """Angle of the jaw's edge before its joint's [rad]: where it is 0, the jaw's lever is parallel to the face."""
    return _LEAD


@dataclass(frozen=True)
class JawGripper:
    """One jaw that turns toward one that stands still."""

    joints: tuple[str, ...] = SO_ARM.finger_joints
    min_width: float = JAW_AXIS_TO_FACE + JAW_LEVER * math.sin(JAW_LOW + _LEAD)
    """[m]"""
    max_width: float = SO_ARM.gripper_max_width
    """[m]"""
    open_width: float = JAW_AXIS_TO_FACE + JAW_LEVER * math.sin(OPEN + _LEAD)
    """[m]"""
    open_reach: float = 0.045
    """The moving jaw's, which is 10 mm thick [m]."""
    finger_radius: float = 0.010
    """[m]"""
    speed: float = CLOSING_SPEED
    """[rad/s]"""
    effort: float = GRIP_TORQUE
    """[N m]"""

    def width(self, joints: np.ndarray) -> np.ndarray:
        """Width ``[N]`` [m] at jaw angles ``[N, 1]`` [rad]."""
        return JAW_AXIS_TO_FACE + JAW_LEVER * np.sin(np.asarray(joints, np.float64)[:, 0] + _LEAD)

    def joints_at(self, width: np.ndarray) -> np.ndarray:
        """Jaw angles ``[N, 1]`` [rad] at widths ``[N]`` [m]; the nearest that the joint allows."""
        sine = (np.asarray(width, np.float64) - JAW_AXIS_TO_FACE) / JAW_LEVER
        return np.clip(np.arcsin(np.clip(sine, -1.0, 1.0)) - _LEAD, JAW_LOW, WIDEST)[:, None]
