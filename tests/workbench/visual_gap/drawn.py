"""Pictures of boxes over a table, drawn ray by ray through a camera with planted errors: pairs of known truth."""

from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from workbench.visual_gap.pairs import Pairs, compressed, to_display

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
NO_ERROR = np.zeros(8)


def boxes(frame, frames):
    """(label, centre, half sizes, turn about z, colour) of everything in a frame; the arm comes down and moves over."""
    way = frame / max(frames - 1, 1)
    hand = np.array((0.42 + 0.12 * way, -0.1 + 0.2 * way, 0.16))
    grey, dark = (0.7, 0.7, 0.72), (0.3, 0.3, 0.33)
    return [
        (0, (0.56, 0.08, 0.0225), (0.0225, 0.0225, 0.0225), 0.4, COLORS["red cube"]),
        (1, (0.42, -0.12, 0.011), (0.075, 0.06, 0.011), -0.2, COLORS["blue tray"]),
        (2, (0.37, 0.0, -0.025), (0.5, 0.45, 0.025), 0.0, COLORS["table"]),
        (3, (0.0, 0.0, -0.8), (4.0, 4.0, 0.05), 0.0, COLORS["floor"]),
        (5, hand, (0.035, 0.1, 0.03), 0.3 * way, grey),
        (5, hand + np.array((0.0, 0.0, 0.1)), (0.03, 0.03, 0.08), 0.3 * way, dark),
        (5, (0.1, 0.0, 0.1), (0.06, 0.06, 0.1), 0.2, grey),
        (5, hand + np.array((-0.1, 0.0, 0.14)), (0.12, 0.035, 0.03), 0.3 * way, grey),
    ]


def _axes(values):
    forward = (TARGET - EYE) / np.linalg.norm(TARGET - EYE)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    axes = np.stack((right, np.cross(forward, right), forward), 1)
    return axes @ Rotation.from_rotvec(values[3:6]).as_matrix()


@lru_cache(maxsize=64)
def _drawn(frame, frames, values, oversampling, size, repaint):
    things = boxes(frame, frames)
    if repaint:
        new = dict(repaint)
        things = [(k, p, h, t, new.get(NAMES[k], c)) for k, p, h, t, c in things]
    return draw(things, np.array(values), oversampling, size)


def draw(things, values=NO_ERROR, oversampling=1, size=SIZE):
    """Linear light ``[H, W, 3]``, labels and depth through a camera off by ``values`` (`camera_fit.PARAMETERS`)."""
    n = size * oversampling
    grid = (np.arange(n) + 0.5) / oversampling
    u, v = np.meshgrid(grid, grid)
    seen = np.stack((u - size / 2, v - size / 2), -1) / (FOCAL * size * np.exp(values[6]))
    ray = seen.copy()
    for _ in range(10):  # undistorts
        ray = seen / (1 + values[7] * (ray * ray).sum(-1, keepdims=True))
    axes, eye = _axes(values), EYE + values[:3]
    direction = np.concatenate((ray, np.ones((n, n, 1))), -1) @ axes.T
    depth, label = np.full((n, n), np.inf), np.full((n, n), 4)
    light = np.broadcast_to(_linear(COLORS["wall"]), (n, n, 3)).copy()
    for k, centre, half, turn, color in things:
        c, s = np.cos(turn), np.sin(turn)
        back = np.array(((c, s, 0.0), (-s, c, 0.0), (0.0, 0.0, 1.0)))
        origin, way = back @ (eye - centre), direction @ back.T
        with np.errstate(divide="ignore", invalid="ignore"):
            a, b = (-np.array(half) - origin) / way, (np.array(half) - origin) / way
        near, far = np.minimum(a, b), np.maximum(a, b)
        enter, side = near.max(-1), near.argmax(-1)
        hit = (enter < far.min(-1)) & (enter > 0.05) & (enter < depth)
        depth = np.where(hit, enter, depth)
        label = np.where(hit, k, label)
        light = np.where(hit[..., None], _linear(color) * np.array((0.7, 0.85, 1.0))[side][..., None], light)
    if oversampling > 1:
        light = light.reshape(size, oversampling, size, oversampling, 3).mean((1, 3))
    return light, label, np.where(np.isfinite(depth), depth, 0.0)


def pairs(
    values=NO_ERROR, gain=(1.0, 1.0, 1.0), offset=0.0, read=0.0, shot=0.0, blur=0.0, quality=92, frames=4, seed=0,
    size=SIZE, repaint=None,
):  # fmt: skip
    """Pairs whose real pictures are off as said; both went through the same sensor of rounding and JPEG."""
    random = np.random.default_rng(seed)
    real, simulated, labels, depths = [], [], [], []
    none, off = tuple(NO_ERROR), tuple(float(v) for v in values)
    paint = tuple(sorted((repaint or {}).items()))
    for frame in range(frames):
        light, _, _ = _drawn(frame, frames, none, 2, size, ())
        _, label, depth = _drawn(frame, frames, none, 1, size, ())
        simulated.append(_developed(light, quality))
        labels.append(label)
        depths.append(depth)
        light, _, _ = _drawn(frame, frames, off, 2, size, paint)
        light = gaussian_filter(light, (blur, blur, 0)) if blur else light
        light = light * gain + offset
        light = light + np.sqrt(read**2 + shot**2 * np.maximum(light, 0)) * random.normal(size=light.shape)
        real.append(_developed(light, quality))
    k = np.array(((FOCAL * size, 0.0, size / 2), (0.0, FOCAL * size, size / 2), (0.0, 0.0, 1.0)))
    return Pairs(
        camera="front", real=np.stack(real), simulated=np.stack(simulated), labels=np.stack(labels), names=NAMES,
        depth=np.stack(depths), intrinsics=k, position=np.tile(EYE, (frames, 1)),
        rotation=np.tile(_axes(NO_ERROR), (frames, 1, 1)), colors=dict(COLORS), jpeg_quality=quality, source="drawn",
    )  # fmt: skip


def _linear(srgb):
    value = np.array(srgb)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _developed(light, quality):
    return compressed((255 * to_display(light)).astype(np.uint8), quality)
