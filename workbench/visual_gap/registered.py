"""Real pictures as the simulated camera would have taken them, so that what is compared lies together."""

from __future__ import annotations

import numpy as np

from workbench.visual_gap.camera_fit import motion_axes, projected
from workbench.visual_gap.edges import sample
from workbench.visual_gap.pairs import Pairs


def registered(pairs: Pairs, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Real pictures looked up where the real camera sees what each simulated pixel shows.

    Args:
        pairs: of one camera.
        values: the real camera against the simulated one, by `workbench.visual_gap.camera_fit.PARAMETERS`.

    Returns:
        pictures ``[F, H, W, 3]`` float32, display codes; whether each pixel is in the real picture ``[F, H, W]``.
    """
    height, width = pairs.size
    if not np.any(values):
        return pairs.real.astype(np.float32), np.ones(pairs.labels.shape, bool)
    v, u = np.mgrid[0:height, 0:width] + 0.5
    k = pairs.intrinsics
    rays = np.stack(((u - k[0, 2]) / k[0, 0], (v - k[1, 2]) / k[1, 1], np.ones_like(u)), -1).reshape(-1, 3)
    axes = motion_axes(pairs)
    pictures, inside = [], []
    for frame in range(len(pairs.real)):
        depth = pairs.depth[frame].reshape(-1, 1)
        far = np.where(depth > 0, depth, 100.0)
        seen = projected(rays * far, values, k, np.broadcast_to(axes[frame], (len(rays), 3, 3)))
        good = np.isfinite(seen).all(1) & (seen > 0).all(1) & (seen[:, 0] < width) & (seen[:, 1] < height)
        taken = sample(pairs.real[frame].astype(np.float32), np.where(good[:, None], seen, 0.0))
        pictures.append(taken.reshape(height, width, 3).astype(np.float32))
        inside.append(good.reshape(height, width))
    return np.stack(pictures), np.stack(inside)
