"""Whether an object lies in a receptacle, from their meshes alone: nothing here knows `BodyTable` or `Opening`.

The opening is the hole in a cut through the receptacle's colliders just under its rim; the floor is the highest surface
over its origin; the object is many points on its surface and all corners of its colliders, in double precision.
"""

from functools import cache

import numpy as np
import shapely
import trimesh
from scipy.spatial.transform import RigidTransform, Rotation

from tasks.shapes import Body, objects, receptacles

FACET = {
    "plate": 0.070 * (1 - np.cos(np.pi / 16)) + 1e-5,
    "bowl": 0.066 * (1 - np.cos(np.pi / 16)) + 1e-5,
    "tray": 1e-5,
}
"""By how much the opening, a 16-gon or a rectangle, is narrower at a side's middle than it is said to be [m]."""
SUNK, RAISED, MAX_TILT = 0.003, 0.006, 20.0
"""As the task says: the lowest point against the floor [m], the receptacle's lean [degrees]."""


def rim_opening(body: Body) -> shapely.Polygon:
    """What the rim encloses, seen from above, in the body's frame [m]."""
    top = body.visual.bounds[1, 2] - 1e-6
    cuts = []
    for part in body.parts:
        cut = part.section(plane_origin=(0, 0, top), plane_normal=(0, 0, 1))
        if cut is not None:
            cuts.append(shapely.MultiPoint(cut.vertices[:, :2]).convex_hull.buffer(1e-7))
    (hole,) = shapely.union_all(cuts).interiors
    return shapely.Polygon(hole)


@cache
def _receptacle(name: str) -> tuple[shapely.Polygon, float]:
    """Opening, and height of the floor over the origin [m]."""
    body = receptacles()[name]
    hits = (
        trimesh.Scene(list(body.parts))
        .to_mesh()
        .ray.intersects_location([(1e-4, 2e-4, 1.0)], [(0, 0, -1)])[0]
    )
    return rim_opening(body), float(hits[:, 2].max())


@cache
def _points(name: str, scale: float) -> np.ndarray:
    body = objects()[name]
    drawn = trimesh.sample.sample_surface(body.visual, 400, seed=0)[0]
    return np.vstack((drawn, *(part.vertices for part in body.parts))) * scale


class Placed:
    """An object at a scale and a receptacle, ``n`` times; poses ``[n, 7]`` are position [m] and quaternion x y z w."""

    def __init__(
        self, thing: str, scale: float, pose: np.ndarray, receptacle: str, holder: np.ndarray
    ) -> None:
        opening, floor = _receptacle(receptacle)
        at = RigidTransform.from_components(holder[:, :3], Rotation.from_quat(holder[:, 3:]))
        seen = at.inv() * RigidTransform.from_components(pose[:, :3], Rotation.from_quat(pose[:, 3:]))
        origin = shapely.points(seen.translation[:, :2])
        self.opening_gap = shapely.distance(opening.boundary, origin)
        """How far the object's origin is from the border of the opening, seen from above ``[n]`` [m]."""
        corners = np.einsum("nij,pj->npi", seen.rotation.as_matrix(), _points(thing, scale))
        self.lowest = (corners + seen.translation[:, None])[..., 2].min(1) - floor
        """Height of the object's lowest point over the floor ``[n]`` [m]."""
        up = at.rotation.apply((0.0, 0.0, 1.0))
        self.tilt = np.degrees(np.arctan2(np.hypot(up[:, 0], up[:, 1]), up[:, 2]))
        """Lean of the receptacle ``[n]`` [degrees]."""
        at_floor = (self.lowest > -SUNK) & (self.lowest < RAISED)
        self.inside = shapely.contains(opening, origin) & at_floor & (self.tilt < MAX_TILT)
        """``[n]``"""
        near_floor = np.minimum(np.abs(self.lowest + SUNK), np.abs(self.lowest - RAISED)) < 1e-6
        near_tilt = np.abs(self.tilt - MAX_TILT) < 1e-3
        self.doubtful = (self.opening_gap < FACET[receptacle]) | near_floor | near_tilt
        """Nearer to a border than two ways to say it can agree: a facet of a round opening, a rounding ``[n]``."""
