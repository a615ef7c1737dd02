"""`RobotModel`: what the rest of the workbench may know of a robot.

Whoever uses a robot through it needs no joint's name or number, no link's name, and no sign of a gripper. One
convention holds for every robot: the tool's z axis is the direction of approach, and what closes, closes along its y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from robots.chain import Chain
from robots.spec import RobotSpec

if TYPE_CHECKING:
    import torch


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


@runtime_checkable
class RobotModel(Protocol):
    """A robot: its numbers, where its tool is, its gripper, its camera. Importing one needs no torch."""

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

    def kinematics(self) -> Kinematics:
        """Kinematics in torch, batched; needs torch."""
        ...
