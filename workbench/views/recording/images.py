"""A camera's images, and the tool's path as the camera saw it at each of them."""

from __future__ import annotations

import numpy as np
import rerun as rr

from workbench.rollout.trajectory import CameraTrack, Trajectory
from workbench.views.recording import palette
from workbench.views.recording.episode_log import EpisodeLog
from workbench.views.recording.scene import CAMERAS

OUTSIDE = 1.0
"""How far past the image's edge a projected path is kept, in image sizes."""


def log_images(log: EpisodeLog, trajectory: Trajectory, camera_name: str) -> None:
    """Images of one camera and the executed path over them; a camera without images shows the path at every step."""
    camera = trajectory.cameras[camera_name]
    path = f"{CAMERAS}/{camera_name}"
    images = trajectory.frames.get(camera_name, ())
    instants = trajectory.frame_steps if images else np.arange(trajectory.steps + 1)
    if images:
        log.static(f"{path}/image", rr.EncodedImage.from_fields(media_type="image/jpeg"))
        log.rows(f"{path}/image", instants, rr.EncodedImage.columns(blob=list(images)))
    _log_executed(log, f"{path}/executed", camera, trajectory.tool_position, instants)


def projected_path(camera: CameraTrack, positions: np.ndarray, instant: int) -> list[np.ndarray]:
    """The path ``[P, 3]`` [m, base frame] as seen at one instant: strips ``[n >= 2, 2]`` of pixels.

    The path is cut where it passes behind the camera or far out of the image.
    """
    if len(positions) < 2:
        return []
    pixels = camera.project(positions, instant)
    size = np.array([camera.width, camera.height])
    with np.errstate(invalid="ignore"):
        seen = ((pixels > -OUTSIDE * size) & (pixels < (1 + OUTSIDE) * size)).all(1)
    pieces = np.split(np.arange(len(pixels)), np.flatnonzero(np.diff(seen)) + 1)
    return [pixels[piece] for piece in pieces if seen[piece[0]] and len(piece) > 1]


def _log_executed(
    log: EpisodeLog, path: str, camera: CameraTrack, positions: np.ndarray, instants: np.ndarray
) -> None:
    """The tool's path so far, and fainter what is still to come, at each of the instants ``[F]``."""
    for part, color, radius in (("so_far", palette.EXECUTED, -2.0), ("to_come", palette.TO_COME, -1.0)):
        rows = [
            projected_path(camera, positions[: i + 1] if part == "so_far" else positions[i:], int(i))
            for i in instants
        ]
        log.static(
            f"{path}/{part}", rr.LineStrips2D.from_fields(colors=[color], radii=[radius], draw_order=25.0)
        )
        columns = rr.LineStrips2D.columns(strips=[strip for row in rows for strip in row])
        log.rows(f"{path}/{part}", instants, columns.partition([len(row) for row in rows]))
