"""Which way a claimed grasp turns the hand: from two fingers' pixels to a direction on the table.

Two contact points say more than where to grasp: the fingers close along the line between them. Its pixels are lifted
to the horizontal plane of the true contacts, so that the picture's perspective and the lens do not count, and its
direction there is compared with the demonstrated one. A parallel gripper turned by half a turn is the same one; and of
an object that can be held as well in several directions, as a cube in two, each is right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from policy.smart_resize import Resize
from tasks.tabletop.workspace import pool
from workbench.data.episode import DatasetEpisode

RIGHT_YAW = 15.0
"""Error of the direction up to which a grasp's yaw counts as right [deg]; whole pixels cost about 3 of it."""
ROUND = math.radians(46)
"""Of an object with equally good directions this near to each other, every direction is right: nothing to judge."""
UNDISTORTIONS = 20
"""Steps of the fixed point that undoes the lens; each shrinks the error by the distortion, at most about a third."""


@dataclass(frozen=True)
class GraspYaw:
    """What a claim of two contact points in one picture is held against."""

    camera: tuple[np.ndarray, np.ndarray, np.ndarray, float]
    """Intrinsics ``[3, 3]`` [px], position ``[3]`` [m], OpenCV axes ``[3, 3]``, radial distortion."""
    resize: Resize
    """From the camera's picture to the one seen."""
    height: float
    """Of the plane of the contacts [m]."""
    right: tuple[float, ...]
    """Directions that are right, on the table [rad], each up to half a turn."""

    def error(self, claimed: np.ndarray) -> float:
        """Angle [deg], 0 to 90, between claimed contacts ``[2, 2]`` (pixels seen) and the nearest right direction.

        NaN where the claim is not two different points on the plane.
        """
        if np.shape(claimed) != (2, 2) or not np.isfinite(claimed).all():
            return math.nan
        yaw = _direction(_on_plane(self.resize.to_image(claimed), self.camera, self.height))
        return math.nan if yaw is None else min(math.degrees(_apart(yaw, other)) for other in self.right)


def grasp_yaw(episode: DatasetEpisode, view: str, frame: int, side: int) -> GraspYaw | None:
    """What contacts claimed in a square picture of ``side`` are held against.

    None where the contacts are out of sight, or every direction is as good.
    """
    seen = episode.cameras[view]
    target = next(i for i, body in enumerate(episode.bodies) if body.role == "target")
    pose = episode.body_pose[episode.shown_steps[frame], target]
    turn = Rotation.from_quat(pose[3:])
    height = float((turn.apply(episode.contact) + pose[:3])[:, 2].mean())
    camera = (seen.intrinsics, seen.position[frame], seen.rotation[frame], seen.distortion)
    contacts = seen.contact[frame]
    if not np.isfinite(contacts).all():
        return None
    true = _direction(_on_plane(contacts, camera, height))
    others = as_good(episode.bodies[target].slot, episode.grasp[1])
    if true is None or others is None:
        return None
    resize = Resize((seen.width, seen.height), (side, side))
    return GraspYaw(camera, resize, height, tuple(true + other for other in others))


def as_good(name: str, across: np.ndarray) -> tuple[float, ...] | None:
    """How far the equally good directions of a body are from the demonstrated one ``across`` (its frame) [rad].

    None for a round body; 0 alone for one that is not of the task's pool.
    """
    body = pool().get(name)
    if body is None or not body.body.grasps:
        return (0.0,)
    yaws = [grasp.yaw for grasp in body.body.grasps]
    if len(yaws) > 1 and min(_apart(yaws[0], other) for other in yaws[1:]) < ROUND:
        return None
    shown = math.atan2(across[1], across[0])
    nearest = min(yaws, key=lambda yaw: _apart(yaw, shown))
    return tuple(yaw - nearest for yaw in yaws)


def _apart(a: float, b: float) -> float:
    """Angle between two directions [rad], 0 to a quarter turn, where half a turn is none."""
    turn = (a - b) % math.pi
    return min(turn, math.pi - turn)


def _direction(points: np.ndarray) -> float | None:
    """Direction on the table from the first of two points ``[2, 3]`` to the second [rad]; None where there is none."""
    way = points[1] - points[0]
    if not np.isfinite(way).all() or math.hypot(way[0], way[1]) < 1e-6:
        return None
    return math.atan2(way[1], way[0])


def _on_plane(
    pixels: np.ndarray | Sequence[Sequence[float]],
    camera: tuple[np.ndarray, np.ndarray, np.ndarray, float],
    height: float,
) -> np.ndarray:
    """Where the rays of camera pixels ``[K, 2]`` meet the horizontal plane ``[K, 3]`` [m]; NaN behind the camera."""
    intrinsics, position, rotation, distortion = camera
    homogeneous = np.column_stack((np.asarray(pixels, float), np.ones(len(pixels))))
    bent = (homogeneous @ np.linalg.inv(np.asarray(intrinsics, float)).T)[:, :2]
    straight = bent.copy()
    for _ in range(UNDISTORTIONS):
        straight = bent / (1 + distortion * np.square(straight).sum(1, keepdims=True))
    rays = np.column_stack((straight, np.ones(len(straight)))) @ np.asarray(rotation, float).T
    with np.errstate(divide="ignore", invalid="ignore"):
        far = (height - position[2]) / rays[:, 2]
    return np.asarray(position, float) + np.where(far > 0, far, np.nan)[:, None] * rays
