"""Groundings where an object is grasped and carried: what is true, and what the expert claims."""

from __future__ import annotations

import torch

from policy.grounding import GRASP, PLACE, Grounding, Point
from tasks.tabletop.grounding import named_boxes, trace_of
from tasks.tabletop.view import PrivilegedView


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
    return _grounding(view, row, error_px, trace_of(view, row, ahead))


def _grounding(view: PrivilegedView, row: int, error_px: torch.Tensor, trace=()) -> Grounding:
    best = torch.zeros_like(view.target)
    points = torch.stack((view.grasp_point(best), view.rest_point), 1)
    uv = view.pixels(points)[row] + error_px
    return Grounding(
        camera=view.camera,
        image_size=view.image_size,
        boxes=named_boxes(view, row, error_px),
        points=(Point(GRASP, tuple(uv[0].tolist())), Point(PLACE, tuple(uv[1].tolist()))),
        trace=trace,
    )
