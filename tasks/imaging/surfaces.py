"""Where in the world, and where on which body, the surface is that each pixel shows; and its texture there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from tasks.imaging.settings import Rows
from tasks.imaging.textures import Textures, offset, pattern
from tasks.poses import matrix

_CPU_PIXELS = 25_000
"""Pixels that a CPU works on at once, so that their intermediate results stay in its cache."""


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


def to_body_frames(points: torch.Tensor, body_index: torch.Tensor, body_pose: torch.Tensor) -> torch.Tensor:
    """World points ``[N, H, W, 3]`` in the frames of their bodies ``[N, H, W]``; unchanged on no body."""
    table = _frames(body_pose)
    local = _transform(points.reshape(-1, 3).unbind(-1), table, _keys(body_index, body_pose.shape[1]))
    return local.T.reshape(points.shape)


def albedo_scale(textures: Textures, surfaces: Surfaces, k: torch.Tensor) -> torch.Tensor:
    """Multipliers of the albedo ``[N, H, W, 1]`` in images of calibration ``k`` ``[3, 3]``."""
    device = surfaces.depth.device
    points = body_points(surfaces.depth, k, surfaces.position, surfaces.rotation)
    planes = [plane.reshape(-1) for plane in points.unbind(-1)]
    # Pose, scale and seed are one affine map a body: from the world straight to the pattern's own coordinates.
    table = _frames(surfaces.body_pose, textures.texture_scale, textures.texture_seed)
    kinds = textures.texture
    keys = _keys(surfaces.body, kinds.shape[1])
    kind_of = torch.nn.functional.pad(kinds.to(torch.uint8), (1, 1)).reshape(-1).to(device)
    kind = kind_of.index_select(0, keys)
    result = torch.ones(keys.shape, dtype=points.dtype, device=device)
    for number in kinds.unique().tolist():
        if number != 0:
            pixels = _where(kind, number)
            for some in pixels.split(_CPU_PIXELS) if device.type == "cpu" else (pixels,):
                there = [plane.index_select(0, some) for plane in planes]
                local = _transform(there, table, keys.index_select(0, some))
                result.scatter_(0, some, pattern(number, local))
    return result.view(*surfaces.depth.shape, 1)


def _where(kind: torch.Tensor, number: int) -> torch.Tensor:
    """Indices of the entries of ``[P]`` that equal ``number``. On a CPU, NumPy finds them in a third of the time."""
    if kind.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(kind.numpy() == number))
    return (kind == number).nonzero()[:, 0]


def _keys(body: torch.Tensor, count: int) -> torch.Tensor:
    """Column of each pixel ``[N * H * W]`` in tables of all bodies; each environment's first and last are for none."""
    first = torch.arange(len(body), dtype=torch.int32, device=body.device) * (count + 2) + 1
    return (body.clamp(-1, count).to(torch.int32) + first[:, None, None]).view(-1)


def _frames(
    body_pose: torch.Tensor, scale: torch.Tensor | None = None, seed: torch.Tensor | None = None
) -> torch.Tensor:
    """Maps from the world to the bodies' frames, row-wise 3 x 4, as ``[12, N * (B + 2)]``; no body's is the world's.

    In double precision until they are done, as offsets in scaled frames grow large.
    """
    n, count = body_pose.shape[:2]
    pose = body_pose.double()
    inverse = matrix(pose[..., 3:]).transpose(-1, -2)
    if scale is not None:
        inverse = inverse / scale.to(pose)[..., None, None]
    origin = -(inverse * pose[..., None, :3]).sum(-1)
    if seed is not None:
        origin = origin + offset(seed).to(pose)
    world = torch.eye(3, 4, dtype=torch.float64, device=pose.device).expand(n, 1, 3, 4)
    table = torch.cat((world, torch.cat((inverse, origin[..., None]), -1), world), 1)
    return table.view(n * (count + 2), 12).T.float().contiguous()


def _transform(
    points: list[torch.Tensor] | tuple[torch.Tensor, ...], table: torch.Tensor, keys: torch.Tensor
) -> torch.Tensor:
    """Points (three planes ``[P]``) through the map in each pixel's column of the table: ``[3, P]``."""
    x, y, z = points
    result = torch.empty(3, len(keys), dtype=x.dtype, device=x.device)
    columns = table.unbind(0)
    for axis, plane in enumerate(result.unbind(0)):
        a, b, c, d = (column.index_select(0, keys) for column in columns[4 * axis : 4 * axis + 4])
        torch.addcmul(d, a, x, out=plane).addcmul_(b, y).addcmul_(c, z)
    return result
