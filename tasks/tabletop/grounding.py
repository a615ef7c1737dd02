"""What every task's grounding is made of: boxes of what is named, and ways as points of an image."""

from __future__ import annotations

import torch

from policy.grounding import RECEPTACLE, TARGET, Box
from tasks.cameras import bounding_box
from tasks.tabletop.view import PrivilegedView

TRACE_POINTS = 24
"""Points of a reported trace."""


def named_boxes(view: PrivilegedView, row: int, error_px: torch.Tensor) -> tuple[Box, ...]:
    """Boxes around the whole visible surfaces of object and receptacle, hidden parts included.

    Args:
        view: the scene.
        row: which environment of the view.
        error_px: by how much object and receptacle are seen elsewhere ``[2, 2]`` [px].
    """
    width, height = view.image_size
    boxes = []
    for k, (label, slot) in enumerate(((TARGET, view.target), (RECEPTACLE, view.receptacle))):
        outline = view.outline(row, int(slot[row])) + error_px[k]
        box = bounding_box(outline[None], width, height)[0]
        boxes.append(Box(label, tuple(box.tolist())))
    return tuple(boxes)


def trace_of(view: PrivilegedView, row: int, corners: torch.Tensor) -> tuple[tuple[float, float], ...]:
    """Pixels of `TRACE_POINTS` points evenly spaced along a way with these corners ``[K, 3]`` [m]."""
    way = _densify(corners, TRACE_POINTS)[None].expand(len(view.target), -1, -1)
    return tuple((float(u), float(v)) for u, v in view.pixels(way)[row])


def _densify(corners: torch.Tensor, count: int) -> torch.Tensor:
    """``count`` points evenly spaced along a polyline ``[K, 3]``."""
    lengths = (corners[1:] - corners[:-1]).norm(dim=1)
    along = torch.cat((torch.zeros(1, device=corners.device), lengths.cumsum(0)))
    at = torch.linspace(0, float(along[-1]), count, device=corners.device)
    i = torch.searchsorted(along, at, right=True).clamp(1, len(corners) - 1)
    share = ((at - along[i - 1]) / lengths[i - 1].clamp_min(1e-9))[:, None]
    return corners[i - 1] + (corners[i] - corners[i - 1]) * share
