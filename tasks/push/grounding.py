"""Groundings of pushing: what is true, and what the expert claims. Nothing is held, so there is no grasp point."""

from __future__ import annotations

import torch

from policy.grounding import PLACE, Grounding, Point
from tasks.push.course import course
from tasks.tabletop.grounding import named_boxes, trace_of
from tasks.tabletop.view import PrivilegedView


def true_grounding(view: PrivilegedView, row: int) -> Grounding:
    """Where things really are; the place point is the object's middle after a straight push to the landmark."""
    return claimed(view, row, torch.zeros(2, 2, device=view.tool.device))


def claimed(
    view: PrivilegedView, row: int, error_px: torch.Tensor, way: torch.Tensor | None = None
) -> Grounding:
    """What the expert means to do: everything shifted by its error, and its way ahead.

    Args:
        view: the scene.
        row: which environment of the view.
        error_px: its error for object and landmark ``[2, 2]`` [px].
        way: corners of the way ahead ``[K, 3]`` [m]; None for no trace.
    """
    ahead = course(view, torch.zeros(len(view.target), 2, 2, device=view.tool.device))
    goal = view.target_pose[:, :3].clone()
    goal[:, :2] += ahead.direction * ahead.gap[:, None]
    uv = view.pixels(goal[:, None])[row, 0] + error_px[1]
    return Grounding(
        camera=view.camera,
        image_size=view.image_size,
        boxes=named_boxes(view, row, error_px),
        points=(Point(PLACE, tuple(uv.tolist())),),
        trace=() if way is None or len(way) < 2 else trace_of(view, row, way),
    )
