"""The reference arm: scenes are composed at its size, and factors of joints and hands are stated for it.

On another robot, a factor means what does the same to it: torques are scaled by the stiffness of its drives, so that
they displace joints alike; forces on the hand as well, and by the lever that they have; forces and speeds of the
gripper by what its own has; lengths on the table by the size of its workspace, and impulses on objects such that these
slide as far in the composed scene. A vector of joints has one number for each of `JOINTS`: arms with fewer take the
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from robots.protocol import RobotModel
from robots.registry import DEFAULT, robot

if TYPE_CHECKING:
    import torch

REFERENCE = robot(DEFAULT)
JOINTS = len(REFERENCE.spec.arm_joints)
"""Numbers of a factor that has one a joint."""
GRIP_EFFORT = REFERENCE.gripper_drives.effort[0]
"""What holds an object unless told otherwise: the force of one finger [N]."""
JOINTWISE = frozenset(("encoder_bias", "joint_friction_each", "joint_torque", "initial_arm"))
"""Settings of environments with one number a joint."""


def for_joints(values: Sequence[Sequence[float]], joints: int) -> list[list[float]]:
    """Vectors of joints ``[n, JOINTS]`` for an arm of so many; joints that they have no number for get 0."""
    return [[*value[:joints], *(0.0,) * (joints - len(value))] for value in values]


def stiffness_ratio(model: RobotModel, device: str) -> torch.Tensor:
    """Stiffness of each arm joint's drive against the reference's ``[J]``."""
    import torch

    return torch.tensor(model.arm_drives.stiffness, device=device) / REFERENCE.arm_drives.stiffness[0]


def grip_ratio(model: RobotModel) -> float:
    """Effort of a grip against the reference's: [N m/N] where a jaw turns, [1] where fingers slide."""
    return model.gripper_drives.effort[0] / GRIP_EFFORT


def gripper_speed_ratio(model: RobotModel) -> float:
    """Greatest speed of a gripper's joint against the reference's: [rad/m] where a jaw turns, [1] otherwise."""
    return model.gripper.speed / REFERENCE.gripper.speed


def hand_force_ratio(model: RobotModel) -> float:
    """Force on the hand that turns the first joint as one does the reference's [1].

    Of its drive's stiffness, over that of its lever, which is as long as the workspace is large.
    """
    stiffness = model.arm_drives.stiffness[0] / REFERENCE.arm_drives.stiffness[0]
    return stiffness / (model.workspace.scale / REFERENCE.workspace.scale)


def impulse_ratio(model: RobotModel) -> float:
    """Impulse on an object that lets it slide as far in the composed scene [1].

    With friction it slides by ``v^2 / (2 mu g)``: at a scale of ``s`` as far for ``sqrt(s)`` of the speed, and it has
    ``s^3`` of the mass.
    """
    return (model.workspace.scale / REFERENCE.workspace.scale) ** 3.5
