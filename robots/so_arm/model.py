"""The SO-ARM as a `robots.protocol.RobotModel`."""

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
from robots.protocol import CameraMount, Drives, Hand, Kinematics, ToolControl, Workspace
from robots.so_arm.chain import so_arm_chain
from robots.so_arm.drives import ARM_DRIVES, JAW_DRIVES
from robots.so_arm.gripper import JawGripper
from robots.so_arm.spec import SO_ARM
from robots.spec import RobotSpec

GRIPPER = JawGripper()
HAND_PATH = "Geometry/base_link/" + "/".join(SO_ARM.arm_links)
"""Path of the gripper link below the robot's root prim: links nest in the converted USD."""
WRIST_CAMERA = CameraMount(
    link=SO_ARM.hand_body,
    position=(-0.001, 0.10, -0.04),
    rotation=(-0.912, -0.045, 0.049, -0.404),
    field_of_view=math.radians(53),
    source="the bracket that most owners print, as commonly simulated; stated to three digits",
)
WORKSPACE = Workspace(scale=0.5, offset=-0.01)
"""Half of the Panda's: objects from 20 to 30 mm, 0.12 to 0.30 m from the pan axis, where the hand at 75 degrees reaches
both the table and the height at which things are carried."""


@dataclass(frozen=True)
class SoArm:
    """SO-ARM101: five joints and a jaw. Its URDF is read when its kinematics are first asked for."""

    spec: RobotSpec = SO_ARM
    gripper: JawGripper = GRIPPER
    wrist_camera: CameraMount = WRIST_CAMERA
    arm_drives: Drives = ARM_DRIVES
    gripper_drives: Drives = JAW_DRIVES
    workspace: Workspace = WORKSPACE
    link_paths: Mapping[str, str] = field(default_factory=lambda: {SO_ARM.hand_body: HAND_PATH})

    @property
    def chain(self) -> Chain:
        """Kinematics in NumPy, from the base to the tool between the jaws."""
        return so_arm_chain()

    def kinematics(self) -> Kinematics:
        """Kinematics in torch, batched: position, pitch and roll are reached, lean is given up."""
        from robots.so_arm import kinematics

        return kinematics

    def tool_control(self) -> ToolControl:
        """Tool motion in torch: turns are pitch and roll."""
        from robots.so_arm.tool_control import PitchRoll

        return PitchRoll()

    def hand(self) -> Hand:
        """The jaws in torch."""
        from robots.so_arm.hand import Jaws

        return Jaws()

    def action_spaces(self, control_hz: float) -> Mapping[str, ActionSpec]:
        """Tool position, pitch and roll, 6 channels with the gripper, and relative joint positions, 6 channels."""
        tool = tool_deltas(self.spec, control_hz, ("dpitch", "droll"), "pitch_roll")
        return {space.name: space for space in (tool, joint_deltas(self.spec, control_hz))}

    def urdf(self) -> Path:
        """Its description; FileNotFoundError when that is not installed."""
        return description_folder("so_arm_description") / "urdf" / "so101.urdf"

    def usd(self) -> Path:
        """See `robots.so_arm.asset.usd_path`."""
        from robots.so_arm.asset import usd_path

        return usd_path()

    def material_colors(self) -> Mapping[str, tuple[float, float, float]]:
        """See `robots.so_arm.asset.material_colors`."""
        from robots.so_arm.asset import material_colors

        return material_colors()

    def articulation(self, prim_path: str) -> Any:
        """See `robots.so_arm.articulation.so_arm_cfg`."""
        from robots.so_arm.articulation import so_arm_cfg

        return so_arm_cfg(prim_path)
