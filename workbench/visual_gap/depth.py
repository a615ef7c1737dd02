"""Depth of a real camera against simulated depth of the same states: clouds after registration, scale, noise, holes.

The real cloud is laid over the simulated one by point-to-plane ICP (`workbench.calibration.registration`), all frames
with one unknown pose. Noise is what changes from frame to frame where nothing moves, over the square of the distance,
as in stereo. Scale is what is left of the ratio of depths once the clouds lie on each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.spatial.transform import Rotation

from workbench.calibration.hand_eye import FIXED, HandEye
from workbench.calibration.registration import Posed, depth_points, register
from workbench.visual_gap.camera_fit import motion_axes, projected
from workbench.visual_gap.edges import CELL
from workbench.visual_gap.pairs import Pairs

FRAMES = 6
"""Frames whose clouds are registered."""
RESAMPLES = 10
STEEPEST = 0.2
"""Pixels beside which depth changes by more, as a share, are on no surface."""
AWAY = 3
"""How far from the border of its label a pixel has to be [px]."""


@dataclass(frozen=True)
class DepthGap:
    """What was found."""

    position: np.ndarray
    """Of the depth camera against the simulated one, along the base's axes ``[3]`` [m]."""
    position_error: np.ndarray
    """Half of the 95 % intervals ``[3]`` [m]."""
    before_m: float
    """Median distance of the real cloud from the simulated one [m]."""
    after_m: float
    """The same once registered."""
    scale: float
    """Relative error of depths beside that [1]."""
    scale_interval: tuple[float, float]
    noise: float | None
    """Standard deviation at one metre [1/m]; None where nothing stands still."""
    noise_interval: tuple[float, float]
    holes: float
    """Share of the picture without a measurement, beyond the simulated one's [1]."""
    holes_interval: tuple[float, float]


def depth_gap(pairs: Pairs, seed: int = 0) -> DepthGap:
    """The real depth camera against the simulated one; ValueError, in a sentence, where it cannot be said."""
    if pairs.real_depth is None:
        raise ValueError(f"the log has no depth of camera {pairs.camera}")
    if np.ptp(pairs.position, axis=0).max() > 1e-6:
        raise ValueError(f"depth of camera {pairs.camera}, which moves, is not compared")
    real = pairs.real_depth
    k, (height, width) = pairs.intrinsics, pairs.size
    v, u = np.mgrid[0:height, 0:width] + 0.5
    rays = np.stack(((u - k[0, 2]) / k[0, 0], (v - k[1, 2]) / k[1, 1], np.ones_like(u)), -1)
    place = np.eye(4)
    place[:3, :3], place[:3, 3] = pairs.rotation[0], pairs.position[0]
    taken = np.unique(np.linspace(0, len(real) - 1, FRAMES).round().astype(int))
    postures = []
    for frame in taken.tolist():
        points, normals = _surface(pairs.depth[frame], rays)
        postures.append(
            Posed(
                depth_points(real[frame], rays, seed),
                np.eye(4),
                points @ place[:3, :3].T + place[:3, 3],
                normals @ place[:3, :3].T,
            )
        )
    found = register(HandEye(FIXED, place, np.eye(4)), postures, RESAMPLES, seed)
    moved = found.hand_eye.camera
    # As `camera_fit.projected` has it: place along the base's axes, turn about its own.
    turn = Rotation.from_matrix(place[:3, :3].T @ moved[:3, :3]).as_rotvec()
    values = np.concatenate((moved[:3, 3] - place[:3, 3], turn, (0.0, 0.0)))
    ratios, cells, missing = _compared(pairs, real, rays, values)
    random = np.random.default_rng(seed)
    scale = _resampled(ratios, cells, random, np.median)
    holes = _resampled(missing, cells, random, np.mean)
    noise = _noise(pairs, real, random)
    half = np.array(found.half_widths[3:])
    return DepthGap(
        position=values[:3],
        # The camera's own axes, as the base has them; no registration is truer than a millimetre.
        position_error=np.hypot(np.abs(place[:3, :3]) @ half, 0.001),
        before_m=found.before_m,
        after_m=found.after_m,
        scale=float(scale[0]) - 1,
        scale_interval=(scale[1] - 1 - 0.002, scale[2] - 1 + 0.002),
        noise=None if noise is None else noise[0],
        noise_interval=(0.0, 0.0) if noise is None else (max(noise[1] - 2e-4, 0.0), noise[2] + 2e-4),
        holes=float(holes[0]),
        holes_interval=(max(holes[1] - 0.002, 0.0), holes[2] + 0.002),
    )


def _surface(depth: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points and unit normals toward the camera ``[M, 3]`` of a depth picture, in the camera's frame."""
    points = rays * depth[..., None]
    across, down = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normal = np.cross(across, down)
    length = np.linalg.norm(normal, axis=-1)
    jump = np.maximum(np.abs(across[..., 2]), np.abs(down[..., 2])) / np.maximum(depth, 1e-6)
    good = (depth > 0) & (length > 1e-12) & (jump < STEEPEST)
    unit = normal[good] / length[good][:, None]
    unit *= np.where((unit * points[good]).sum(1, keepdims=True) > 0, -1.0, 1.0)
    return points[good], unit


def _compared(
    pairs: Pairs, real: np.ndarray, rays: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of pixels on surfaces: real depth over what the registered camera sees (NaN in holes), cell, whether a hole."""
    height, width = pairs.size
    axes, flat = motion_axes(pairs)[0], rays.reshape(-1, 3)
    row, column = np.mgrid[0:height, 0:width]
    cell = (row // CELL) * (width // CELL + 1) + column // CELL
    parts = []
    for frame in range(len(real)):
        inner = np.zeros((height, width), bool)
        for label in np.unique(pairs.labels[frame]):
            inner |= binary_erosion(pairs.labels[frame] == label, iterations=AWAY, border_value=1)
        mine = (inner & (pairs.depth[frame] > 0)).reshape(-1)
        points = flat[mine] * pairs.depth[frame].reshape(-1)[mine, None]
        seen = projected(points, values, pairs.intrinsics, np.broadcast_to(axes, (len(points), 3, 3)))
        moved = (points - axes @ values[:3]) @ Rotation.from_rotvec(values[3:6]).as_matrix()
        there = np.isfinite(seen).all(1) & (seen >= 0).all(1) & (seen[:, 0] < width) & (seen[:, 1] < height)
        at = seen[there].astype(int)
        measured = real[frame][at[:, 1], at[:, 0]]
        hole = measured <= 0
        ratio = np.where(hole, np.nan, measured / moved[there, 2])
        parts.append((ratio, cell.reshape(-1)[mine][there], hole.astype(float)))
    ratios, cells, holes = (np.concatenate(x) for x in zip(*parts, strict=True))
    return ratios, cells, holes


def _resampled(
    values: np.ndarray,
    cells: np.ndarray,
    random: np.random.Generator,
    statistic: Callable[[np.ndarray], np.floating],
) -> tuple[float, float, float]:
    """A statistic's mean over cells, and its 95 % interval from resampling them."""
    kept = np.isfinite(values)
    values, cells = values[kept], cells[kept]
    each = np.array([float(statistic(values[cells == c])) for c in np.unique(cells)])
    drawn = [float(np.mean(each[random.integers(len(each), size=len(each))])) for _ in range(200)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(np.mean(each)), float(low), float(high)


def _noise(pairs: Pairs, real: np.ndarray, random: np.random.Generator) -> tuple[float, float, float] | None:
    """Standard deviation over the square of the distance [1/m], from frame to frame where nothing moves."""
    found = []
    for a in range(len(real) - 1):
        still = (pairs.labels[a] == pairs.labels[a + 1]) & (
            np.abs(pairs.depth[a] - pairs.depth[a + 1]) < 1e-4
        )
        still = binary_erosion(still, iterations=AWAY, border_value=1) & (real[a] > 0) & (real[a + 1] > 0)
        if still.sum() >= 200:
            change = (real[a] - real[a + 1])[still] / real[a][still] ** 2
            found.append(1.4826 * float(np.median(np.abs(change - np.median(change)))) / np.sqrt(2))
    if len(found) < 2:
        return None
    each = np.array(found)
    drawn = [float(np.mean(each[random.integers(len(each), size=len(each))])) for _ in range(200)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(np.mean(each)), float(low), float(high)
