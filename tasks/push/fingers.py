"""Where closed fingers are, seen from the tool, and how thick: measured on the hand's own shape.

The tool is the middle of what is grasped. A hand of two fingers closes on it; one with a single moving jaw closes
beside it, on the jaw that stands still.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from robots.registry import robot

GRID = 0.001
"""Between two points at which the shape is asked for [m]."""
AROUND = 0.06
"""How far from the tool it is asked for [m]."""
HIGHEST = 0.02
"""Part of the fingers that may touch an object, from the tool up, at full size [m]."""


@dataclass(frozen=True)
class ClosedFingers:
    """Closed fingers in the tool's frame, whose y is the axis along which they close."""

    aside: float
    """From the tool to their middle along y [m]."""
    half_thickness: float
    """Half of their extent along x, the flat side's normal [m]."""


@cache
def closed_fingers(name: str) -> ClosedFingers:
    """Those of a robot, by its name. ValueError for a hand that is nowhere near its tool when it is closed."""
    model = robot(name)
    closed = torch.from_numpy(model.gripper.joints_at(np.array([model.gripper.min_width]))).float()
    steps = torch.arange(-round(AROUND / GRID), round(AROUND / GRID) + 1) * GRID
    heights = -torch.linspace(0.0, HIGHEST * model.workspace.scale, 4)
    z, x, y = torch.meshgrid(heights, steps, steps, indexing="ij")
    points = torch.stack((x, y, z), -1).reshape(1, -1, 3)
    # One point a row: the hand says how far the nearest point of a row is from it.
    rows = points.reshape(-1, 1, 3)
    gap = model.hand().distance(
        rows, torch.zeros(len(rows), 3), torch.eye(3).expand(len(rows), 3, 3), closed.expand(len(rows), -1)
    )
    inside = gap.reshape(z.shape) < GRID / 2
    if not bool(inside[0].any()):
        raise ValueError(f"the closed fingers of {name} are not within {AROUND} m of its tool")
    across = y[0][inside[0]]
    return ClosedFingers(float(across.amin() + across.amax()) / 2, float(x[inside].abs().amax()))
