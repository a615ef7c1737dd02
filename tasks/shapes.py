"""Rigid things that a task puts on a table: meshes made of convex parts, and how a parallel gripper holds them.

Every body is given at scale 1, in metres, in a frame with z up whose origin is the centre of its bounding box; at
rest it stands on its base, so the origin is half its height above the table. Collision uses the convex parts, which
follow the visible surface; a single hull would let fingers close on air beside a cross.
Pure geometry: no simulator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np
import scipy

if TYPE_CHECKING:
    import trimesh


@dataclass(frozen=True)
class Grasp:
    """A top-down grasp in the body's frame at scale 1."""

    offset: tuple[float, float]
    """Where the fingers meet, (x, y) from the body's origin [m]."""
    yaw: float
    """Direction in which the fingers close, about z from the body's x axis [rad]."""
    width: float
    """Distance between the contact faces [m]."""
    height: float
    """Height of the fingers' contact above the body's base [m]."""


@dataclass(frozen=True)
class Opening:
    """What the rim of a receptacle encloses, seen from above: an ellipse, or a rectangle, about the body's origin."""

    half_size: tuple[float, float]
    """Half its extents along the body's x and y [m]."""
    round: bool

    def contains(self, x: float, y: float) -> bool:
        """Whether a point of the body's frame [m] lies in it, seen from above."""
        across, along = x / self.half_size[0], y / self.half_size[1]
        return across**2 + along**2 < 1.0 if self.round else max(abs(across), abs(along)) < 1.0


@dataclass(frozen=True)
class Body:
    """A rigid body: convex parts, their union's surface, and grasps."""

    name: str
    """Identifier, as in scene files."""
    noun: str
    """What an instruction calls it."""
    parts: tuple[trimesh.Trimesh, ...]
    """Convex pieces ``[P]`` for collision [m]."""
    visual: trimesh.Trimesh
    """Visible surface [m]."""
    mass: float
    """Mass at scale 1 [kg]."""
    grasps: tuple[Grasp, ...] = ()
    """Ways to hold it, best first; empty for a body that nobody picks up."""
    opening: Opening | None = None
    """Where a placed object's origin counts as on or in it; None for a body that holds nothing."""
    support_height: float = 0.0
    """Height of the surface that carries a placed object, above the body's base [m]."""

    @property
    def height(self) -> float:
        """Extent along z at scale 1 [m]."""
        return float(self.visual.extents[2])

    @cached_property
    def radius(self) -> float:
        """Radius of the smallest vertical cylinder about the origin that holds the body, at scale 1 [m]."""
        return float(np.hypot(self.visual.vertices[:, 0], self.visual.vertices[:, 1]).max())

    @cached_property
    def vertices(self) -> np.ndarray:
        """Corners of the visible surface ``[V, 3]`` [m], each once: its lowest point is always one of them."""
        return np.unique(self.visual.vertices, axis=0)

    def surface(self, spacing: float) -> np.ndarray:
        """Points of the visible surface ``[S, 3]`` [m]: no point of it is farther than ``spacing`` from one of them.

        What one part hides in another is left out.
        """
        grid = np.vstack((self.vertices, *(_grid(t, spacing / 3) for t in self.visual.triangles)))
        for part in self.parts:
            faces = np.einsum("fi,fi->f", part.face_normals, part.triangles[:, 0])
            grid = grid[(grid @ part.face_normals.T - faces).max(1) > -1e-6]
        tree, covered, kept = scipy.spatial.cKDTree(grid), np.zeros(len(grid), dtype=bool), []
        for i in range(len(grid)):
            if not covered[i]:
                kept.append(i)
                covered[tree.query_ball_point(grid[i], 0.75 * spacing)] = True
        return grid[kept]


def _grid(triangle: np.ndarray, step: float) -> np.ndarray:
    """Points of a triangle ``[3, 3]``, edges included: rows along its longest side, ``step`` apart at most."""
    a, b, c = triangle
    start, end, tip = max(((a, b, c), (b, c, a), (c, a, b)), key=lambda s: float(np.linalg.norm(s[1] - s[0])))
    length = np.linalg.norm(end - start)
    height = np.linalg.norm(np.cross(end - start, tip - start)) / length
    shares = np.linspace(0.0, 1.0, int(np.ceil(height / step)) + 1)
    return np.vstack(
        [
            np.linspace(
                start + (tip - start) * t, end + (tip - end) * t, int(np.ceil(length * (1 - t) / step)) + 1
            )
            for t in shares
        ]
    )


def _solid(parts: list[trimesh.Trimesh]) -> tuple[tuple[trimesh.Trimesh, ...], trimesh.Trimesh]:
    """Centre parts on their common bounding box; the visible surface is all of them together."""
    import trimesh

    union = trimesh.util.concatenate(parts)
    shift = -union.bounds.mean(axis=0)
    for mesh in (*parts, union):
        mesh.apply_translation(shift)
    return tuple(parts), union


def _box(
    size: tuple[float, float, float], at: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> trimesh.Trimesh:
    import trimesh

    mesh = trimesh.creation.box(size)
    mesh.apply_translation(at)
    return mesh


def _prism(sides: int, radius: float, height: float, top_radius: float | None = None) -> trimesh.Trimesh:
    """A convex prism or frustum about z, first corner on x."""
    import trimesh

    angle = np.arange(sides) * 2 * np.pi / sides
    ring = np.stack((np.cos(angle), np.sin(angle)), 1)
    upper = radius if top_radius is None else top_radius
    bottom = np.column_stack((ring * radius, np.full(sides, -height / 2)))
    top = np.column_stack((ring * upper, np.full(sides, height / 2)))
    return trimesh.Trimesh(np.vstack((bottom, top))).convex_hull


def _dome(radius: float, sides: int = 24, rings: int = 6) -> trimesh.Trimesh:
    import trimesh

    elevation = np.linspace(0.0, np.pi / 2, rings, endpoint=False)
    angle = np.arange(sides) * 2 * np.pi / sides
    shell = [
        (radius * np.cos(e) * np.cos(a), radius * np.cos(e) * np.sin(a), radius * np.sin(e))
        for e in elevation
        for a in angle
    ]
    return trimesh.Trimesh([*shell, (0.0, 0.0, radius)]).convex_hull


def _wall(
    inner: tuple[float, float], outer: tuple[float, float], height: float, sides: int
) -> list[trimesh.Trimesh]:
    """A closed wall about z as convex segments; radii (bottom, top) inside and outside."""
    import trimesh

    segments = []
    for i in range(sides):
        a0, a1 = 2 * np.pi * i / sides, 2 * np.pi * (i + 1) / sides
        corners = [
            (r * np.cos(a), r * np.sin(a), z)
            for a in (a0, a1)
            for (r, z) in ((inner[0], 0.0), (outer[0], 0.0), (inner[1], height), (outer[1], height))
        ]
        segments.append(trimesh.Trimesh(corners).convex_hull)
    return segments


def _about_z(count: int, width: float, height: float) -> tuple[Grasp, ...]:
    """Equally good grasps through the centre, in ``count`` directions over half a turn."""
    return tuple(Grasp((0.0, 0.0), np.pi * i / count, width, height) for i in range(count))


def _make(name: str, noun: str, parts: list[trimesh.Trimesh], mass: float, **rest) -> Body:
    pieces, union = _solid(parts)
    return Body(name=name, noun=noun, parts=pieces, visual=union, mass=mass, **rest)


def _cube() -> Body:
    return _make("cube", "cube", [_box((0.05, 0.05, 0.05))], 0.08, grasps=_about_z(2, 0.05, 0.025))


def _brick() -> Body:
    return _make(
        "brick", "brick", [_box((0.075, 0.038, 0.04))], 0.09, grasps=(Grasp((0, 0), np.pi / 2, 0.038, 0.018),)
    )


def _cylinder() -> Body:
    return _make("cylinder", "cylinder", [_prism(24, 0.0255, 0.06)], 0.08, grasps=_about_z(4, 0.051, 0.03))


def _hexagon() -> Body:
    # Fingers close on opposite flats, which face 30 degrees away from the corners.
    grasps = tuple(Grasp((0.0, 0.0), np.pi / 6 + np.pi / 3 * i, 0.052, 0.018) for i in range(3))
    return _make("hexagon", "hexagon", [_prism(6, 0.03, 0.038)], 0.08, grasps=grasps)


def _cone() -> Body:
    # Blunt: low enough to stay below the palm, and steep enough (16 degrees) for friction of 0.3 to hold it.
    return _make(
        "cone", "cone", [_prism(24, 0.028, 0.05, top_radius=0.0135)], 0.06, grasps=_about_z(4, 0.047, 0.019)
    )


def _half_ball() -> Body:
    return _make("dome", "dome", [_dome(0.0285)], 0.06, grasps=_about_z(4, 0.057, 0.012))


def _cross() -> Body:
    arms = [_box((0.062, 0.022, 0.04)), _box((0.022, 0.062, 0.04))]
    return _make("cross", "cross", arms, 0.07, grasps=_about_z(2, 0.062, 0.02))


def _l_block() -> Body:
    legs = [_box((0.064, 0.024, 0.04), (0.0, -0.02, 0.0)), _box((0.024, 0.04, 0.04), (-0.02, 0.012, 0.0))]
    # The long leg near the corner: closest to the centre of mass with a finger's room inside the angle.
    return _make("l_block", "L-block", legs, 0.07, grasps=(Grasp((0.008, -0.02), np.pi / 2, 0.024, 0.02),))


def _plate() -> Body:
    base = _prism(32, 0.05, 0.006, top_radius=0.056)
    base.apply_translation((0, 0, 0.003))
    rim = _wall((0.054, 0.070), (0.058, 0.074), 0.014, 16)
    return _make(
        "plate", "plate", [base, *rim], 0.5, opening=Opening((0.070, 0.070), round=True), support_height=0.006
    )


def _bowl() -> Body:
    base = _prism(16, 0.044, 0.006)
    base.apply_translation((0, 0, 0.003))
    wall = _wall((0.042, 0.066), (0.046, 0.070), 0.038, 16)
    return _make(
        "bowl", "bowl", [base, *wall], 0.5, opening=Opening((0.066, 0.066), round=True), support_height=0.006
    )


def _tray() -> Body:
    length, width, wall, height = 0.15, 0.12, 0.006, 0.022
    parts = [
        _box((length, width, 0.006), (0, 0, 0.003)),
        *(_box((length, wall, height), (0, s * (width - wall) / 2, height / 2)) for s in (-1, 1)),
        *(_box((wall, width, height), (s * (length - wall) / 2, 0, height / 2)) for s in (-1, 1)),
    ]
    opening = Opening((length / 2 - wall, width / 2 - wall), round=False)
    return _make("tray", "tray", parts, 0.5, opening=opening, support_height=0.006)


_OBJECTS: dict[str, Callable[[], Body]] = {
    "cube": _cube,
    "brick": _brick,
    "cylinder": _cylinder,
    "hexagon": _hexagon,
    "cone": _cone,
    "dome": _half_ball,
    "cross": _cross,
    "l_block": _l_block,
}
_RECEPTACLES: dict[str, Callable[[], Body]] = {"plate": _plate, "bowl": _bowl, "tray": _tray}
OBJECTS = tuple(_OBJECTS)
"""Names of the things to pick up."""
RECEPTACLES = tuple(_RECEPTACLES)
"""Names of the things to put them on or in."""


@cache
def objects() -> dict[str, Body]:
    """The things to pick up, by name."""
    return {name: make() for name, make in _OBJECTS.items()}


@cache
def receptacles() -> dict[str, Body]:
    """The things to put them on or in, by name."""
    return {name: make() for name, make in _RECEPTACLES.items()}
