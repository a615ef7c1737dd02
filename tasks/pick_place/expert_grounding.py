"""Groundings of the pick-and-place task: what is true, and what the expert claims."""

from __future__ import annotations

import torch

from policy.grounding import GRASP, PLACE, RECEPTACLE, TARGET, Box, Grounding, Point
from tasks.cameras import bounding_box
from tasks.tabletop.view import PrivilegedView

TRACE_POINTS = 24
"""Points of a reported trace."""


def true_grounding(view: PrivilegedView, row: int) -> Grounding:
    """Where things really are: boxes around the whole visible surfaces, hidden parts included.

    The grasp point is the object's best grasp, the place point where its middle is to rest, as in the data engine's
    annotations.
    """
    return _grounding(view, row, torch.zeros(2, 2, device=view.tool.device))


def plan_grounding(
    view: PrivilegedView, row: int, error_px: torch.Tensor, plan: torch.Tensor, phase: int
) -> Grounding:
    """What the expert means to do: everything shifted by its error ``[2, 2]`` [px], and its way ahead.

    Args:
        view: the scene.
        row: which environment of the view.
        error_px: its error for object and receptacle.
        plan: corner points ``[6, 3]`` of the way from here through grasp to placement [m].
        phase: phase of the expert's machine; corners already passed are left out.
    """
    ahead = plan[torch.tensor([0] + [i for i, last in enumerate((0, 1, 3, 4, 5), start=1) if phase <= last])]
    if len(ahead) < 2:
        return _grounding(view, row, error_px)
    pixels = view.pixels(_densify(ahead, TRACE_POINTS)[None].expand(len(view.target), -1, -1))[row]
    return _grounding(view, row, error_px, tuple((float(u), float(v)) for u, v in pixels))


def _grounding(view: PrivilegedView, row: int, error_px: torch.Tensor, trace=()) -> Grounding:
    width, height = view.image_size
    best = torch.zeros_like(view.target)
    points = torch.stack((view.grasp_point(best), view.rest_point), 1)
    uv = view.pixels(points)[row] + error_px
    boxes = []
    for k, (label, slot) in enumerate(((TARGET, view.target), (RECEPTACLE, view.receptacle))):
        outline = view.outline(row, int(slot[row])) + error_px[k]
        box = bounding_box(outline[None], width, height)[0]
        boxes.append(Box(label, tuple(box.tolist())))
    return Grounding(
        camera=view.camera,
        image_size=view.image_size,
        boxes=tuple(boxes),
        points=(Point(GRASP, tuple(uv[0].tolist())), Point(PLACE, tuple(uv[1].tolist()))),
        trace=trace,
    )


def _densify(corners: torch.Tensor, count: int) -> torch.Tensor:
    """``count`` points evenly spaced along a polyline ``[K, 3]``."""
    lengths = (corners[1:] - corners[:-1]).norm(dim=1)
    along = torch.cat((torch.zeros(1, device=corners.device), lengths.cumsum(0)))
    at = torch.linspace(0, float(along[-1]), count, device=corners.device)
    i = torch.searchsorted(along, at, right=True).clamp(1, len(corners) - 1)
    share = ((at - along[i - 1]) / lengths[i - 1].clamp_min(1e-9))[:, None]
    return corners[i - 1] + (corners[i] - corners[i - 1]) * share
