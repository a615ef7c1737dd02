"""The Panda's chain, from its link parameters: equal to that of its URDF to rounding, and there without the file.

Who reads datasets needs to know where the tool is, and may have neither the robot's description nor torch installed.
"""

from __future__ import annotations

import numpy as np

from robots.chain import Chain
from robots.franka.link_parameters import FLANGE, HAND_YAW, LENGTH, OFFSET, TWIST
from robots.franka.spec import PANDA


def _panda() -> Chain:
    a, d, alpha = np.array(LENGTH), np.array(OFFSET), np.array(TWIST)
    c, s, zero, one = np.cos(alpha), np.sin(alpha), np.zeros(7), np.ones(7)
    yaw_c, yaw_s = np.cos(HAND_YAW), np.sin(HAND_YAW)
    return Chain(
        joints=PANDA.arm_joints,
        offset=np.stack((a, -s * d, c * d), 1),
        turn=np.stack((one, zero, zero, zero, c, -s, zero, s, c), 1).reshape(7, 3, 3),
        prismatic=(False,) * 7,
        tool_offset=np.array((0.0, 0.0, FLANGE + PANDA.tool_offset[2])),
        tool_turn=np.array(((yaw_c, -yaw_s, 0.0), (yaw_s, yaw_c, 0.0), (0.0, 0.0, 1.0))),
        low=np.array(PANDA.limits.position_low),
        high=np.array(PANDA.limits.position_high),
    )


PANDA_CHAIN = _panda()
