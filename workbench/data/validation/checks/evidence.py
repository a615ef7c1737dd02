"""`Evidence`: what one episode says about itself, in one form for archives and LeRobot datasets.

Checks read nothing else, so that each is written once. What a dataset does not hold is None, or not in its mapping:
the checks that need it are then not made, which the report says. Everything is SI, in the robot base frame, quaternions
x y z w as the dataset's own convention reads them; fields keep the names that they have in the dataset.

``N`` rows: control steps and the state after the last one in an archive, frames in a LeRobot dataset. ``F`` frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from robots.registry import DEFAULT as DEFAULT_ROBOT
from tasks.registry import DEFAULT
from workbench.data.episode import Body


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with an episode."""

    field: str
    """Column or member that is at fault."""
    message: str
    """What is wrong with it and how that shows, in one sentence."""


@dataclass(frozen=True)
class ToolPoses:
    """Tool poses beside the joints that they must follow from."""

    position_field: str
    position: np.ndarray
    """``[N, 3]`` [m]"""
    rotations: Mapping[str, np.ndarray]
    """Rotation matrices ``[N, 3, 3]`` by the field that they were read from."""
    quaternions: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Those of them that are quaternions ``[N, 4]``, as stored but for the order."""
    joints_field: str = ""
    joints: np.ndarray | None = None
    """``[N, J]`` [rad]; None where the arm is not one whose kinematics are known."""
    robot: str = DEFAULT_ROBOT
    """Name of the robot, where they are."""
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """What the dataset says that the position is off [m]."""
    noise: float = 0.0
    """Standard deviation per axis that it says the position has [m]."""
    one_hemisphere: bool = False
    """Whether quaternions are promised not to change sign from row to row."""


@dataclass(frozen=True)
class Motion:
    """What was sent, and what came of it, from each row to the next."""

    fields: tuple[str, ...]
    """The fields that ``sent`` comes from."""
    sent: np.ndarray
    """Deltas ``[M, D]``: [m] and [rad] of the tool, or [rad] of the joints."""
    reached: np.ndarray
    """What the commanded target did ``[M, D]``, row by row the same; NaN where it is not known."""
    delay: float | None
    """Rows by which what was sent takes effect late; None if that is not known well enough to judge by."""
    exact: bool
    """Whether ``sent`` was derived from the targets, and is equal to what they did."""
    known_lag: float | None = None
    """What `workbench.data.validation.checks.lag.lag` was when the numbers were written."""
    moved: Callable[[int], np.ndarray] | None = None
    """What would have arrived, had actions been sent so many rows earlier, negative: later; None where it is not known
    how commands were delayed, lost and repeated."""


@dataclass(frozen=True)
class Gripper:
    """The hand: told, and measured."""

    command_field: str
    width_field: str
    closed: np.ndarray
    """Whether it is told to be closed from each row to the next ``[M]``."""
    width: np.ndarray
    """Distance between the fingertips at each row ``[N]`` [m]; ``N`` is ``M`` or one more."""
    late: float
    """Rows between a command and its effect that the dataset accounts for."""
    holding: np.ndarray | None = None
    """Whether the phase at each row is one in which the hand is told to be closed ``[N]``."""


@dataclass(frozen=True)
class Pictures:
    """What one camera's pictures should show, and where that is said to be in them."""

    name: str
    """Of the camera, as the dataset calls it."""
    fields: Mapping[str, str]
    """Name of each of the members below in the dataset."""
    size: tuple[int, int]
    """Width and height [px]."""
    intrinsics: np.ndarray
    """``[3, 3]`` [px]"""
    distortion: float
    position: np.ndarray
    """``[F, 3]`` [m]"""
    rotation: np.ndarray
    """``[F, 3, 3]``: columns are the OpenCV camera's axes."""
    points: Mapping[str, np.ndarray]
    """Pixels ``[F, Q, 2]`` of ``grasp``, ``contact``, ``place`` and ``trace``."""
    boxes: np.ndarray | None = None
    """``[F, P, 4]`` [px]"""
    visibility: np.ndarray | None = None
    """``[F, P]``"""
    depth: np.ndarray | None = None
    """``[F, H, W]`` [m]; 0 is unknown."""
    mask: np.ndarray | None = None
    """``[F, H, W]``: 1 + row of the body."""
    on_the_hand: bool = False


@dataclass(frozen=True)
class Evidence:
    """One episode."""

    name: str
    rate_hz: float
    """Rows a second."""
    robot: str = DEFAULT_ROBOT
    """Name of the robot; the default one's where it is not known."""
    poses: tuple[ToolPoses, ...] = ()
    velocities: np.ndarray | None = None
    """Joint velocities ``[N, J]`` [rad/s] of the first of ``poses``."""
    velocity_field: str = ""
    motion: tuple[Motion, ...] = ()
    gripper: Gripper | None = None
    repeats: tuple[tuple[str, np.ndarray, str, np.ndarray], ...] = ()
    """Pairs of fields that must hold the same numbers."""
    bodies: tuple[Body, ...] = ()
    body_field: str = ""
    body_pose: np.ndarray | None = None
    """Poses at the instants that pictures show ``[F, P, 7]``; NaN where they are not known."""
    points_3d: Mapping[str, np.ndarray] = field(default_factory=dict)
    """``grasp`` ``[1, 3]``, ``contact`` ``[2, 3]`` on the object, ``place`` ``[1, 3]`` on the receptacle, ``trace``
    ``[F, K, 3]`` in the base frame [m]."""
    held: np.ndarray | None = None
    """Whether the object is carried at the instant that a picture shows ``[F]``."""
    pictures: tuple[Pictures, ...] = ()
    instruction: str | None = None
    instruction_field: str = ""
    task: str = DEFAULT
    """Name of the task; of datasets that do not say, the one that there was when they were written."""
    factors: Mapping[str, Any] = field(default_factory=dict)
    success: bool | None = None
    success_field: str = ""
