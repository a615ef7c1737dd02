"""Refines a camera's place by laying its depth pictures over the robot's own surface: point-to-plane ICP.

Chen and Medioni 1992, over all postures together: what is sought is one pose, of the camera on the hand or beside it.
Pairs are nearest points whose distance shrinks from step to step and whose surface faces the camera. A library would do
one cloud against one cloud (Open3D, which also needs libusb and half a gigabyte on that computer); here clouds of
several postures share one unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from workbench.calibration.hand_eye import HandEye
from workbench.calibration.poses import from_six, inverse, to_six

FARTHEST = (0.04, 0.025, 0.015, 0.010, 0.008)
"""Greatest distance of a pair, round by round [m]."""
ROUNDS = 8
"""Rounds at each distance."""
MOST_POINTS = 3000
"""Of each depth picture."""
LEAST_PAIRS = 300


@dataclass(frozen=True)
class Posed:
    """A depth picture of the robot, and the robot then."""

    points: np.ndarray
    """In the camera's frame ``[P, 3]`` [m]."""
    base_from_tool: np.ndarray
    """``[4, 4]``"""
    surface: np.ndarray
    """The robot's surface in the base frame ``[M, 3]`` [m]."""
    normals: np.ndarray
    """Its unit normals ``[M, 3]``."""


@dataclass(frozen=True)
class Registered:
    """A refined place."""

    hand_eye: HandEye
    before_m: float
    """Median distance of the robot's points from its surface, with the old place [m]."""
    after_m: float
    pairs: int
    half_widths: tuple[float, ...]
    """Half of the 95 % interval of each coordinate of the camera's motion ``[6]`` [rad, m]: resampled postures."""


def depth_points(depth: np.ndarray, rays: np.ndarray, seed: int = 0) -> np.ndarray:
    """Points ``[P, 3]`` [m] of a depth picture ``[H, W]`` [m] in the camera's frame; `MOST_POINTS` of them at most.

    ``rays`` are directions ``[H, W, 3]`` of its pixels, whose z is 1.
    """
    known = depth > 0
    points = rays[known] * depth[known][:, None]
    if len(points) > MOST_POINTS:
        points = points[np.random.default_rng(seed).choice(len(points), MOST_POINTS, replace=False)]
    return points.astype(np.float64)


def register(start: HandEye, postures: Sequence[Posed], resamples: int = 20, seed: int = 0) -> Registered:
    """The place with which depth pictures lie on the robot best, from one that is off by some centimetres at most.

    ValueError, in a sentence, where too little of the robot is seen.
    """
    trees = [cKDTree(posed.surface) for posed in postures]
    every = list(range(len(postures)))
    found, pairs, after = _fit(start, postures, trees, every, FARTHEST)
    lengths = [_pairs(start, p, t, FARTHEST[0])[3] for p, t in zip(postures, trees, strict=True)]
    before = float(np.median(np.concatenate(lengths)))
    random = np.random.default_rng(seed)
    moved = []
    for _ in range(resamples if len(postures) > 1 else 0):
        taken = random.integers(len(postures), size=len(postures)).tolist()
        again, _, _ = _fit(found, postures, trees, taken, FARTHEST[-2:])
        step = inverse(found.camera) @ again.camera
        moved.append(to_six(step))
    spread = 1.96 * np.std(moved, 0, ddof=1) if len(moved) > 1 else np.full(6, np.nan)
    return Registered(found, before, after, pairs, tuple(spread.tolist()))


def _fit(
    start: HandEye,
    postures: Sequence[Posed],
    trees: Sequence[cKDTree],
    taken: Sequence[int],
    distances: Sequence[float],
) -> tuple[HandEye, int, float]:
    found, count, median = start, 0, float("nan")
    for farthest in distances:
        for _ in range(ROUNDS):
            rows, errors, lengths = [], [], []
            for k in taken:
                jacobian, error, _, distance = _pairs(found, postures[k], trees[k], farthest)
                rows.append(jacobian)
                errors.append(error)
                lengths.append(distance)
            jacobian, error = np.concatenate(rows), np.concatenate(errors)
            count, median = (
                len(error),
                float(np.median(np.concatenate(lengths))) if len(error) else float("nan"),
            )
            if count < LEAST_PAIRS:
                raise ValueError(
                    f"the depth pictures show {count} points within {1000 * farthest:.0f} mm of the robot, and "
                    f"{LEAST_PAIRS} are needed: is the robot in view, and its old place right to 3 cm?"
                )
            step = np.linalg.lstsq(jacobian, -error, rcond=None)[0]
            found = HandEye(found.mount, found.camera @ from_six(step), found.board)
            if np.abs(step).max() < 1e-6:
                break
    return found, count, median


def _pairs(
    found: HandEye, posed: Posed, tree: cKDTree, farthest: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows ``[P, 6]`` by (turn, motion) of the camera in its own axes, errors along normals, normals, distances."""
    camera = found.base_from_camera(posed.base_from_tool)
    placed = posed.points @ camera[:3, :3].T + camera[:3, 3]
    distance, nearest = tree.query(placed, distance_upper_bound=farthest, workers=1)
    near = np.flatnonzero(np.isfinite(distance))
    normals = posed.normals[nearest[near]]
    facing = (normals * (camera[:3, 3] - placed[near])).sum(1) > 0
    near, normals = near[facing], normals[facing]
    error = (normals * (placed[near] - posed.surface[nearest[near]])).sum(1)
    own = normals @ camera[:3, :3]
    jacobian = np.concatenate((np.cross(posed.points[near], own), own), 1)
    return jacobian, error, normals, distance[near]
