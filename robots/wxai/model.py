"""The WidowX AI follower as a `robots.protocol.ArmModel`: the bridge moves it, and nothing simulates it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from policy.action import ActionSpec
from robots.action_spaces import joint_deltas, tool_deltas
from robots.chain import Chain, chain_from_urdf
from robots.parallel_gripper import ParallelGripper
from robots.protocol import CameraMount, Workspace
from robots.spec import RobotSpec
from robots.wxai.spec import WXAI

HERE = Path(__file__).parent
GRIPPER = ParallelGripper(
    joints=WXAI.finger_joints,
    max_width=WXAI.gripper_max_width,
    open_reach=0.09,  # carriage and finger are 23 mm thick from the middle on, and stand 67 mm from it
    finger_radius=0.018,
    speed=WXAI.gripper_speed,
    effort=WXAI.gripper_force,
)
WRIST_CAMERA = CameraMount(
    link=WXAI.hand_body,
    position=(0.05864, 0.009, 0.05427),
    rotation=(-0.5793, 0.5793, -0.4056, 0.4056),
    field_of_view=math.radians(87),
    source="the D405 of the maker's model, whose y and z axes point the other way",
)
WORKSPACE = Workspace(scale=0.8)
"""Its hand reaches 0.77 m from the first joint stretched out, four fifths of the Panda's."""


@cache
def wxai_chain() -> Chain:
    """From the base to the tool between the fingertips."""
    return chain_from_urdf(
        HERE / "wxai.urdf", WXAI.hand_body, tool_offset=WXAI.tool_offset, tool_rotation=WXAI.tool_rotation
    )


@dataclass(frozen=True)
class WidowX:
    """Six joints and two carriages."""

    spec: RobotSpec = WXAI
    gripper: ParallelGripper = GRIPPER
    wrist_camera: CameraMount = WRIST_CAMERA
    workspace: Workspace = WORKSPACE

    @property
    def chain(self) -> Chain:
        """Kinematics in NumPy, from the base to the tool between the fingertips."""
        return wxai_chain()

    def action_spaces(self, control_hz: float) -> Mapping[str, ActionSpec]:
        """Relative tool pose, 7 channels, and relative joint positions, 7 channels."""
        spaces = (tool_deltas(self.spec, control_hz), joint_deltas(self.spec, control_hz))
        return {space.name: space for space in spaces}

    def urdf(self) -> Path:
        """Its joints, and links as boxes."""
        return HERE / "wxai.urdf"

    def srdf(self) -> Path:
        """Pairs of links that need no check."""
        return HERE / "wxai.srdf"
