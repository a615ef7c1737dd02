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
TOOL_CONTROL = FreeWrist(_HOME_ROTATION, home_closing=math.pi / 2, depth=FINGERTIP)
"""Tool motion; the fingers close along y at home."""

forward = ARM.forward
"""Tool pose and Jacobian of joints ``[N, 7]`` [rad], base frame: see `BatchedChain.forward`."""
inverse = ARM.inverse
"""Joints ``[N, 7]`` [rad] for a tool pose: see `BatchedChain.inverse`. Three iterations come within 0.2 mm of targets
up to 5 cm away."""
