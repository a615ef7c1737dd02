"""The Franka Hand as boxes: how far something is from the fingers and the palm.

Source of the boxes: the collision geometry of ``panda_description`` in the ``example-robot-data`` package (the
manufacturer's description), four boxes a finger; the palm is the bounding box of its collision mesh. Pure torch.
"""

from __future__ import annotations

import math

import torch

from robots.franka.spec import PANDA

FINGER_Z = 0.0584
"""Where the fingers' joints are along the hand's z axis [m]."""

_DIAGONAL = math.radians(30)
_FINGER = (  # centre (y, z) in the left finger's frame [m], turn about x [rad], size x, y, z [m]
    ((0.0185, 0.011), 0.0, (0.022, 0.015, 0.020)),  # screw mount
    ((0.0068, 0.0022), 0.0, (0.022, 0.0088, 0.0038)),  # carriage
    ((0.0159, 0.02835), _DIAGONAL, (0.0175, 0.007, 0.0235)),  # slope
    ((0.00758, 0.04525), 0.0, (0.0175, 0.0152, 0.0185)),  # rubber tip
)
_PALM = ((-0.0316, -0.1040, -0.0259), (0.0316, 0.1004, 0.0660))
"""Lower and upper corner in the hand's frame [m]."""


def hand_distance(
    points: torch.Tensor, tool: torch.Tensor, rotation: torch.Tensor, width: torch.Tensor
) -> torch.Tensor:
    """Least distance between points and the hand ``[n]`` [m]; 0 when a point is inside it.

    Args:
        points: ``[n, S, 3]`` [m].
        tool: tool centre point ``[n, 3]`` [m], in the frame of the points.
        rotation: axes of the hand as columns ``[n, 3, 3]``, in that frame.
        width: distance between the fingertips ``[n]`` [m]; both fingers stand at half of it.
    """
    offset = points - tool[:, None]
    # Elementwise, so that a row does not depend on how many there are.
    local = sum(offset[..., i, None] * rotation[:, None, i] for i in range(3))
    x, y, z = (local + torch.tensor(PANDA.tool_offset, device=points.device)).unbind(-1)
    low, high = _PALM
    distance = _outside(
        tuple((v - (a + b) / 2).abs() - (b - a) / 2 for v, a, b in zip((x, y, z), low, high, strict=True))
    )
    half = width[:, None] / 2
    for side in (1.0, -1.0):
        for (cy, cz), turn, size in _FINGER:
            # The right finger is the left one turned by half a turn about z: the boxes are symmetric in x.
            v, w = side * y - half - cy, z - FINGER_Z - cz
            c, s = math.cos(turn), math.sin(turn)
            along = (x, c * v + s * w, c * w - s * v)
            box = _outside(tuple(q.abs() - extent / 2 for q, extent in zip(along, size, strict=True)))
            distance = torch.minimum(distance, box)
    return distance.amin(1)


def _outside(beyond: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Distance from a box, of points that lie this far beyond its faces along its three axes."""
    x, y, z = (b.clamp_min(0.0) for b in beyond)
    return torch.sqrt(x * x + y * y + z * z)
