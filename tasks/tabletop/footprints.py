"""Footprints of bodies: their convex hulls seen from above, and how far apart two are.

Two convex sets are as far apart as the farthest of their shadows: the greatest gap between their projections over all
directions. `DIRECTIONS` of them miss at most 0.2 % of it. Pure torch, elementwise.
"""

from __future__ import annotations

import math

import torch

from tasks.poses import rotate

DIRECTIONS = 64


def extent(points: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """How far points ``[n, V, 3]`` reach along horizontal directions ``[n, D, 2]`` from the origin ``[n, D]``."""
    along = points[:, None, :, 0] * direction[..., None, 0] + points[:, None, :, 1] * direction[..., None, 1]
    return along.amax(2)


def placed(vertices: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
    """Corners ``[n, V, 3]`` of bodies at poses ``[n, 7]``, in the frame of the poses."""
    return pose[:, None, :3] + rotate(pose[:, None, 3:], vertices)


def footprint_gap(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Distance ``[n]`` of the footprints of two bodies, given their corners ``[n, V, 3]``; 0 where they overlap."""
    ways = _ways(first)
    # Along each direction the second begins where its shadow, seen the other way, ends.
    between = -extent(second, -ways) - extent(first, ways)
    return between.amax(1).clamp_min(0.0)


def within_footprint(spot: torch.Tensor, body: torch.Tensor) -> torch.Tensor:
    """Whether spots ``[n, 2]`` lie within the footprints of bodies, given their corners ``[n, V, 3]`` ``[n]``."""
    ways = _ways(body)
    along = (spot[:, None] * ways).sum(-1)
    return (along <= extent(body, ways)).all(1)


def _ways(points: torch.Tensor) -> torch.Tensor:
    """`DIRECTIONS` all around for each of some bodies ``[n, D, 2]``."""
    angle = torch.arange(DIRECTIONS, device=points.device) * (2 * math.pi / DIRECTIONS)
    return torch.stack((angle.cos(), angle.sin()), 1)[None].expand(len(points), -1, -1)
