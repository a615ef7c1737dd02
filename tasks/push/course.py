"""The straight way of a push: from where the hand must be behind the object to where the object is at its landmark."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch

from tasks.tabletop.body_table import BodyTable
from tasks.tabletop.footprints import extent, footprint_gap, placed
from tasks.tabletop.view import PrivilegedView
from tasks.tabletop.workspace import pool


@dataclass
class Course:
    """``n`` straight pushes, base frame."""

    direction: torch.Tensor
    """Of the push, horizontal unit vectors ``[n, 2]``."""
    object: torch.Tensor
    """Where the object's origin is taken to be ``[n, 2]`` [m]."""
    rear: torch.Tensor
    """How far the object reaches behind its origin ``[n]`` [m]."""
    gap: torch.Tensor
    """Distance of the two footprints ``[n]`` [m]."""
    base_z: torch.Tensor
    """Height of what the object stands on ``[n]`` [m]."""


def course(view: PrivilegedView, error: torch.Tensor) -> Course:
    """The pushes that would do.

    Args:
        view: the scene.
        error: by how much object and landmark are taken to be elsewhere ``[n, 2, 2]`` [m].
    """
    vertices = _vertices(view.scale, str(view.tool.device))
    corners = placed(vertices[view.target], view.target_pose)
    landmark = placed(vertices[view.receptacle], view.receptacle_pose)
    # Padded, since corners are [x, y, z] and errors are horizontal.
    shift = torch.nn.functional.pad(error, (0, 1))
    spot = view.target_pose[:, :2] + error[:, 0]
    way = view.receptacle_pose[:, :2] + error[:, 1] - spot
    direction = way / way.norm(dim=1, keepdim=True).clamp_min(1e-6)
    rear = extent(corners - view.target_pose[:, None, :3], -direction[:, None])[:, 0]
    gap = footprint_gap(corners + shift[:, None, 0], landmark + shift[:, None, 1])
    return Course(direction, spot, rear, gap, corners[..., 2].amin(1))


@cache
def _vertices(scale: float, device: str) -> torch.Tensor:
    """Corners of the pool's bodies in a workspace of this scale: see `BodyTable.vertices`."""
    return BodyTable(pool(scale).values(), device).vertices
