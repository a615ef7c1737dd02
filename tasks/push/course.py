"""The straight way of a push: from where the hand must be behind the object to where the object is at its landmark."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from tasks.tabletop.footprints import extent, footprint_gap, placed
from tasks.tabletop.view import PrivilegedView


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
    corners = placed(_vertices(view, view.target), view.target_pose)
    landmark = placed(_vertices(view, view.receptacle), view.receptacle_pose)
    # Padded, since corners are [x, y, z] and errors are horizontal.
    shift = torch.nn.functional.pad(error, (0, 1))
    spot = view.target_pose[:, :2] + error[:, 0]
    way = view.receptacle_pose[:, :2] + error[:, 1] - spot
    direction = way / way.norm(dim=1, keepdim=True).clamp_min(1e-6)
    rear = extent(corners - view.target_pose[:, None, :3], -direction[:, None])[:, 0]
    gap = footprint_gap(corners + shift[:, None, 0], landmark + shift[:, None, 1])
    return Course(direction, spot, rear, gap, corners[..., 2].amin(1))


def _vertices(view: PrivilegedView, body: torch.Tensor) -> torch.Tensor:
    """Corners ``[n, V, 3]`` of one body an environment, padded by repeating the first."""
    found = [
        torch.as_tensor(view.slots[i].body.vertices * view.slots[i].scale, dtype=torch.float32)
        for i in body.tolist()
    ]
    most = max(map(len, found))
    padded = [torch.cat((p, p[:1].expand(most - len(p), -1))) for p in found]
    return torch.stack(padded).to(view.tool.device)
