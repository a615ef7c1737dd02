"""The size of the image that Qwen2.5-VL sees, and the way of pixels between it and the image that was given.

The model's boxes and points are in the pixels of the image it sees. Its processor scales both sides to multiples of
28 (patches of 14 px, merged 2 x 2) and keeps the number of pixels within limits, so the two axes are scaled by slightly
different factors:

    resize = Resize.smart(640, 480, max_pixels=50176)  # seen: 252 x 168
    resize.to_image([[126, 84]])                       # the middle stays the middle: [[320, 240]]

Sizes are (width, height), as everywhere in this project; transformers' own function takes (height, width).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

FACTOR = 28
"""Sides are multiples of this [px]."""
MIN_PIXELS = 56 * 56
"""Fewest pixels of the image seen, in Qwen2.5-VL's released configuration: 4 tokens."""
MAX_PIXELS = 14 * 14 * 4 * 1280
"""Most pixels of the image seen, in transformers' defaults: 1,280 tokens."""
MOST_ASPECT = 200
"""Images longer than this many times their width are refused."""


def smart_size(
    width: int,
    height: int,
    min_pixels: int = MIN_PIXELS,
    max_pixels: int = MAX_PIXELS,
    factor: int = FACTOR,
) -> tuple[int, int]:
    """(width, height) [px] at which Qwen2.5-VL sees an image of ``width`` x ``height`` [px].

    The rule of ``smart_resize`` in transformers' ``qwen2_vl`` image processor: round each side to a multiple of
    ``factor``; when that has too many pixels, scale by the square root of the excess and round down, when too few,
    scale up and round up. So a result may exceed ``max_pixels`` where one side is already the shortest possible.

    Raises ValueError for sides or limits that are not positive, limits in the wrong order, and for an aspect ratio
    above 200.
    """
    if width < 1 or height < 1:
        raise ValueError(f"an image needs sides of at least 1 px, not {width} x {height}")
    if not 1 <= min_pixels <= max_pixels:
        raise ValueError(f"limits must be 1 <= min_pixels <= max_pixels, not {min_pixels} and {max_pixels}")
    if max(width, height) > MOST_ASPECT * min(width, height):
        raise ValueError(f"the aspect ratio must be at most {MOST_ASPECT}, not that of {width} x {height}")
    # Python's rounding, half to even, is what the model was trained with: 42 becomes 56, and 70 too.
    seen_width, seen_height = (round(side / factor) * factor for side in (width, height))
    if seen_width * seen_height > max_pixels:
        shrink = math.sqrt((height * width) / max_pixels)
        return (
            max(factor, math.floor(width / shrink / factor) * factor),
            max(factor, math.floor(height / shrink / factor) * factor),
        )
    if seen_width * seen_height < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        return math.ceil(width * grow / factor) * factor, math.ceil(height * grow / factor) * factor
    return seen_width, seen_height


@dataclass(frozen=True)
class Resize:
    """An image and the same image scaled, and the way of coordinates between their pixels.

    Pixels are continuous, (0, 0) the top-left corner of the top-left pixel, so corners stay corners and scaling is
    all there is. (With pixel centres at whole numbers there would be half a pixel to add.)
    """

    image: tuple[int, int]
    """(width, height) of the image as given [px]."""
    seen: tuple[int, int]
    """(width, height) of the image that the model sees [px]."""

    @classmethod
    def smart(
        cls, width: int, height: int, min_pixels: int = MIN_PIXELS, max_pixels: int = MAX_PIXELS
    ) -> Resize:
        """What Qwen2.5-VL's processor does to an image of this size; ValueError as from `smart_size`."""
        return cls((width, height), smart_size(width, height, min_pixels, max_pixels))

    def to_seen(self, pixels: ArrayLike) -> np.ndarray:
        """Coordinates ``[..., 2 n]`` (u, v, u, v, ...) of the image in the pixels of the image seen, float64."""
        return _scaled(pixels, self.image, self.seen)

    def to_image(self, pixels: ArrayLike) -> np.ndarray:
        """Coordinates ``[..., 2 n]`` (u, v, u, v, ...) of the image seen in the pixels of the image, float64."""
        return _scaled(pixels, self.seen, self.image)


def _scaled(pixels: ArrayLike, source: tuple[int, int], target: tuple[int, int]) -> np.ndarray:
    values = np.asarray(pixels, np.float64)
    if values.ndim == 0 or values.shape[-1] % 2:
        raise ValueError(f"coordinates come in pairs (u, v), not in shape {list(values.shape)}")
    pairs = values.shape[-1] // 2
    return values * np.tile(target, pairs) / np.tile(source, pairs)
