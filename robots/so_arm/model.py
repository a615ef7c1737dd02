"""The SO-ARM as a `robots.protocol.RobotModel`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from robots.chain import Chain
from robots.protocol import CameraMount, Kinematics
from robots.so_arm.chain import so_arm_chain
from robots.so_arm.gripper import JawGripper
from robots.so_arm.spec import SO_ARM
from robots.spec import RobotSpec

GRIPPER = JawGripper()
WRIST_CAMERA = CameraMount(
    link=SO_ARM.hand_body,
    position=(-0.001, 0.10, -0.04),
    rotation=(-0.912, -0.045, 0.049, -0.404),
    field_of_view=math.radians(53),
    source="the bracket that most owners print, as commonly simulated; stated to three digits",
)


@dataclass(frozen=True)
class SoArm:
    """SO-ARM101: five joints and a jaw. Its URDF is read when its kinematics are first asked for."""

    spec: RobotSpec = SO_ARM
    gripper: JawGripper = GRIPPER
    wrist_camera: CameraMount = WRIST_CAMERA

    @property
    def chain(self) -> Chain:
        """Kinematics in NumPy, from the base to the tool between the jaws."""
        return so_arm_chain()

    def kinematics(self) -> Kinematics:
        """Kinematics in torch, batched: position, pitch and roll are reached, lean is given up."""
        from robots.so_arm import kinematics

        return kinematics
