"""Forward and inverse kinematics of the SO-ARM, batched over environments.

Five joints cannot give all six numbers of a pose. `inverse` reaches the position, the pitch of the hand and the roll of
the jaws, and gives up the lean out of the vertical plane in which the arm lies. `hand_rotation` makes rotations that
ask for no more than that (to a few degrees: the tool lies up to 13 mm beside the plane when the jaws are turned).
"""

from __future__ import annotations

from functools import cache

import torch

from robots.batched_chain import BatchedChain
from robots.so_arm.chain import LIFT, so_arm_chain
from robots.so_arm.spec import SO_ARM


@cache
def arm() -> BatchedChain:
    """The arm's kinematics. FileNotFoundError when its description is not installed."""
    return BatchedChain(so_arm_chain(), SO_ARM.home, _angular_rows)


def forward(q: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tool pose and geometric Jacobian in the robot base frame.

    Args:
        q: arm joint positions ``[N, 5]`` [rad].

    Returns:
        position ``[N, 3]`` [m], rotation matrix ``[N, 3, 3]``, Jacobian ``[N, 6, 5]`` (linear rows first).
    """
    return arm().forward(q)


def inverse(
    position: torch.Tensor,
    rotation: torch.Tensor,
    q: torch.Tensor,
    iterations: int = 3,
    damping: float = 0.02,
    posture_gain: float = 0.0,
) -> torch.Tensor:
    """Joint positions that bring the tool to a position with a pitch and a roll, by damped least squares from ``q``.

    Args:
        position: wanted tool position ``[N, 3]`` [m], base frame.
        rotation: wanted tool rotation ``[N, 3, 3]``, base frame; its lean out of the arm's plane is given up.
        q: where to start ``[N, 5]`` [rad]; the nearest solution is found.
        iterations: Gauss-Newton steps.
        damping: of the least squares [m or rad per rad]; larger is slower and calmer near singularities.
        posture_gain: pull toward home; there is no freedom left for one, so that any but 0 costs accuracy.

    Returns:
        joint positions ``[N, 5]`` [rad], inside the joint limits.
    """
    return arm().inverse(position, rotation, q, iterations, damping, posture_gain)


def hand_rotation(position: torch.Tensor, pitch: torch.Tensor, roll: torch.Tensor) -> torch.Tensor:
    """Rotations ``[N, 3, 3]`` of a tool whose approach lies in the vertical plane through the pan axis.

    Args:
        position: of the tool ``[N, 3]`` [m], base frame, not on the pan axis.
        pitch: of the approach below the horizontal ``[N]`` [rad]; a quarter turn is straight down.
        roll: of the jaws about the approach ``[N]`` [rad]; at 0 they open in the plane, up or away from the base.
    """
    axis_x, axis_y = (float(v) for v in so_arm_chain().offset[0, :2])
    x, y = position[:, 0] - axis_x, position[:, 1] - axis_y
    distance = torch.sqrt(x * x + y * y)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    outward = torch.stack((x / distance, y / distance, zero), 1)
    up = torch.stack((zero, zero, one), 1)
    c, s = torch.cos(pitch)[:, None], torch.sin(pitch)[:, None]
    approach, opening = c * outward - s * up, s * outward + c * up
    side = torch.linalg.cross(opening, approach, dim=1)
    c, s = torch.cos(roll)[:, None], torch.sin(roll)[:, None]
    return torch.stack((c * side + s * opening, c * opening - s * side, approach), 2)


def _angular_rows(rotation: torch.Tensor, jacobian: torch.Tensor) -> torch.Tensor:
    """As `robots.so_arm.chain.angular_rows`."""
    return torch.stack((jacobian[:, 3:, LIFT], rotation[:, :, 2]), 1)
