"""The SO-ARM's chain, read from its URDF, and the two rotations that an arm of five joints has a say in."""

from __future__ import annotations

from functools import cache

import numpy as np

from robots.chain import Chain, chain_from_urdf
from robots.descriptions import description_folder
from robots.so_arm.spec import SO_ARM

LIFT = SO_ARM.arm_joints.index("shoulder_lift")
"""The joint whose axis is the normal of the arm's plane; elbow and wrist turn about parallel ones."""


@cache
def so_arm_chain() -> Chain:
    """From the base to the tool between the jaws. FileNotFoundError when the description is not installed."""
    urdf = description_folder("so_arm_description") / "urdf" / "so101.urdf"
    return chain_from_urdf(
        urdf, SO_ARM.hand_body, tool_offset=SO_ARM.tool_offset, tool_rotation=SO_ARM.tool_rotation
    )


def angular_rows(rotation: np.ndarray, jacobian: np.ndarray) -> np.ndarray:
    """The rotations that count ``[N, 2, 3]``: about the normal of the arm's plane and about the approach.

    The first tilts the hand in the plane (pitch), the second turns the jaws (roll). The third one would lean the hand
    out of the plane, which the arm does by turning its base alone: that moves the tool, so it is given up.
    """
    return np.stack((jacobian[:, 3:, LIFT], rotation[:, :, 2]), 1)
