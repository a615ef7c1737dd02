"""Forward and inverse kinematics of the Panda, batched over environments.

The same functions serve the simulator, the experts and the real arm: they need joint angles and nothing else, so a
command means the same on every physics engine.
"""

from __future__ import annotations

import torch

from robots.batched_chain import BatchedChain
from robots.franka.chain import PANDA_CHAIN
from robots.franka.spec import PANDA
from robots.rotations import rotation_matrix, rotation_vector

__all__ = ["ARM", "forward", "inverse", "rotation_matrix", "rotation_vector"]

ARM = BatchedChain(PANDA_CHAIN, PANDA.home)


def forward(q: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tool pose and geometric Jacobian in the robot base frame.

    Args:
        q: arm joint positions ``[N, 7]`` [rad].

    Returns:
        position ``[N, 3]`` [m], rotation matrix ``[N, 3, 3]``, Jacobian ``[N, 6, 7]`` (linear rows first).
    """
    return ARM.forward(q)


def inverse(
    position: torch.Tensor,
    rotation: torch.Tensor,
    q: torch.Tensor,
    iterations: int = 3,
    damping: float = 0.02,
    posture_gain: float = 0.05,
) -> torch.Tensor:
    """Joint positions that bring the tool to a pose, by damped least squares from ``q``.

    A weak pull toward the home posture acts in the null space of the pose, so that the elbow of a redundant arm
    does not wander over a long episode (Siciliano et al., "Robotics", section 3.5.1).

    Args:
        position: wanted tool position ``[N, 3]`` [m], base frame.
        rotation: wanted tool rotation ``[N, 3, 3]``, base frame.
        q: where to start ``[N, 7]`` [rad]; the nearest solution is found.
        iterations: Gauss-Newton steps; three come within 0.2 mm of targets up to 5 cm away.
        damping: of the least squares [m or rad per rad]; larger is slower and calmer near singularities.
        posture_gain: share of the distance to the home posture removed at each call.

    Returns:
        joint positions ``[N, 7]`` [rad], inside the joint limits.
    """
    return ARM.inverse(position, rotation, q, iterations, damping, posture_gain)
