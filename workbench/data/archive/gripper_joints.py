"""The gripper's joints, which an archive's articulation state holds beside the arm's, and the width that they make."""

from __future__ import annotations

import numpy as np

from robots.protocol import Gripper
from robots.registry import is_known, robot

FINGERS = 2
"""Fingers that slide, each by half of the width; also of robots that are not known here."""


def gripper_joints(width: np.ndarray, robot_name: str) -> np.ndarray:
    """Joint positions ``[N, G]`` [rad or m] of a robot's gripper at widths ``[N]`` [m]."""
    jaw = _jaw(robot_name)
    return np.repeat(width[:, None] / 2, FINGERS, 1) if jaw is None else jaw.joints_at(width)


def gripper_width(joints: np.ndarray, robot_name: str) -> np.ndarray:
    """Its inverse: widths ``[N]`` [m], of the joints' type."""
    jaw = _jaw(robot_name)
    return np.asarray(joints.sum(1) if jaw is None else jaw.width(joints).astype(joints.dtype))


def _jaw(robot_name: str) -> Gripper | None:
    """A gripper that is not two sliding fingers."""
    gripper = robot(robot_name).gripper if is_known(robot_name) else None
    return gripper if gripper is not None and len(gripper.joints) != FINGERS else None
