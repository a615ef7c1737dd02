"""`RobotSpec`: the numbers of a robot that every part of the bench shares."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class JointLimits:
    """Limits of the arm joints, one value a joint ``[J]``."""

    position_low: tuple[float, ...]
    """[rad]"""
    position_high: tuple[float, ...]
    """[rad]"""
    velocity: tuple[float, ...]
    """[rad/s]"""
    acceleration: tuple[float, ...]
    """[rad/s^2]"""
    jerk: tuple[float, ...]
    """[rad/s^3]"""
    torque: tuple[float, ...]
    """[N m]"""


@dataclass(frozen=True)
class RobotSpec:
    """A robot arm with a gripper."""

    name: str
    arm_joints: tuple[str, ...]
    """Names of the arm joints, base to tip ``[J]``."""
    finger_joints: tuple[str, ...]
    """Names of the finger joints."""
    arm_links: tuple[str, ...]
    """Names of the links that the arm joints move, base to tip ``[J]``."""
    limits: JointLimits
    home: tuple[float, ...]
    """Arm joint positions at rest ``[J]`` [rad]."""
    hand_body: str
    """Name of the link that carries the tool."""
    tool_offset: tuple[float, float, float]
    """Tool centre point in the hand link's frame [m]."""
    tool_velocity: float
    """Greatest translational velocity of the tool [m/s]."""
    tool_angular_velocity: float
    """Greatest angular velocity of the tool [rad/s]."""
    gripper_max_width: float
    """Fingertip distance, fully open [m]."""
    gripper_speed: float
    """Greatest speed of one finger [m/s]."""
    gripper_force: float
    """Greatest continuous grasping force [N]."""
    source: str
    """Where the numbers come from."""
    tool_rotation: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    """Axes of the tool in the hand link's frame, a quaternion (x, y, z, w): z approaches, y closes."""
