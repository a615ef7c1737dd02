"""`CollisionGeometry`: the files and names from which somebody else computes whether a robot collides.

Plain data: neither torch nor a library of robot models is imported for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robots.protocol import ArmModel


@dataclass(frozen=True)
class CollisionGeometry:
    """Where a robot's collision shapes are described, and how to read the description."""

    urdf: Path
    packages: tuple[Path, ...]
    """Folders among which ``package://`` in the URDF is resolved."""
    srdf: Path | None
    """Names pairs of links that need no check (MoveIt's ``disable_collisions``); None: there is no such file."""
    arm_joints: tuple[str, ...]
    """Joints of the arm, base to tip ``[J]``."""
    gripper_joints: tuple[tuple[str, float], ...]
    """Joints of the gripper and where they stand [rad or m]: fully open, where it takes the most room."""
    home: tuple[float, ...]
    """Arm joint positions of a posture that touches nothing ``[J]`` [rad]."""
    tool_link: str
    tool_offset: tuple[float, float, float]
    """The tool in the tool link's frame [m]."""
    tool_rotation: tuple[float, float, float, float]
    """The tool's axes in that frame, a quaternion (x, y, z, w)."""


def collision_geometry(model: ArmModel) -> CollisionGeometry:
    """Of a robot; its model may have a method ``srdf``, which gives a path. FileNotFoundError without a description."""
    urdf, spec, gripper = model.urdf(), model.spec, model.gripper
    srdf = getattr(model, "srdf", None)
    opened = gripper.joints_at(np.array([gripper.max_width]))[0]
    return CollisionGeometry(
        urdf=urdf,
        packages=tuple(urdf.parents)[:-1],
        srdf=None if srdf is None else srdf(),
        arm_joints=spec.arm_joints,
        gripper_joints=tuple(zip(gripper.joints, (float(x) for x in opened), strict=True)),
        home=spec.home,
        tool_link=spec.hand_body,
        tool_offset=spec.tool_offset,
        tool_rotation=spec.tool_rotation,
    )
