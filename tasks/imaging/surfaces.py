"""Where in the world, and where on which body, the surface is that each pixel shows; and its texture there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import warp as wp

from tasks.imaging.kernels import launch, strips
from tasks.imaging.patterns import pattern
from tasks.imaging.settings import Rows
from tasks.imaging.textures import Textures, lattice, offset
from tasks.poses import matrix


@dataclass
class Surfaces(Rows):
    """What every pixel of the rendered images shows, and where that is."""

    depth: torch.Tensor
    """Distance along the optical axis ``[N, H, W]`` [m]."""
    body: torch.Tensor
    """Index of the body ``[N, H, W]``; below 0 or from B on for none."""
    position: torch.Tensor
    """Of the cameras ``[N, 3]`` [m]."""
    rotation: torch.Tensor
    """Of the cameras ``[N, 3, 3]``, OpenCV axes in the world as columns."""
    body_pose: torch.Tensor
    """Of the bodies ``[N, B, 7]``: xyz [m], quaternion x y z w."""


def body_points(
    depth: torch.Tensor, k: torch.Tensor, position: torch.Tensor, rotation: torch.Tensor
) -> torch.Tensor:
    """World points ``[N, H, W, 3]`` [m] that the pixels of depth images ``[N, H, W]`` show.

    Args:
        depth: along the optical axis [m].
        k: calibration ``[3, 3]`` of the ideal image [px].
        position: of the cameras ``[N, 3]`` [m].
        rotation: of the cameras ``[N, 3, 3]``, OpenCV axes in the world as columns.
    """
    n, height, width = depth.shape
    fx, fy, cx, cy = k[(0, 1, 0, 1), (0, 1, 2, 2)].tolist()
    x = ((torch.arange(width, device=depth.device) + 0.5 - cx) / fx)[None, None, :]
    y = ((torch.arange(height, device=depth.device) + 0.5 - cy) / fy)[None, :, None]
    planes = torch.empty(n, 3, height, width, dtype=depth.dtype, device=depth.device)
    for axis in range(3):
        right, down, forward = (rotation[:, axis, i].to(depth)[:, None, None] for i in range(3))
        ray = right * x + (down * y + forward)
        torch.mul(ray, depth, out=planes[:, axis]).add_(position[:, axis].to(depth)[:, None, None])
    return planes.permute(0, 2, 3, 1)


def albedo_scale(textures: Textures, surfaces: Surfaces, k: torch.Tensor) -> torch.Tensor:
    """Multipliers of the albedo ``[N, H, W, 1]`` in images of calibration ``k`` ``[3, 3]``."""
    device = surfaces.depth.device
    result = torch.empty_like(surfaces.depth, memory_format=torch.contiguous_format)
    fx, fy, cx, cy = k[(0, 1, 0, 1), (0, 1, 2, 2)].tolist()
    threads, strip = strips(*result.shape[1:], device)
    launch(
        _albedo_scale,
        surfaces.depth,
        surfaces.body.to(torch.int32),
        textures.texture.to(device, torch.int32),
        *(part.to(device) for part in _to_patterns(textures, surfaces)),
        lattice(device),
        wp.vec2f(1 / fx, 1 / fy),
        wp.vec2f(cx, cy),
        strip,
        result,
        over=(len(result), *threads),
        device=device,
    )
    return result[..., None]


def _to_patterns(textures: Textures, surfaces: Surfaces) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps from the camera's frame to each body's pattern: matrices ``[N, B, 3, 3]`` and origins ``[N, B, 3]``.

    In double precision until they are done, as places in scaled frames grow large.
    """
    pose = surfaces.body_pose.double()
    to_body = matrix(pose[..., 3:]).transpose(-1, -2) / textures.texture_scale.to(pose)[..., None, None]
    linear = to_body @ surfaces.rotation.double()[:, None]
    origin = (to_body @ (surfaces.position.double()[:, None] - pose[..., :3])[..., None])[..., 0]
    return linear.float(), (origin + offset(textures.texture_seed).to(origin)).float()


@wp.kernel(enable_backward=False)
def _albedo_scale(
    depth: wp.array3d[wp.float32],
    body: wp.array3d[wp.int32],
    kinds: wp.array2d[wp.int32],
    linear: wp.array2d[wp.mat33f],
    origin: wp.array2d[wp.vec3f],
    values: wp.array[wp.float32],
    per_focal: wp.vec2f,
    centre: wp.vec2f,
    strip: wp.int32,
    result: wp.array3d[wp.float32],
):
    env, row, part = wp.tid()
    y = (wp.float32(row) + 0.5 - centre[1]) * per_focal[1]
    for column in range(part * strip, wp.min((part + 1) * strip, depth.shape[2])):
        scale = wp.float32(1.0)
        b = body[env, row, column]
        if b >= 0 and b < kinds.shape[1]:
            kind = kinds[env, b]
            if kind != 0:
                z = depth[env, row, column]
                x = (wp.float32(column) + 0.5 - centre[0]) * per_focal[0]
                place = linear[env, b] * wp.vec3f(x * z, y * z, z) + origin[env, b]
                scale = pattern(kind, place, values)
        result[env, row, column] = scale
