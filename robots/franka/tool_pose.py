"""Where the Panda's tool is, in NumPy: for whoever reads datasets, and need not load torch for it.

The same as `robots.franka.kinematics.forward`, without the Jacobian; tests hold the two against each other.
"""

from __future__ import annotations

import math

import numpy as np

from robots.franka.link_parameters import FLANGE, HAND_YAW, LENGTH, OFFSET, TWIST
from robots.franka.spec import PANDA


def tool_pose(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position ``[N, 3]`` [m] and rotation matrix ``[N, 3, 3]`` of the tool in the robot base frame, float64.

    Args:
        joints: arm joint positions ``[N, 7]`` [rad].
    """
    joints = np.asarray(joints, np.float64)
    position, rotation = np.zeros((len(joints), 3)), np.tile(np.eye(3), (len(joints), 1, 1))
    for q, length, offset, twist in zip(joints.T, LENGTH, OFFSET, TWIST, strict=True):
        c, s, ca, sa = np.cos(q), np.sin(q), math.cos(twist), math.sin(twist)
        zero = np.zeros_like(q)
        position = position + rotation @ (length, -sa * offset, ca * offset)
        local = np.stack((c, -s, zero, s * ca, c * ca, zero - sa, s * sa, c * sa, zero + ca), -1)
        rotation = rotation @ local.reshape(-1, 3, 3)
    position = position + rotation[:, :, 2] * (FLANGE + PANDA.tool_offset[2])
    c, s = math.cos(HAND_YAW), math.sin(HAND_YAW)
    return position, rotation @ np.array(((c, -s, 0.0), (s, c, 0.0), (0.0, 0.0, 1.0)))
