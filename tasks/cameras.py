"""Pinhole cameras: calibration, projection, and what a camera sees of a body.

Frames are OpenCV's (x right, y down, z forward); pixels are continuous, (0, 0) the image's top-left corner. The
renderer shoots the ray of pixel (i, j) through (i + 0.5, j + 0.5), so the principal point of a centred camera is
exactly half the image size.
"""

from __future__ import annotations

import math

import torch


def look_at(eye: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Rotation ``[N, 3, 3]`` of an OpenCV camera at ``eye`` that looks at ``target`` ``[N, 3]``, image up = world up.

    Columns are the camera's axes in the world. Undefined for a camera that looks straight up or down.
    """
    forward = torch.nn.functional.normalize(target - eye, dim=-1)
    up = torch.tensor((0.0, 0.0, 1.0), dtype=eye.dtype, device=eye.device).expand_as(forward)
    right = torch.nn.functional.normalize(torch.linalg.cross(forward, up), dim=-1)
    return torch.stack((right, torch.linalg.cross(forward, right), forward), -1)


def project(
    points: torch.Tensor, position: torch.Tensor, rotation: torch.Tensor, k: torch.Tensor
) -> torch.Tensor:
    """Pixels ``[N, P, 2]`` of world points ``[N, P, 3]``; NaN for points behind the camera.

    Args:
        points: world points [m].
        position: camera positions ``[N, 3]`` [m].
        rotation: camera rotations ``[N, 3, 3]``, OpenCV axes in the world as columns.
        k: calibration ``[3, 3]`` or ``[N, 3, 3]`` [px].
    """
    in_camera = torch.einsum("nji,npj->npi", rotation, points - position[:, None])
    pixel = torch.einsum("ij,npj->npi" if k.dim() == 2 else "nij,npj->npi", k, in_camera)
    depth = in_camera[..., 2:]
    return torch.where(depth > 1e-6, pixel[..., :2] / depth, torch.full_like(pixel[..., :2], math.nan))


def back_project(
    uv: torch.Tensor, position: torch.Tensor, rotation: torch.Tensor, k: torch.Tensor, z: torch.Tensor
):
    """World points ``[N, 3]`` where rays of pixels ``uv`` ``[N, 2]`` cross the planes of height ``z`` ``[N]`` [m]."""
    ones = torch.ones_like(uv[:, :1])
    k = k.expand(len(uv), 3, 3)
    ray = torch.einsum("nij,nj->ni", torch.linalg.inv(k), torch.cat((uv, ones), -1))
    direction = torch.einsum("nij,nj->ni", rotation, ray)
    return position + direction * ((z - position[:, 2]) / direction[:, 2])[:, None]


def bounding_box(pixels: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Boxes ``[N, 4]`` (u_min, v_min, u_max, v_max) around pixels ``[N, P, 2]``, clipped to the image."""
    low, high = pixels.amin(1), pixels.amax(1)
    size = torch.tensor((width, height), dtype=pixels.dtype, device=pixels.device)
    return torch.cat((low.clamp_min(0).minimum(size), high.clamp_min(0).minimum(size)), -1)
