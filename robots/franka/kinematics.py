"""Forward and inverse kinematics of the Panda, batched over environments.

The same functions serve the simulator, the experts and the real arm: they need joint angles and nothing else, so a
command means the same on every physics engine.
"""

from __future__ import annotations

import math

import torch

from robots.batched_chain import BatchedChain
from robots.franka.chain import PANDA_CHAIN
from robots.franka.spec import FINGERTIP, PANDA
from robots.free_wrist import FreeWrist
from robots.rotations import rotation_matrix, rotation_vector

__all__ = ["ARM", "TOOL_CONTROL", "forward", "inverse", "rotation_matrix", "rotation_vector"]

ARM = BatchedChain(PANDA_CHAIN, PANDA.home)
_HOME_ROTATION = ARM.forward(torch.tensor([PANDA.home]))[1][0]
_ASIDE = 0.7
"""How far the arm may be turned to either side over a table, and what the joints between add to that [rad]."""
_TURNS = (
    PANDA.home[6] - PANDA.limits.position_high[6] + _ASIDE,
    PANDA.home[6] - PANDA.limits.position_low[6] - _ASIDE,
)
TOOL_CONTROL = FreeWrist(_HOME_ROTATION, home_closing=math.pi / 2, depth=FINGERTIP, turns=_TURNS)
"""Tool motion; the fingers close along y at home. Turning the hand to the left turns the last joint back."""

forward = ARM.forward
"""Tool pose and Jacobian of joints ``[N, 7]`` [rad], base frame: see `BatchedChain.forward`."""
inverse = ARM.inverse
"""Joints ``[N, 7]`` [rad] for a tool pose: see `BatchedChain.inverse`. Three iterations come within 0.2 mm of targets
up to 5 cm away."""
