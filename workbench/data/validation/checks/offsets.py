"""How far stored points and boxes of a camera are from where poses and calibration project."""

from __future__ import annotations

import numpy as np

from workbench.data.generate.annotate import points_on
from workbench.data.projection import project_frames
from workbench.data.validation.checks.boxes import BOX_TOLERANCE, body_outlines
from workbench.data.validation.checks.camera_causes import POINT_TOLERANCE
from workbench.data.validation.checks.evidence import Evidence, Pictures

MARGIN = 0.5
"""Points count that are within so many pictures of the edges: far outside, the lens spreads rounding."""
ON_OBJECT, ON_RECEPTACLE = ("grasp", "contact"), ("place",)


class Offsets:
    """What of a camera's pixels is elsewhere than projected.

    ``residual`` are stored less projected points ``[F, Q, 2]`` [px] by name, and ``near`` which of them count; ``seen``
    and ``outline`` boxes ``[n, 4]`` as stored and as projected. ``trace`` and ``boxes`` tell whether those are off,
    ``points`` names which of the others are; ``whole_bodies``, whether bodies are off and the camera is not.
    """

    def __init__(self, evidence: Evidence, camera: Pictures) -> None:
        self.world = world_points(evidence)
        self.residual: dict[str, np.ndarray] = {}
        for name, pixels in camera.points.items():
            if name in self.world:
                self.residual[name] = pixels - _project(camera, self.world[name])
        self.near = {
            name: (_near(camera, camera.points[name]) | _near(camera, camera.points[name] - gap))
            & np.isfinite(self.world[name]).all(
                -1
            )  # of a body between two rows, it is not known where it was
            for name, gap in self.residual.items()
        }
        wrong = {name: is_off(gap[self.near[name]]) for name, gap in self.residual.items()}
        self.trace = wrong.get("trace", False)
        self.points = [name for name, bad in wrong.items() if bad and name != "trace"]
        self.seen, self.outline = body_outlines(evidence, camera)
        gaps = self.seen - self.outline
        self.box_shift = np.median(gaps.reshape(-1, 2, 2).mean(1), 0) if len(gaps) else np.zeros(2)
        self.boxes = len(gaps) > 0 and boxes_off(gaps)
        on_object = [n for n in ON_OBJECT if n in self.residual and self.near[n].any()]
        self.whole_bodies = (
            (self.boxes or not len(gaps))
            and not self.trace
            and bool(on_object)
            and all(name in self.points for name in on_object)
        )
        self.alone = not any(self.near[n].any() for n in self.near if n != "trace") and not len(gaps)


def world_points(evidence: Evidence) -> dict[str, np.ndarray]:
    """Points ``[F, Q, 3]`` [m] in the base frame by the name of their pixels."""
    found: dict[str, np.ndarray] = {}
    if "trace" in evidence.points_3d:
        found["trace"] = evidence.points_3d["trace"]
    pose = evidence.body_pose
    if pose is None or pose.shape[1] < 2:
        return found
    for row, names in ((0, ON_OBJECT), (1, ON_RECEPTACLE)):
        known = np.isfinite(pose[:, row]).all(1)
        for name in names:
            if name not in evidence.points_3d:
                continue
            points = evidence.points_3d[name]
            found[name] = np.full((len(pose), len(points), 3), np.nan)
            if known.any():
                found[name][known] = points_on(pose[known, row], points)
    return found


def _project(camera: Pictures, points: np.ndarray) -> np.ndarray:
    return project_frames(points, camera.position, camera.rotation, camera.intrinsics, camera.distortion)


def _near(camera: Pictures, pixels: np.ndarray) -> np.ndarray:
    size = np.array(camera.size)
    with np.errstate(invalid="ignore"):
        return ((pixels > -MARGIN * size) & (pixels < (1 + MARGIN) * size)).all(-1)


def is_off(gap: np.ndarray) -> bool:
    """Whether points that are near the picture are elsewhere; what is in one of the two alone is elsewhere, too."""
    return len(gap) > 0 and not bool((np.abs(gap) <= POINT_TOLERANCE).all())


def boxes_off(gaps: np.ndarray) -> bool:
    """Some bodies' boxes may be hidden in part where visibility says otherwise: most must be off."""
    return bool(np.median(np.abs(gaps).max(1)) > BOX_TOLERANCE)
