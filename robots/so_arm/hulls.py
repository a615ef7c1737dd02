"""The SO-ARM's surface as convex pieces: what collides in simulation, and what "released" is measured against.

Each jaw is cut into `SLABS` along its length and each slab gets its own hull: one hull a jaw would hold objects visibly
off the fixed jaw's inner face, and shove them by 3 mm as it closes. A hull keeps the farthest points in `DIRECTIONS`.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import trimesh

SLABS = 5
DIRECTIONS = 60
JAWS = {"wrist_roll_follower_so101_v1": 2, "moving_jaw_so101_v1": 1}
"""Meshes that grasp -> the axis along which they are long."""


@cache
def pieces(mesh: Path) -> tuple[trimesh.Trimesh, ...]:
    """Convex pieces of a mesh file, in its own frame [m]."""
    whole = trimesh.load_mesh(mesh)
    assert isinstance(whole, trimesh.Trimesh), f"{mesh} holds no mesh"
    if mesh.stem not in JAWS:
        return (_hull(whole.vertices),)
    axis = JAWS[mesh.stem]
    low, high = whole.bounds[:, axis]
    cuts = np.linspace(low, high, SLABS + 1)
    found = []
    for a, b in pairwise(cuts):
        slab = whole
        for at, sign in ((a, 1.0), (b, -1.0)):
            normal = np.zeros(3)
            normal[axis] = sign
            slab = slab.slice_plane(normal * sign * at, normal)
        found.append(_hull(slab.vertices))
    return tuple(found)


def _hull(vertices: np.ndarray) -> trimesh.Trimesh:
    """The convex hull of the farthest vertices in directions spread evenly over a sphere (a Fibonacci lattice)."""
    k = np.arange(DIRECTIONS) + 0.5
    polar, around = np.arccos(1 - 2 * k / DIRECTIONS), np.pi * (1 + 5**0.5) * k
    directions = np.stack((np.cos(around) * np.sin(polar), np.sin(around) * np.sin(polar), np.cos(polar)), 1)
    return trimesh.convex.convex_hull(vertices[np.unique((vertices @ directions.T).argmax(0))])
