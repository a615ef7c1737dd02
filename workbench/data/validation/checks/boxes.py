"""Outlines of bodies in pictures, to hold boxes against."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.spatial import ConvexHull

from robots.registry import robot
from tasks.tabletop.workspace import pool
from workbench.data.generate.annotate import points_on
from workbench.data.generate.silhouette import convex_parts
from workbench.data.projection import project_frames
from workbench.data.validation.checks.evidence import Evidence, Pictures

BOX_TOLERANCE = 2.0
"""Between the edges of a box and of its body's outline, if the body is seen whole [px]: half of the bodies may not be
farther off. Clean data: 0.9 px in the median of an episode and camera, 1.4 px at most, since a pixel counts when its
middle is covered and bodies may hide a corner of each other."""
WHOLE = 0.995
"""Visibility from which a body counts as seen whole."""


def body_outlines(evidence: Evidence, camera: Pictures) -> tuple[np.ndarray, np.ndarray]:
    """Boxes ``[n, 4]`` as stored, and those of the outlines ``[n, 4]``, of bodies that are said to be seen whole.

    Which bodies count follows from the stored boxes and visibility alone: those away from the picture's edges.
    """
    boxes, visible, poses = camera.boxes, camera.visibility, evidence.body_pose
    empty = np.zeros((0, 4))
    if boxes is None or visible is None or poses is None:
        return empty, empty
    scale = robot(evidence.robot).workspace.scale
    seen, outline = [empty], [empty]
    for row, body in enumerate(evidence.bodies):
        if body.slot not in pool() or row >= min(poses.shape[1], boxes.shape[1]):
            continue
        box, pose = boxes[:, row], poses[:, row]
        known = np.isfinite(box).all(1) & np.isfinite(pose).all(1) & (visible[:, row] > WHOLE)
        with np.errstate(invalid="ignore"):
            known &= (box[:, :2] > 1).all(1) & (box[:, 2:] < np.array(camera.size) - 1).all(1)
        if not known.any():
            continue
        at = project_frames(
            points_on(pose[known], outer_corners(body.slot, scale)),
            camera.position[known],
            camera.rotation[known],
            camera.intrinsics,
            camera.distortion,
        )
        found = np.concatenate((at.min(1), at.max(1)), 1)
        good = np.isfinite(found).all(1)
        seen.append(box[known][good])
        outline.append(found[good])
    return np.concatenate(seen), np.concatenate(outline)


@cache
def outer_corners(slot: str, scale: float = 1.0) -> np.ndarray:
    """Corners ``[V, 3]`` [m] of the convex hull of a body of the pool, in its frame: its outline's edges are theirs."""
    corners = np.concatenate(convex_parts(slot, scale))
    return corners[ConvexHull(corners).vertices]
