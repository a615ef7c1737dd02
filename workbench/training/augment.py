"""Pictures made a little different: colours by chance, and crops and mirrors where the coordinates can follow.

A picture whose coordinates are spoken of is never moved here, only coloured: its questions were asked of it as it is.
"""

from __future__ import annotations

import numpy as np

BRIGHTNESS = 0.15
"""Greatest change of brightness and contrast, as a share."""
TINT = 0.06
"""Greatest shift of a colour channel, as a share of its range."""


def jitter(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other brightness, contrast and tint of ``[H, W, 3]`` uint8."""
    gain = rng.uniform(1 - BRIGHTNESS, 1 + BRIGHTNESS)
    contrast = rng.uniform(1 - BRIGHTNESS, 1 + BRIGHTNESS)
    tint = rng.uniform(-TINT, TINT, 3) * 255
    values = picture.astype(np.float32)
    middle = values.mean()
    changed = (values - middle) * contrast + middle * gain + tint
    return np.clip(changed + 0.5, 0, 255).astype(np.uint8)


def crop(picture: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, tuple[int, int]]:
    """A window of ``[H, W, 3]`` that leaves out up to ``share`` of each side; the window and its corner (u, v) [px].

    The window keeps the picture's aspect, so that scaling it back needs one factor.
    """
    height, width = picture.shape[:2]
    kept = 1 - rng.uniform(0, share)
    h, w = max(1, round(height * kept)), max(1, round(width * kept))
    v, u = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    return picture[v : v + h, u : u + w], (u, v)


def resized(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """``[H, W, 3]`` uint8 at another size, bilinear over the source pixels."""
    from PIL import Image

    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))


def mirrored(picture: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left and right exchanged, boxes ``[n, 4]`` along."""
    width = picture.shape[1]
    flipped = boxes.copy()
    flipped[:, 0], flipped[:, 2] = width - boxes[:, 2], width - boxes[:, 0]
    return np.ascontiguousarray(picture[:, ::-1]), flipped
