"""`Rendering`: what one rendering of a kept trajectory gathers frame by frame, and the annotated episode it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from robots.registry import robot
from workbench.data.episode import TRACE_POINTS, CameraFrames, DatasetEpisode
from workbench.data.generate.annotate import points_on, ways_ahead
from workbench.data.generate.silhouette import convex_parts, silhouette_area
from workbench.data.projection import project_frames

NEVER_VISIBLE, TOO_DARK = "never_visible", "too_dark"
"""Why a rendering is not kept."""


@dataclass
class Shots:
    """What one camera delivered so far."""

    width: int
    height: int
    intrinsics: np.ndarray
    distortion: float
    jpeg: list[bytes] = field(default_factory=list)
    brightness: list[float] = field(default_factory=list)
    """Mean of each picture, of 255."""
    boxes: list[np.ndarray] = field(default_factory=list)
    pixels: list[np.ndarray] = field(default_factory=list)
    """Visible pixels of each body ``[P]``."""
    position: list[np.ndarray] = field(default_factory=list)
    rotation: list[np.ndarray] = field(default_factory=list)
    depth: list[np.ndarray] = field(default_factory=list)
    mask: list[np.ndarray] = field(default_factory=list)
    thumbnails: list[np.ndarray] = field(default_factory=list)


@dataclass
class Rendering:
    """One rendering under way."""

    plan: DatasetEpisode
    render: int
    factors: Mapping[str, Any]
    frame_steps: np.ndarray
    """``[F]``"""
    shots: dict[str, Shots]
    shown_steps: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The finished episode's."""
        return f"{self.plan.name}-{self.render:02d}"

    def finish(self) -> DatasetEpisode:
        """The annotated episode."""
        plan, shown = self.plan, np.array(self.shown_steps, np.int64)
        trace = ways_ahead(plan.ee_pose[:, :3], plan.phase, shown)
        return replace(
            plan,
            name=self.name,
            render=self.render,
            factors=dict(self.factors),
            frame_steps=self.frame_steps,
            shown_steps=shown,
            trace=trace,
            cameras={name: _annotated(shots, plan, shown, trace) for name, shots in self.shots.items()},
        )


def _annotated(shots: Shots, plan: DatasetEpisode, shown: np.ndarray, trace: np.ndarray) -> CameraFrames:
    position, rotation = np.stack(shots.position), np.stack(shots.rotation)
    target, receptacle = plan.body_pose[shown, 0], plan.body_pose[shown, 1]

    def pixels(points: np.ndarray) -> np.ndarray:
        seen = project_frames(points, position, rotation, shots.intrinsics, shots.distortion)
        return seen.astype(np.float32)

    held = np.concatenate((plan.grasp[:1], plan.contact))
    on_object = pixels(points_on(target, held))
    return CameraFrames(
        width=shots.width,
        height=shots.height,
        jpeg=tuple(shots.jpeg),
        intrinsics=shots.intrinsics,
        distortion=shots.distortion,
        position=position,
        rotation=rotation,
        boxes=np.stack(shots.boxes),
        visibility=_visibility(shots, plan, shown, position, rotation),
        grasp=on_object[:, 0],
        contact=on_object[:, 1:],
        place=pixels(points_on(receptacle, plan.place[None]))[:, 0],
        trace=pixels(trace).reshape(-1, TRACE_POINTS, 2),
        depth=np.stack(shots.depth) if shots.depth else None,
        mask=np.stack(shots.mask) if shots.mask else None,
        thumbnails=np.stack(shots.thumbnails) if shots.thumbnails else None,
    )


def _visibility(
    shots: Shots, plan: DatasetEpisode, shown: np.ndarray, position: np.ndarray, rotation: np.ndarray
) -> np.ndarray:
    """``[F, P]``"""
    visible = np.zeros((len(shown), len(plan.bodies)), np.float32)
    pixels = np.stack(shots.pixels)
    for k, body in enumerate(plan.bodies):
        parts = convex_parts(body.slot, robot(plan.action_spec.robot).workspace.scale)
        corners = points_on(plan.body_pose[shown, k], np.concatenate(parts))
        seen = project_frames(corners, position, rotation, shots.intrinsics, shots.distortion)
        ends = np.cumsum([len(part) for part in parts])[:-1]
        for f in np.flatnonzero(pixels[:, k]):
            area = silhouette_area(np.split(seen[f], ends))
            # A body that reaches behind the lens fills the picture: what is seen of it is next to nothing.
            visible[f, k] = min(1.0, pixels[f, k] / area) if area else 0.0
    return visible


def shortcoming(
    episode: DatasetEpisode, brightness: float, min_visibility: float, min_brightness: float
) -> str | None:
    """Why a rendering should not be kept; None if nothing speaks against it.

    Args:
        episode: the annotated rendering.
        brightness: mean over its pictures, of 255.
        min_visibility: share of the object that some picture must show.
        min_brightness: least mean brightness.
    """
    if brightness < min_brightness:
        return TOO_DARK
    best = max((float(c.visibility[:, 0].max(initial=0.0)) for c in episode.cameras.values()), default=1.0)
    return NEVER_VISIBLE if best < min_visibility else None
