"""Rotation vectors and matrices, batched, in torch: to the last digit the same whatever the number of rows."""

from __future__ import annotations

import torch


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
