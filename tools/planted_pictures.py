"""Pairs of known truth: boxes over a table, drawn through a camera with planted errors, for tests and studies.

The real and the simulated picture come from the same drawing; both go through the same sensor of rounding and JPEG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from workbench.visual_gap.pairs import Pairs, compressed, srgb_to_linear, to_display

SIZE = 144
NAMES = ("red cube", "blue tray", "table", "floor", "wall", "robot")
COLORS = {
    "red cube": (0.8, 0.08, 0.08),
    "blue tray": (0.08, 0.2, 0.8),
    "table": (0.55, 0.4, 0.25),
    "floor": (0.35, 0.36, 0.4),
    "wall": (0.35, 0.36, 0.4),
}
EYE, TARGET, FOCAL = np.array((1.43, 0.0, 0.65)), np.array((0.48, 0.0, 0.0)), 1.95
"""Of the camera: place and the point that it looks at [m], focal length in picture widths."""
NO_ERROR = (0.0,) * 8
SHADES = np.array((0.7, 0.85, 1.0))
"""Of a box's faces across x, y and z."""

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Box:
    """One box of the scene."""

    label: int
    """Row of `NAMES`."""
    centre: tuple[float, float, float]
    """[m]"""
    half: tuple[float, float, float]
    """Half of its edges [m]."""
    turn: float
    """About z [rad]."""
    color: Color


def boxes(way: float) -> list[Box]:
    """Everything; the arm has come so far along its way, from 0 to 1."""
    x, y, turn = 0.42 + 0.12 * way, -0.1 + 0.2 * way, 0.3 * way
    grey, dark = (0.7, 0.7, 0.72), (0.3, 0.3, 0.33)
    return [
        Box(0, (0.56, 0.08, 0.0225), (0.0225, 0.0225, 0.0225), 0.4, COLORS["red cube"]),
        Box(1, (0.42, -0.12, 0.011), (0.075, 0.06, 0.011), -0.2, COLORS["blue tray"]),
        Box(2, (0.37, 0.0, -0.025), (0.5, 0.45, 0.025), 0.0, COLORS["table"]),
        Box(3, (0.0, 0.0, -0.8), (4.0, 4.0, 0.05), 0.0, COLORS["floor"]),
        Box(5, (x, y, 0.16), (0.035, 0.1, 0.03), turn, grey),
        Box(5, (x, y, 0.26), (0.03, 0.03, 0.08), turn, dark),
        Box(5, (0.1, 0.0, 0.1), (0.06, 0.06, 0.1), 0.2, grey),
        Box(5, (x - 0.1, y, 0.3), (0.12, 0.035, 0.03), turn, grey),
    ]


def axes_of(values: Sequence[float]) -> np.ndarray:
    """The camera's OpenCV axes as columns ``[3, 3]``."""
    forward = (TARGET - EYE) / np.linalg.norm(TARGET - EYE)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    axes = np.stack((right, np.cross(forward, right), forward), 1)
    turned: np.ndarray = axes @ Rotation.from_rotvec(values[3:6]).as_matrix()
    return turned


@lru_cache(maxsize=64)
def drawn(
    way: float,
    values: tuple[float, ...] = NO_ERROR,
    oversampling: int = 1,
    size: int = SIZE,
    repaint: tuple[tuple[str, Color], ...] = (),
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Linear light ``[H, W, 3]``, rows of `NAMES` and depth [m] ``[H, W]``.

    Args:
        way: of the arm, see `boxes`.
        values: how far the camera is off, by `workbench.visual_gap.camera_fit.PARAMETERS`.
        oversampling: rays a pixel, along each side.
        size: width and height [px].
        repaint: names with other colours.
    """
    n = size * oversampling
    grid = (np.arange(n) + 0.5) / oversampling
    u, v = np.meshgrid(grid, grid)
    seen = np.stack((u - size / 2, v - size / 2), -1) / (FOCAL * size * np.exp(values[6]))
    ray = seen.copy()
    for _ in range(10):  # undistorts
        ray = seen / (1 + values[7] * (ray * ray).sum(-1, keepdims=True))
    eye = EYE + np.array(values[:3])
    direction = np.concatenate((ray, np.ones((n, n, 1))), -1) @ axes_of(values).T
    depth, label = np.full((n, n), np.inf), np.full((n, n), NAMES.index("wall"))
    light = np.broadcast_to(srgb_to_linear(np.array(COLORS["wall"])), (n, n, 3)).copy()
    paint = dict(repaint)
    for box in boxes(way):
        c, s = np.cos(box.turn), np.sin(box.turn)
        back = np.array(((c, s, 0.0), (-s, c, 0.0), (0.0, 0.0, 1.0)))
        origin, along, half = back @ (eye - np.array(box.centre)), direction @ back.T, np.array(box.half)
        with np.errstate(divide="ignore", invalid="ignore"):
            a, b = (-half - origin) / along, (half - origin) / along
        near, far = np.minimum(a, b), np.maximum(a, b)
        enter, side = near.max(-1), near.argmax(-1)
        hit = (enter < far.min(-1)) & (enter > 0.05) & (enter < depth)
        depth, label = np.where(hit, enter, depth), np.where(hit, box.label, label)
        own = srgb_to_linear(np.array(paint.get(NAMES[box.label], box.color))) * SHADES[side][..., None]
        light = np.where(hit[..., None], own, light)
    if oversampling > 1:
        light = light.reshape(size, oversampling, size, oversampling, 3).mean((1, 3))
    return light, label, np.where(np.isfinite(depth), depth, 0.0)


def pairs(
    values: Sequence[float] | np.ndarray = NO_ERROR,
    gain: Color = (1.0, 1.0, 1.0),
    offset: float = 0.0,
    read: float = 0.0,
    shot: float = 0.0,
    blur: float = 0.0,
    quality: int | None = 92,
    frames: int = 4,
    seed: int = 0,
    size: int = SIZE,
    repaint: Mapping[str, Color] | None = None,
    depth_error: tuple[float, float, float] | None = None,
) -> Pairs:
    """Pairs whose real pictures are off as said.

    Args:
        values: of the camera, by `workbench.visual_gap.camera_fit.PARAMETERS`.
        gain: of each channel's light.
        offset: light added [full scale].
        read: noise in the dark [full scale].
        shot: noise that full light adds [full scale].
        blur: standard deviation [px].
        quality: of JPEG; None for none.
        frames: how many pairs.
        seed: of the noise.
        size: width and height [px].
        repaint: names with other colours in the real pictures.
        depth_error: scale, noise at one metre and share of holes of a depth camera that is off alike; None for none.
    """
    random = np.random.default_rng(seed)
    off = tuple(float(v) for v in values)
    paint = tuple(sorted((repaint or {}).items()))
    real, simulated, labels, depths, measured = [], [], [], [], []
    for way in np.linspace(0, 1, frames).tolist():
        simulated.append(_developed(drawn(way, NO_ERROR, 2, size)[0], quality))
        _, label, depth = drawn(way, NO_ERROR, 1, size)
        labels.append(label)
        depths.append(depth)
        light = drawn(way, off, 2, size, paint)[0]
        light = gaussian_filter(light, (blur, blur, 0)) if blur else light
        light = light * gain + offset
        light = light + np.sqrt(read**2 + shot**2 * np.maximum(light, 0)) * random.normal(size=light.shape)
        real.append(_developed(light, quality))
        if depth_error is not None:
            scale, noise, holes = depth_error
            z = drawn(way, off, 1, size)[2] * (1 + scale)
            z = z + noise * z**2 * random.normal(size=z.shape)
            measured.append(np.where(random.random(z.shape) < holes, 0.0, z))
    k = np.array(((FOCAL * size, 0.0, size / 2), (0.0, FOCAL * size, size / 2), (0.0, 0.0, 1.0)))
    return Pairs(
        camera="front",
        real=np.stack(real),
        simulated=np.stack(simulated),
        labels=np.stack(labels),
        names=NAMES,
        depth=np.stack(depths),
        intrinsics=k,
        position=np.tile(EYE, (frames, 1)),
        rotation=np.tile(axes_of(NO_ERROR), (frames, 1, 1)),
        colors=dict(COLORS),
        jpeg_quality=quality,
        real_depth=np.stack(measured) if measured else None,
        source="drawn",
    )


def _developed(light: np.ndarray, quality: int | None) -> np.ndarray:
    return compressed((255 * to_display(light)).astype(np.uint8), quality)
