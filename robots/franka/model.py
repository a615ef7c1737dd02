"""The Panda as a `robots.protocol.RobotModel`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from policy.action import ActionSpec
from robots.action_spaces import joint_deltas, tool_deltas
from robots.chain import Chain
from robots.descriptions import description_folder
from robots.franka.chain import PANDA_CHAIN
from robots.franka.drives import ARM_DRIVES, FINGER_DRIVES
from robots.franka.spec import PANDA
from robots.parallel_gripper import ParallelGripper
from robots.protocol import CameraMount, Drives, Hand, Kinematics, ToolControl, Workspace
from robots.spec import RobotSpec

HAND_PATH = "Geometry/" + "/".join(f"panda_link{i}" for i in range(9)) + "/panda_hand"
"""Path of the hand link below the robot's root prim: links nest in the converted USD."""
CAMERA_TILT = 0.35
"""Of the wrist camera toward the fingertips [rad]."""


def _camera_rotation() -> tuple[float, float, float, float]:
    """Forward is the hand's z, tilted back to the fingers; down in the image is the hand's -x."""
    # A quarter turn about z brings the image's x to the hand's y; then the tilt, about the image's x.
    c, s = math.cos(math.pi / 4), math.sin(math.pi / 4)
    ct, st = math.cos(CAMERA_TILT / 2), -math.sin(CAMERA_TILT / 2)
    return (c * st, s * st, s * ct, c * ct)


GRIPPER = ParallelGripper(
    joints=PANDA.finger_joints,
    max_width=PANDA.gripper_max_width,
    open_reach=0.058,  # the hand's tip of a finger is 15 mm thick, and its carriage wider
    finger_radius=0.012,
    speed=PANDA.gripper_speed,
    effort=PANDA.gripper_force,
)
WORKSPACE = Workspace()
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
    gripper: ParallelGripper = GRIPPER
    wrist_camera: CameraMount = WRIST_CAMERA
    arm_drives: Drives = ARM_DRIVES
    gripper_drives: Drives = FINGER_DRIVES
    workspace: Workspace = WORKSPACE
    link_paths: Mapping[str, str] = field(default_factory=lambda: {PANDA.hand_body: HAND_PATH})

    @property
    def chain(self) -> Chain:
        """Kinematics in NumPy, from the base to the tool between the fingertips."""
        return PANDA_CHAIN

    def kinematics(self) -> Kinematics:
        """Kinematics in torch, batched."""
        from robots.franka.kinematics import ARM

        return ARM

    def tool_control(self) -> ToolControl:
        """Tool motion in torch: turns are rotation vectors."""
        from robots.franka.kinematics import TOOL_CONTROL

        return TOOL_CONTROL

    def hand(self) -> Hand:
        """The fingers in torch."""
        from robots.franka.gripper import FingersInTorch

        return FingersInTorch()

    def action_spaces(self, control_hz: float) -> Mapping[str, ActionSpec]:
        """Relative tool pose, 7 channels, and relative joint positions, 8 channels."""
        spaces = (tool_deltas(self.spec, control_hz), joint_deltas(self.spec, control_hz))
        return {space.name: space for space in spaces}

    def urdf(self) -> Path:
        """Its description; FileNotFoundError when that is not installed."""
        return description_folder("panda_description") / "urdf" / "panda.urdf"

    def srdf(self) -> Path:
        """Pairs of links that cannot meet, for checks of self-collision; FileNotFoundError as `urdf`."""
        return description_folder("panda_description") / "srdf" / "panda.srdf"

    def usd(self) -> Path:
        """See `robots.franka.asset.usd_path`."""
        from robots.franka.asset import usd_path

        return usd_path()

    def material_colors(self) -> Mapping[str, tuple[float, float, float]]:
        """See `robots.franka.asset.material_colors`."""
        from robots.franka.asset import material_colors

        return material_colors()

    def articulation(self, prim_path: str) -> Any:
        """See `robots.franka.articulation.franka_cfg`."""
        from robots.franka.articulation import franka_cfg

        return franka_cfg(prim_path)
