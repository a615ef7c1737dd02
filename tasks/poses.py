"""Rigid poses as position and unit quaternion (x, y, z, w), batched over any leading dimensions.

Everything is elementwise, so that a row's result does not depend on how many rows there are.
"""

from __future__ import annotations

import math

import torch


def rotate(quaternion: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """Vectors ``[..., 3]`` rotated by quaternions ``[..., 4]``."""
    axis, w = quaternion[..., :3], quaternion[..., 3:]
    axis, vector = torch.broadcast_tensors(axis, vector)
    turned = 2.0 * torch.linalg.cross(axis, vector)
    return vector + w * turned + torch.linalg.cross(axis, turned)


def multiply(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Quaternion product: the rotation ``second``, then ``first``."""
    a, b = first[..., :3], second[..., :3]
    a, b = torch.broadcast_tensors(a, b)
    w1, w2 = first[..., 3:], second[..., 3:]
    vector = w1 * b + w2 * a + torch.linalg.cross(a, b)
    return torch.cat((vector, w1 * w2 - (a * b).sum(-1, keepdim=True)), -1)


def conjugate(quaternion: torch.Tensor) -> torch.Tensor:
    """The inverse rotation."""
    return torch.cat((-quaternion[..., :3], quaternion[..., 3:]), -1)


def compose(outer: torch.Tensor, inner: torch.Tensor) -> torch.Tensor:
    """Poses ``[..., 7]``: ``inner`` seen from the frame in which ``outer`` is given."""
    position = outer[..., :3] + rotate(outer[..., 3:], inner[..., :3])
    return torch.cat((position, multiply(outer[..., 3:], inner[..., 3:])), -1)


def relative(frame: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
    """Poses ``[..., 7]`` as seen from ``frame``: the inverse of `compose`."""
    back = conjugate(frame[..., 3:])
    position = rotate(back, pose[..., :3] - frame[..., :3])
    return torch.cat((position, multiply(back, pose[..., 3:])), -1)


def angle(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """What `torch.atan2` gives, [rad] in -pi .. pi, to its last digit independent of how many rows there are.

    On a CPU `atan2` computes whole vectors of numbers in another way than what is left over.
    """
    steep = y.abs() > x.abs()
    over = torch.where(steep, -x, y) / torch.where(steep, y, x).where((x != 0) | (y != 0), torch.ones_like(x))
    half = torch.copysign(torch.full_like(y, math.pi / 2), y)
    start = torch.where(steep, half, torch.where(x < 0, 2 * half, torch.zeros_like(y)))
    return start + torch.atan(over)


def from_rotation_vector(vector: torch.Tensor) -> torch.Tensor:
    """Quaternions ``[..., 4]`` of rotation vectors ``[..., 3]`` [rad]."""
    angle = vector.norm(dim=-1, keepdim=True)
    scale = torch.where(
        angle > 1e-8, torch.sin(angle / 2) / angle.clamp_min(1e-12), torch.full_like(angle, 0.5)
    )
    return torch.cat((vector * scale, torch.cos(angle / 2)), -1)


def matrix(quaternion: torch.Tensor) -> torch.Tensor:
    """Rotation matrices ``[..., 3, 3]``."""
    x, y, z, w = quaternion.unbind(-1)
    rows = (
        1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
        2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
        2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
    )  # fmt: skip
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def product(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Matrix product of rotation matrices ``[..., 3, 3]``, elementwise."""
    terms = [first[..., :, i, None] * second[..., i, None, :] for i in range(3)]
    return terms[0] + terms[1] + terms[2]
