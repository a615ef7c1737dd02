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
    points: torch.Tensor, tool: torch.Tensor, rotation: torch.Tensor, fingers: torch.Tensor
) -> torch.Tensor:
    """Least distance between points and the hand ``[n]`` [m]; 0 when a point is inside it.

    Args:
        points: ``[n, S, 3]`` [m].
        tool: tool centre point ``[n, 3]`` [m], in the frame of the points.
        rotation: axes of the hand as columns ``[n, 3, 3]``, in that frame.
        fingers: distance of the left and the right fingertip from the middle ``[n, 2]`` [m]: the fingers' joints.
    """
    offset = points - tool[:, None]
    # Elementwise, so that a row does not depend on how many there are.
    local = sum(offset[..., i, None] * rotation[:, None, i] for i in range(3))
    x, y, z = (local + torch.tensor(PANDA.tool_offset, dtype=points.dtype, device=points.device)).unbind(-1)
    low, high = _PALM
    palm = _squared(
        *((v - (a + b) / 2).abs() - (b - a) / 2 for v, a, b in zip((x, y, z), low, high, strict=True))
    )
    centre, turn, size = (
        torch.tensor(values, dtype=points.dtype, device=points.device)
        for values in zip(*_FINGER, strict=True)
    )
    c, s, half = turn.cos()[:, None], turn.sin()[:, None], size[..., None] / 2  # of the K boxes of a finger
    # The right finger is the left one turned by half a turn about z: the boxes are symmetric in x.
    v = (torch.stack((y, -y), 1) - fingers[..., None])[:, :, None] - centre[:, :1]  # [n, 2, K, S]
    w = (z - FINGER_Z)[:, None, None] - centre[:, 1:]
    boxes = _squared(
        x.abs()[:, None, None] - half[:, 0],
        (c * v + s * w).abs() - half[:, 1],
        (c * w - s * v).abs() - half[:, 2],
    )
    return torch.minimum(palm.amin(1), boxes.amin((1, 2, 3))).sqrt()


def _squared(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """Squared distance from a box, of points that lie this far beyond its faces along its three axes."""
    return x.clamp_min(0.0) ** 2 + y.clamp_min(0.0) ** 2 + z.clamp_min(0.0) ** 2


class FingersInTorch:
    """The hand's two fingers as a `robots.protocol.Hand`."""

    def width(self, joints: torch.Tensor) -> torch.Tensor:
        """Width ``[N]`` [m] at finger positions ``[N, 2]`` [m]."""
        return joints.sum(1)

    def joints_at(self, width: torch.Tensor) -> torch.Tensor:
        """Finger positions ``[N, 2]`` [m] at widths ``[N]`` [m]; not clipped to what the hand can."""
        return (width / 2)[:, None].expand(-1, 2)

    def distance(
        self, points: torch.Tensor, tool: torch.Tensor, rotation: torch.Tensor, joints: torch.Tensor
    ) -> torch.Tensor:
        """See `hand_distance`."""
        return hand_distance(points, tool, rotation, joints)
