"""The episode in space: table, bodies, the tool's path, cameras, and the rays of predicted points.

Everything is in the robot base frame [m], which is the viewer's ``/world``.
"""

from __future__ import annotations

import numpy as np
import rerun as rr
from scipy.spatial.transform import Rotation

from policy.grounding import Grounding
from workbench.rollout.trajectory import BodyTrack, CameraTrack, Trajectory
from workbench.views.recording import palette
from workbench.views.recording.episode_log import EpisodeLog

WORLD = "/world"
CAMERAS = "/world/cameras"
TABLE_MARGIN = 0.12
"""How far the drawn table top reaches past everything that stood on it [m]."""
PICTURE_WIDTH = 0.16
"""Width of a camera's picture in the 3-D view [m]."""
RAY_BEYOND = 1.5
"""Length of a ray that does not meet the table [m]."""


def log_scene(log: EpisodeLog, trajectory: Trajectory) -> None:
    """Table, bodies, executed path and cameras."""
    log.static(WORLD, rr.ViewCoordinates.FLU)
    log.static(f"{WORLD}/table", _table(trajectory))
    for body in trajectory.bodies:
        _log_body(log, body)
    for name, camera in trajectory.cameras.items():
        _log_camera(log, name, camera)
    _log_executed_trace(log, trajectory.tool_position)


def log_predicted_rays(log: EpisodeLog, trajectory: Trajectory) -> None:
    """Where in space a predicted point may be.

    A pixel has no depth, so a predicted point is not a place but a ray: it is drawn from the camera to the table,
    and not as a point, which would be an invention of ours.
    """
    strips: list[np.ndarray] = []
    labels: list[str] = []
    counts = []
    for step, grounding in trajectory.decisions:
        rays = [] if grounding is None else _rays(trajectory.cameras[grounding.camera], grounding, step)
        counts.append(len(rays))
        strips += [ray for _, ray in rays]
        labels += [label for label, _ in rays]
    if not strips:
        return
    path = f"{WORLD}/predicted_rays"
    log.static(path, rr.LineStrips3D.from_fields(colors=[palette.RAY], radii=[0.0012], show_labels=False))
    instants = [step for step, _ in trajectory.decisions]
    log.rows(path, instants, rr.LineStrips3D.columns(strips=strips, labels=labels).partition(counts))


def is_fixed(camera: CameraTrack) -> bool:
    """Whether a camera stands still during the episode (to 0.01 mm and 0.001)."""
    moved = np.ptp(camera.position, axis=0).max(initial=0.0)
    return bool(moved < 1e-5 and np.ptp(camera.rotation, axis=0).max(initial=0.0) < 1e-3)


def _table(trajectory: Trajectory) -> rr.Boxes3D:
    """The table top, plane z = 0, under everything that was on it; the recording does not know its true edges."""
    places = np.concatenate([[[0.0, 0.0]], *[body.pose[:1, :2] for body in trajectory.bodies]])
    places = np.concatenate([places, trajectory.tool_position[:, :2]])
    low, high = places.min(0) - TABLE_MARGIN, places.max(0) + TABLE_MARGIN
    half = (high - low) / 2
    thickness = 0.01
    return rr.Boxes3D(
        centers=[[*(low + half), -thickness / 2]],
        half_sizes=[[*half, thickness / 2]],
        colors=[palette.TABLE],
        fill_mode="solid",
    )


def _log_body(log: EpisodeLog, body: BodyTrack) -> None:
    path = f"{WORLD}/bodies/{body.name}"
    rgb = [round(255 * channel) for channel in body.color]
    # Each face gets vertices of its own, so that edges stay sharp; normals shade it.
    corners = body.vertices[body.faces]  # [F, 3, 3]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    mesh = rr.Mesh3D(
        vertex_positions=corners.reshape(-1, 3).astype(np.float32),
        vertex_normals=np.repeat(normals, 3, axis=0).astype(np.float32),
        albedo_factor=[*rgb, 255],
    )
    log.static(path, mesh)
    log.rows(
        path,
        np.arange(len(body.pose)),
        rr.Transform3D.columns(translation=body.pose[:, :3], quaternion=body.pose[:, 3:]),
    )
    log.static(path, rr.AnyValues(label=body.label, role=body.role))


def _log_camera(log: EpisodeLog, name: str, camera: CameraTrack) -> None:
    path = f"{CAMERAS}/{name}"
    pinhole = rr.Pinhole(
        image_from_camera=camera.intrinsics,
        resolution=[camera.width, camera.height],
        camera_xyz=rr.ViewCoordinates.RDF,
        image_plane_distance=PICTURE_WIDTH * camera.intrinsics[0, 0] / camera.width,
    )
    log.static(path, pinhole)
    quaternion = Rotation.from_matrix(camera.rotation).as_quat()
    if is_fixed(camera):
        log.static(
            path, rr.Transform3D(translation=camera.position[0], quaternion=rr.Quaternion(xyzw=quaternion[0]))
        )
    else:
        columns = rr.Transform3D.columns(translation=camera.position, quaternion=quaternion)
        log.rows(path, np.arange(len(camera.position)), columns)


def _log_executed_trace(log: EpisodeLog, tool_position: np.ndarray) -> None:
    """The tool's path, growing with time, and the tool itself."""
    path = f"{WORLD}/executed_trace"
    instants = np.arange(1, len(tool_position))
    log.static(path, rr.LineStrips3D.from_fields(colors=[palette.EXECUTED], radii=[0.002]))
    # Each row repeats the one before it plus a point; the file's compression takes that to almost nothing.
    log.rows(path, instants, rr.LineStrips3D.columns(strips=[tool_position[: i + 1] for i in instants]))
    path = f"{WORLD}/tool"
    log.static(path, rr.Points3D.from_fields(colors=[palette.EXECUTED], radii=[0.006]))
    log.rows(path, np.arange(len(tool_position)), rr.Points3D.columns(positions=tool_position))


def _rays(camera: CameraTrack, grounding: Grounding, step: int) -> list[tuple[str, np.ndarray]]:
    """Label and ends ``[2, 3]`` [m] of each predicted point's ray, to the table or `RAY_BEYOND`."""
    origin = camera.position[step]
    rays = []
    for point in grounding.resized(camera.width, camera.height).points:
        direction = camera.rotation[step] @ np.linalg.solve(camera.intrinsics, [*point.uv, 1.0])
        direction /= np.linalg.norm(direction)
        reach = -origin[2] / direction[2] if direction[2] < -1e-6 and origin[2] > 0 else RAY_BEYOND
        rays.append((point.label, np.stack([origin, origin + reach * direction])))
    return rays
