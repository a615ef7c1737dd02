"""Forward and inverse kinematics of the Panda, batched over environments.

The same functions serve the simulator, the experts and the real arm: they need joint angles and nothing else, so a
command means the same on every physics engine.
"""

from __future__ import annotations

import math
from functools import cache

import torch

from robots.franka.link_parameters import FLANGE, HAND_YAW, LENGTH, OFFSET, TWIST
from robots.franka.spec import PANDA


@cache
def _constants(dtype: torch.dtype, device: torch.device) -> dict[str, torch.Tensor]:
    """Parameters as tensors, made once: joint offsets ``[7, 3]``, twists ``[7]``, the hand's turn, limits, home."""
    alpha = torch.tensor(TWIST, dtype=torch.float64)
    a, d = torch.tensor(LENGTH, dtype=torch.float64), torch.tensor(OFFSET, dtype=torch.float64)
    c, s = math.cos(HAND_YAW), math.sin(HAND_YAW)
    values = {
        "offset": torch.stack((a, -torch.sin(alpha) * d, torch.cos(alpha) * d), 1),
        "sin_alpha": torch.sin(alpha),
        "cos_alpha": torch.cos(alpha),
        "hand": torch.tensor(((c, -s, 0.0), (s, c, 0.0), (0.0, 0.0, 1.0)), dtype=torch.float64),
        "eye3": torch.eye(3, dtype=torch.float64),
        "eye6": torch.eye(6, dtype=torch.float64),
        "low": torch.tensor(PANDA.limits.position_low, dtype=torch.float64),
        "high": torch.tensor(PANDA.limits.position_high, dtype=torch.float64),
        "home": torch.tensor(PANDA.home, dtype=torch.float64),
    }
    return {name: value.to(device=device, dtype=dtype) for name, value in values.items()}


def forward(q: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tool pose and geometric Jacobian in the robot base frame.

    Args:
        q: arm joint positions ``[N, 7]`` [rad].

    Returns:
        position ``[N, 3]`` [m], rotation matrix ``[N, 3, 3]``, Jacobian ``[N, 6, 7]`` (linear rows first).
    """
    k = _constants(q.dtype, q.device)
    c, s, ca, sa = torch.cos(q), torch.sin(q), k["cos_alpha"], k["sin_alpha"]
    zero = torch.zeros_like(c)
    local = torch.stack((c, -s, zero, s * ca, c * ca, zero - sa, s * sa, c * sa, zero + ca), -1)
    local = local.view(-1, 7, 3, 3)  # rotation of joint i in the frame of joint i - 1
    rotation = k["eye3"].expand(q.shape[0], 3, 3)
    position = zero[:, :3]
    axes, origins = [], []
    for i in range(7):
        position = position + rotation @ k["offset"][i]
        rotation = rotation @ local[:, i]
        axes.append(rotation[:, :, 2])
        origins.append(position)
    position = position + rotation[:, :, 2] * (FLANGE + PANDA.tool_offset[2])
    axis = torch.stack(axes, -1)  # [N, 3, 7]
    lever = position[:, :, None] - torch.stack(origins, -1)
    return position, rotation @ k["hand"], torch.cat((torch.linalg.cross(axis, lever, dim=1), axis), 1)


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
    k = _constants(q.dtype, q.device)
    for iteration in range(iterations):
        at, turned, jacobian = forward(q)
        error = torch.cat((position - at, rotation_vector(rotation @ turned.transpose(1, 2))), 1)
        transposed = jacobian.transpose(1, 2)
        gram = jacobian @ transposed + damping**2 * k["eye6"]
        # Damping lets a little of the posture's pull through to the tool; the later steps take it back.
        posture = posture_gain * (k["home"] - q) if iteration == 0 else torch.zeros_like(q)
        correction = error - (jacobian @ posture[:, :, None])[:, :, 0]
        solved = torch.linalg.solve(gram, correction[:, :, None])
        q = torch.clamp(q + posture + (transposed @ solved)[:, :, 0], k["low"], k["high"])
    return q


def rotation_vector(rotation: torch.Tensor) -> torch.Tensor:
    """Axis times angle ``[N, 3]`` [rad] of rotation matrices ``[N, 3, 3]``; exact up to just below pi."""
    axis = torch.stack(
        (
            rotation[:, 2, 1] - rotation[:, 1, 2],
            rotation[:, 0, 2] - rotation[:, 2, 0],
            rotation[:, 1, 0] - rotation[:, 0, 1],
        ),
        -1,
    )
    x, y, z = axis.unbind(-1)
    sine = torch.sqrt(x * x + y * y + z * z)
    cosine = rotation[:, 0, 0] + rotation[:, 1, 1] + rotation[:, 2, 2] - 1.0
    # atan2(sine, cosine), whose last digit would depend on how many rows there are: a CPU computes whole vectors
    # of them in another way than what is left over. Half the angle has no such trouble, nor a branch: sine >= 0.
    length = torch.sqrt(sine * sine + cosine * cosine)
    angle = 2 * torch.atan(sine / (length + cosine).clamp_min(1e-30))
    return axis * torch.where(sine > 1e-7, angle / sine.clamp_min(1e-7), torch.full_like(angle, 0.5))[:, None]


def rotation_matrix(vector: torch.Tensor) -> torch.Tensor:
    """Rotation matrices ``[N, 3, 3]`` of rotation vectors ``[N, 3]`` [rad] (Rodrigues' formula)."""
    x, y, z = vector.unbind(-1)
    square = x * x + y * y + z * z
    angle = torch.sqrt(square)
    small = square < 1e-12
    safe = torch.where(small, torch.ones_like(angle), angle)
    # sin(a) / a and (1 - cos a) / a^2, the latter from half the angle, which keeps its digits where the angle is small.
    turn = torch.where(small, 1 - square / 6, torch.sin(safe) / safe)
    half = torch.sin(safe / 2) / safe
    bend = torch.where(small, 0.5 - square / 24, 2 * half * half)
    rows = (
        1 - bend * (y * y + z * z),
        bend * x * y - turn * z,
        bend * x * z + turn * y,
        bend * x * y + turn * z,
        1 - bend * (x * x + z * z),
        bend * y * z - turn * x,
        bend * x * z - turn * y,
        bend * y * z + turn * x,
        1 - bend * (x * x + y * y),
    )
    return torch.stack(rows, -1).view(-1, 3, 3)
