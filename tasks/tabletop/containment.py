"""Which objects lie in which receptacles: batched geometry of rigid bodies, in the receptacle's own frame.

An object lies in a receptacle when

- the receptacle stands upright within `MAX_TILT`,
- the object's origin is over the opening that the receptacle's rim encloses,
- and the object's lowest point is at the height of the receptacle's floor: no more than `SUNK` under it, which is what
  soft contacts give way, and no more than `RAISED` over it.

So what stands on another object, lies across a wall or hangs over the rim does not, and what stands in a corner does.
Pure torch; elementwise, so that a row does not depend on how many there are.
"""

from __future__ import annotations

import math

import torch

from tasks.poses import matrix, relative
from tasks.tabletop.body_table import BodyTable

MAX_TILT = math.radians(20)
"""[rad]"""
SUNK = 0.003
"""[m]"""
RAISED = 0.006
"""[m]"""


def contained(bodies: BodyTable, pose: torch.Tensor, active: torch.Tensor) -> torch.Tensor:
    """Whether body ``i`` lies in the ``r``-th receptacle ``[N, B, R]``.

    Args:
        bodies: shapes of the ``B`` bodies, ``R`` of them receptacles.
        pose: ``[N, B, 7]``, position [m] and quaternion x y z w, z axis up.
        active: bodies in use ``[N, B]``; the others are in nothing and hold nothing.
    """
    inside = active[:, :, None] & active[:, None, bodies.receptacles] & ~bodies.is_receptacle[:, None]
    row, body, column = inside.nonzero(as_tuple=True)  # the pairs there are, P of them
    rest = bodies.receptacles[column]
    holder = pose[row, rest]
    seen = relative(holder, pose[row, body])
    found = upright(holder) & _over_opening(bodies, rest, seen)
    # The rest is looked at only where it matters: it takes all corners of a body.
    near = found.nonzero()[:, 0]
    if len(near):
        above = _lowest(bodies.vertices[body[near]], seen[near]) - bodies.floor[rest[near]]
        found[near] = (above > -SUNK) & (above < RAISED)
    inside[row, body, column] = found
    return inside


def upright(pose: torch.Tensor) -> torch.Tensor:
    """Whether bodies at poses ``[P, 7]`` have their z axis within `MAX_TILT` of the vertical ``[P]``."""
    x, y = pose[:, 3], pose[:, 4]
    return 1 - 2 * (x * x + y * y) > math.cos(MAX_TILT)


def _over_opening(bodies: BodyTable, receptacle: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Whether origins ``[P]`` seen from receptacles at poses ``[P, 7]`` are over their openings."""
    share = (seen[:, :2] / bodies.half_opening[receptacle]).abs()
    within_ellipse = share[:, 0] * share[:, 0] + share[:, 1] * share[:, 1] < 1.0
    return torch.where(bodies.round_opening[receptacle], within_ellipse, share.amax(1) < 1.0)


def _lowest(vertices: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
    """Height ``[P]`` of the lowest of corners ``[P, V, 3]`` of bodies at poses ``[P, 7]``."""
    up = matrix(pose[:, 3:])[:, 2]
    height = sum(vertices[..., i] * up[:, None, i] for i in range(3))
    return pose[:, 2] + height.amin(1)
