"""`RobotModel`: what the rest of the workbench may know of a robot; `ArmModel`, the part of it that a real arm needs.

Whoever uses a robot through it needs no joint's name or number, no link's name, and no sign of a gripper. One
convention holds for every robot: the tool's z axis is the direction of approach, and what closes, closes along its y.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import scipy

from policy.action import ActionSpec
from robots.chain import Chain
from robots.spec import RobotSpec

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Drives:
    """Position drives of ``K`` joints in simulation, one number a joint."""

    stiffness: tuple[float, ...]
    """Position gains ``[K]`` [N m/rad or N/m]."""
    damping: tuple[float, ...]
    """Velocity gains ``[K]`` [N m s/rad or N s/m]."""
    armature: tuple[float, ...]
    """Inertia of the motors seen at the joints ``[K]`` [kg m^2 or kg]."""
    effort: tuple[float, ...]
    """Greatest effort ``[K]`` [N m or N]."""
    source: str
    gravity_compensated: bool = False
    """Whether the robot's own controller holds the weight of what they move, so that they need not."""


@dataclass(frozen=True)
class Workspace:
    """Where on the table this robot works, as against the scene that tasks compose for an arm of the Panda's reach.

    A point ``(x, y, z)`` of the composed scene is ``(scale x + offset, scale y, scale z)`` of the robot's, in its base
    frame; objects, table and camera distances are scaled alike.
    """

    scale: float = 1.0
    offset: float = 0.0
    """Along x [m]."""


@dataclass(frozen=True)
class CameraMount:
    """Where a camera sits on the robot."""

    link: str
    """Name of the link that carries it."""
    position: tuple[float, float, float]
    """In the link's frame [m]."""
    rotation: tuple[float, float, float, float]
    """Its axes (OpenCV: x right, y down, z forward) in the link's frame, a quaternion (x, y, z, w)."""
    field_of_view: float
    """Horizontal [rad]."""
    source: str

    @property
    def axes(self) -> np.ndarray:
        """Its axes in the link's frame, as columns ``[3, 3]``."""
        return np.asarray(scipy.spatial.transform.Rotation.from_quat(self.rotation).as_matrix())

    def in_tool(self, spec: RobotSpec) -> tuple[np.ndarray, np.ndarray]:
        """Its position ``[3]`` [m] and axes as columns ``[3, 3]`` in the tool's frame; it sits on the hand."""
        tool = scipy.spatial.transform.Rotation.from_quat(spec.tool_rotation).as_matrix()
        return tool.T @ (np.array(self.position) - spec.tool_offset), tool.T @ self.axes


class Kinematics(Protocol):
    """Forward and inverse kinematics of many arms at once, in torch: as `robots.batched_chain.BatchedChain`."""

    def forward(self, q: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Tool position ``[N, 3]`` [m], rotation ``[N, 3, 3]`` and Jacobian ``[N, 6, J]`` of joints ``[N, J]``."""
        ...

    def inverse(
        self,
        position: torch.Tensor,
        rotation: torch.Tensor,
        q: torch.Tensor,
        iterations: int = 3,
        damping: float = 0.02,
        posture_gain: float = 0.05,
    ) -> torch.Tensor:
        """Joints ``[N, J]`` within the limits that bring the tool to a pose, or as near as the arm can turn it."""
        ...


class Gripper(Protocol):
    """What closes, how wide it stands, how fast and how hard it is."""

    @property
    def joints(self) -> tuple[str, ...]:
        """Names of the joints that close it ``[G]``."""
        ...

    @property
    def min_width(self) -> float:
        """Width when closed as far as the joints go [m]."""
        ...

    @property
    def max_width(self) -> float:
        """Width when fully open [m]."""
        ...

    @property
    def open_width(self) -> float:
        """Width to which the command to open opens it [m]."""
        ...

    @property
    def open_reach(self) -> float:
        """From the tool to the outer face of a finger, opened by command [m]: the farther one's."""
        ...

    @property
    def finger_radius(self) -> float:
        """Half the width of a finger [m]."""
        ...

    @property
    def speed(self) -> float:
        """Greatest speed of one joint [rad/s or m/s]."""
        ...

    @property
    def effort(self) -> float:
        """Greatest effort of one joint while it grasps [N m or N]."""
        ...

    def width(self, joints: np.ndarray) -> np.ndarray:
        """Width ``[N]`` [m] at joint positions ``[N, G]`` [rad or m]."""
        ...

    def joints_at(self, width: np.ndarray) -> np.ndarray:
        """Joint positions ``[N, G]`` [rad or m] at widths ``[N]`` [m]; the nearest ones that can be had."""
        ...


class Hand(Protocol):
    """The gripper in torch, many at once."""

    def width(self, joints: torch.Tensor) -> torch.Tensor:
        """Width ``[N]`` [m] at gripper joint positions ``[N, G]`` [rad or m]."""
        ...

    def joints_at(self, width: torch.Tensor) -> torch.Tensor:
        """Gripper joint positions ``[N, G]`` [rad or m] at widths ``[N]`` [m]."""
        ...

    def distance(
        self, points: torch.Tensor, tool: torch.Tensor, rotation: torch.Tensor, joints: torch.Tensor
    ) -> torch.Tensor:
        """Least distance between points and the hand's surface ``[n]`` [m]; 0 when a point is inside it.

        Args:
            points: ``[n, S, 3]`` [m].
            tool: tool centre point ``[n, 3]`` [m], in the frame of the points.
            rotation: axes of the tool as columns ``[n, 3, 3]``, in that frame.
            joints: gripper joint positions ``[n, G]`` [rad or m].
        """
        ...


class ToolControl(Protocol):
    """What relative tool motion means for this arm: ``R`` numbers that turn the tool, beside three that move it."""

    def turned(self, position: torch.Tensor, rotation: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
        """Rotations ``[N, 3, 3]`` of tools that are brought to ``position`` ``[N, 3]`` [m] and turned by ``[N, R]``."""
        ...

    def turn_to(self, rotation: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
        """The turn ``[N, R]`` [rad] from one rotation ``[N, 3, 3]`` to another."""
        ...

    def jacobian(self, rotation: torch.Tensor, jacobian: torch.Tensor) -> torch.Tensor:
        """Rows ``[N, 3 + R, J]`` of motion and turn, from the tool's rotation and its Jacobian ``[N, 6, J]``."""
        ...

    def grasp_rotation(self, position: torch.Tensor, closing: torch.Tensor) -> torch.Tensor:
        """Rotations ``[N, 3, 3]`` of tools at ``position`` that grasp from above and close along a heading ``[N]``."""
        ...

    def grasp_turn(self, position: torch.Tensor, closing: torch.Tensor) -> torch.Tensor:
        """How far the hand is turned then from how it grasps best ``[...]`` [rad], at positions ``[..., 3]``."""
        ...

    def grasp_depth(self, position: torch.Tensor, closing: torch.Tensor) -> torch.Tensor:
        """How far the fingers then reach below the tool ``[...]`` [m]."""
        ...


@runtime_checkable
class ArmModel(Protocol):
    """A real arm: its numbers, where its tool is, its gripper, its camera, its shape. All that the bridge needs.

    Importing one needs neither torch nor a simulator.
    """

    @property
    def spec(self) -> RobotSpec:
        """Names and number of its joints, limits, home, tool, with their sources."""
        ...

    @property
    def chain(self) -> Chain:
        """Kinematics in NumPy, up to the tool. FileNotFoundError when its description is needed and not installed."""
        ...

    @property
    def gripper(self) -> Gripper:
        """What closes."""
        ...

    @property
    def wrist_camera(self) -> CameraMount:
        """Where the camera on the wrist sits."""
        ...

    @property
    def workspace(self) -> Workspace:
        """Where on the table it works."""
        ...

    def action_spaces(self, control_hz: float) -> Mapping[str, ActionSpec]:
        """What it can be told at this rate [Hz], by name: ``delta_eef`` and ``delta_joints``."""
        ...

    def urdf(self) -> Path:
        """Its description; FileNotFoundError when that is not installed."""
        ...


@runtime_checkable
class RobotModel(ArmModel, Protocol):
    """A robot: an arm, and its simulated twin.

    Importing one needs neither torch nor a simulator; methods that do say so.
    """

    @property
    def arm_drives(self) -> Drives:
        """Simulated drives of the arm's joints."""
        ...

    @property
    def gripper_drives(self) -> Drives:
        """Simulated drives of the gripper's joints; their effort is what a grip is held with unless told otherwise."""
        ...

    @property
    def link_paths(self) -> Mapping[str, str]:
        """Path below the simulated robot's root prim of links that others sit on: that of the camera at least."""
        ...

    def kinematics(self) -> Kinematics:
        """Kinematics in torch, batched; needs torch."""
        ...

    def hand(self) -> Hand:
        """The gripper in torch."""
        ...

    def tool_control(self) -> ToolControl:
        """What relative tool motion means, in torch."""
        ...

    def usd(self) -> Path:
        """Its simulated asset, built on the first call; its folder is named by what went into it. Needs a simulator."""
        ...

    def material_colors(self) -> Mapping[str, tuple[float, float, float]]:
        """Linear colour of each visual material of the asset, by the material's name."""
        ...

    def articulation(self, prim_path: str) -> Any:
        """Its ``isaaclab.assets.ArticulationCfg``: asset, start posture, drives. Needs a simulator."""
        ...
