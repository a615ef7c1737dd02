"""Where the Panda's tool is, in NumPy: for whoever reads datasets, and need not load torch for it.

The same as `robots.franka.kinematics.forward`, without the Jacobian; tests hold the two against each other.
"""

from __future__ import annotations

import numpy as np

from robots.franka.chain import PANDA_CHAIN


def tool_pose(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position ``[N, 3]`` [m] and rotation matrix ``[N, 3, 3]`` of the tool in the robot base frame, float64.

    Args:
        joints: arm joint positions ``[N, 7]`` [rad].
    """
    return PANDA_CHAIN.pose(joints)
