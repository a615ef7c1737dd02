"""Visual meshes light enough to lie in every episode of a file.

A robot's visual meshes are made for close-ups: the Panda's take 10 MB of text and 134,000 triangles. Here each is
reduced to a tenth of that, once: the result stays in the asset cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rerun as rr

from robots.asset_cache import cached

if TYPE_CHECKING:
    import trimesh

TRIANGLES_KEPT = 0.2
"""Share of the triangles of a fine mesh that is kept."""
FINE_MESH = 1000
"""Meshes with fewer triangles stay as they are."""
CREASE = np.radians(35)
"""Edges sharper than this are drawn sharp [rad]."""


def light_mesh(blob: bytes, file_type: str, color: Sequence[int] | None = None) -> rr.Mesh3D:
    """The mesh of a file's content, in the file's frame and unit, with its materials' colours at the vertices.

    Args:
        blob: the file.
        file_type: its usual ending: ``dae``, ``stl``, ``obj`` or ``glb``.
        color: sRGB and alpha ``[4]`` that it has instead of its own, in 0 .. 255.
    """

    def build(folder: Path) -> None:
        np.savez_compressed(folder / "mesh.npz", allow_pickle=False, **_reduce(blob, file_type))

    recipe = f"{TRIANGLES_KEPT} {FINE_MESH} {CREASE} {file_type}".encode()
    folder = cached("light-mesh", hashlib.sha256(recipe + b"\0" + blob).hexdigest(), build)
    with np.load(folder / "mesh.npz") as file:
        parts = {name: file[name] for name in file.files}
    if color is not None:
        parts["vertex_colors"] = np.tile(np.array(list(color), np.uint8), (len(parts["vertex_positions"]), 1))
    return rr.Mesh3D(**parts)


def _reduce(blob: bytes, file_type: str) -> dict[str, np.ndarray]:
    import trimesh  # seconds to import, and only needed until the result is in the cache

    scene = trimesh.load_scene(BytesIO(blob), file_type=file_type)
    meshes = [part for part in scene.dump() if isinstance(part, trimesh.Trimesh)]  # one a material
    parts = [(_reduced_part(mesh), _color(mesh)) for mesh in meshes]
    starts = np.cumsum([0, *[len(mesh.vertices) for mesh, _ in parts[:-1]]])
    faces = [mesh.faces + start for (mesh, _), start in zip(parts, starts, strict=True)]
    colors = [np.tile(color, (len(mesh.vertices), 1)) for mesh, color in parts]
    return {
        "vertex_positions": np.concatenate([mesh.vertices for mesh, _ in parts]).astype(np.float32),
        "vertex_normals": np.concatenate([mesh.vertex_normals for mesh, _ in parts]).astype(np.float32),
        "vertex_colors": np.concatenate(colors).astype(np.uint8),
        "triangle_indices": np.concatenate(faces).astype(np.uint32),
    }


def _reduced_part(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    import trimesh

    mesh = mesh.copy()
    mesh.merge_vertices(merge_norm=True, merge_tex=True)
    if len(mesh.faces) > FINE_MESH:
        mesh = mesh.simplify_quadric_decimation(percent=1.0 - TRIANGLES_KEPT)
    return trimesh.graph.smooth_shade(mesh, angle=CREASE)


def _color(mesh: trimesh.Trimesh) -> np.ndarray:
    """RGBA ``[4]`` of the part's material."""
    from trimesh.visual import TextureVisuals

    look = mesh.visual.material if isinstance(mesh.visual, TextureVisuals) else mesh.visual
    assert look is not None, "a mesh that was read has a look, be it the default one"
    return np.asarray(look.main_color, np.uint8)
