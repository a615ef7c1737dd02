"""The Panda as a `robots.protocol.RobotModel`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robots.chain import Chain
from robots.franka.chain import PANDA_CHAIN
from robots.franka.spec import PANDA
from robots.protocol import CameraMount, Kinematics
from robots.spec import RobotSpec

CAMERA_TILT = 0.35
"""Of the wrist camera toward the fingertips [rad]."""


@dataclass(frozen=True)
class FingerGripper:
    """The Franka Hand: two fingers that move alike, each by half of the width."""

    joints: tuple[str, ...] = PANDA.finger_joints
    min_width: float = 0.0
    """[m]"""
    max_width: float = PANDA.gripper_max_width
    """[m]"""
    speed: float = PANDA.gripper_speed
    """[m/s]"""
    effort: float = PANDA.gripper_force
    """[N]"""

    def width(self, joints: np.ndarray) -> np.ndarray:
        """Width ``[N]`` [m] at finger positions ``[N, 2]`` [m]."""
        return np.asarray(joints, np.float64).sum(1)

    def joints_at(self, width: np.ndarray) -> np.ndarray:
        """Finger positions ``[N, 2]`` [m] at widths ``[N]`` [m]; the nearest that the fingers can have."""
        half = np.clip(np.asarray(width, np.float64), self.min_width, self.max_width) / 2
        return np.stack((half, half), 1)


def _camera_rotation() -> tuple[float, float, float, float]:
    """Forward is the hand's z, tilted back to the fingers; down in the image is the hand's -x."""
    # A quarter turn about z brings the image's x to the hand's y; then the tilt, about the image's x.
    c, s = math.cos(math.pi / 4), math.sin(math.pi / 4)
    ct, st = math.cos(CAMERA_TILT / 2), -math.sin(CAMERA_TILT / 2)
    return (c * st, s * st, s * ct, c * ct)


GRIPPER = FingerGripper()
WRIST_CAMERA = CameraMount(
    link=PANDA.hand_body,
    position=(0.07, 0.0, 0.02),
    rotation=_camera_rotation(),
    field_of_view=2 * math.atan(0.5 / 0.67),
    source="in front of the hand, where a bracket would hold it; the focal length is 0.67 image widths",
)


@dataclass(frozen=True)
class Panda:
    """Franka Emika Panda with its two-finger hand."""

    spec: RobotSpec = PANDA
    gripper: FingerGripper = GRIPPER
    wrist_camera: CameraMount = WRIST_CAMERA

    @property
    def chain(self) -> Chain:
        """Kinematics in NumPy, from the base to the tool between the fingertips."""
        return PANDA_CHAIN

    def kinematics(self) -> Kinematics:
        """Kinematics in torch, batched."""
        from robots.franka.kinematics import ARM

        return ARM
