"""The real background: what the real camera saw where the simulation has neither robot nor things.

Median over pictures of what is not hidden, as the simulated camera would have taken it; what is hidden in all of them
goes on from the nearest that is not. For the factor ``appearance.background_overlay``.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation, distance_transform_edt

from workbench.visual_gap.pairs import Pairs

AWAY = 3
"""How far from robot and things a pixel has to be, whose outlines are softer than labels [px]."""


def real_background(pairs: Pairs, registered: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The background of a camera that stands.

    Args:
        pairs: of that camera.
        registered: real pictures as the simulated camera sees them ``[F, H, W, 3]``, display codes.
        inside: what of them the real picture has ``[F, H, W]``.

    Returns:
        picture ``[H, W, 3]`` uint8.

    ValueError, in a sentence, where hardly anything of it is ever seen.
    """
    things = np.isin(pairs.labels, pairs.things)
    around = np.ones((2 * AWAY + 1, 2 * AWAY + 1), bool)
    seen = np.stack([~binary_dilation(t, around) for t in things]) & inside
    known = seen.any(0)
    if known.mean() < 0.2:
        raise ValueError(
            f"the background of camera {pairs.camera} is hidden in {100 * (1 - known.mean()):.0f} % of its picture"
        )
    codes = np.where(seen[..., None], registered, np.nan)
    picture = np.zeros((*known.shape, 3), np.float32)
    picture[known] = np.nanmedian(codes[:, known], 0)
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return picture[tuple(nearest)].round().astype(np.uint8)
