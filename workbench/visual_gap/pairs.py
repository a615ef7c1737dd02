"""`Pairs`: real and simulated pictures of the same states. NumPy alone: measures are tested without a simulator."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

FIXED = ("table", "floor", "wall")
"""Surfaces that stand, by their names among `Pairs.names`."""
ROBOT = "robot"
HALVED = 2
"""JPEG with colour at half the resolution both ways, which most writers make."""


@dataclass(frozen=True)
class Pairs:
    """``F`` pairs of pictures of one camera. Pixels are continuous, (0, 0) the image's top-left corner."""

    camera: str
    real: np.ndarray
    """``[F, H, W, 3]`` RGB uint8."""
    simulated: np.ndarray
    """The same."""
    labels: np.ndarray
    """What each simulated pixel shows ``[F, H, W]``: row of `names`; -1 for nothing known."""
    names: tuple[str, ...]
    """Bodies by the words for them ("red cube"), then `FIXED`, then `ROBOT`."""
    depth: np.ndarray
    """Along the camera's axis, simulated ``[F, H, W]`` [m]; 0 is unknown."""
    intrinsics: np.ndarray
    """Of the simulated camera ``[3, 3]`` [px]."""
    position: np.ndarray
    """Of the simulated camera, base frame ``[F, 3]`` [m]."""
    rotation: np.ndarray
    """Its OpenCV axes as columns, base frame ``[F, 3, 3]``."""
    colors: dict[str, tuple[float, float, float]]
    """What is painted with which colour in the simulation, sRGB in [0, 1]; the robot has many and none here."""
    jpeg_quality: int | None = None
    """Of the real pictures' compression, which the simulated ones went through as well; None for none."""
    jpeg_sampling: int = HALVED
    """How much of the colour that compression keeps, see `compressed`."""
    coded: bool = False
    """Whether the real pictures come from a video, whose coding hides noise."""
    real_depth: np.ndarray | None = None
    """Measured ``[F, H, W]`` [m]; 0 is unknown."""
    source: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) [px]."""
        return self.real.shape[1], self.real.shape[2]

    def rows_of(self, *names: str) -> list[int]:
        """Rows of names that there are."""
        return [self.names.index(name) for name in names if name in self.names]

    @property
    def things(self) -> list[int]:
        """Rows of what is where the log says: bodies and robot."""
        return [k for k, name in enumerate(self.names) if name not in FIXED]


def joined(parts: list[Pairs]) -> Pairs:
    """Pairs of one camera from several episodes with the same things; those with others are ValueError."""
    first = parts[0]
    if any(p.names != first.names or p.size != first.size or p.camera != first.camera for p in parts):
        raise ValueError("pairs of other cameras or things cannot be joined")
    depths = [p.real_depth for p in parts if p.real_depth is not None]

    def whole(key: str) -> np.ndarray:
        return np.concatenate([getattr(p, key) for p in parts])

    return replace(
        first,
        real=whole("real"),
        simulated=whole("simulated"),
        labels=whole("labels"),
        depth=whole("depth"),
        position=whole("position"),
        rotation=whole("rotation"),
        real_depth=np.concatenate(depths) if len(depths) == len(parts) else None,
        source=", ".join(dict.fromkeys(p.source for p in parts)),
    )


def compressed(picture: np.ndarray, quality: int | None, sampling: int = HALVED) -> np.ndarray:
    """A picture ``[H, W, 3]`` uint8 after JPEG compression; itself without a quality.

    Args:
        picture: RGB.
        quality: 1 to 100.
        sampling: of colour, as Pillow counts it: 0 whole, 1 halved across, 2 halved both ways.
    """
    if quality is None:
        return picture
    held = io.BytesIO()
    Image.fromarray(picture).save(held, "JPEG", quality=quality, subsampling=sampling)
    return np.asarray(Image.open(held))


def srgb_to_linear(value: np.ndarray) -> np.ndarray:
    """Linear light of display values in [0, 1] (sRGB, IEC 61966-2-1)."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def to_linear(codes: np.ndarray) -> np.ndarray:
    """Linear light in [0, 1] of display codes 0 to 255: of the middle of what each stands for."""
    return srgb_to_linear(np.minimum((np.asarray(codes, np.float64) + 0.5) / 255, 1.0))


def to_display(linear: np.ndarray) -> np.ndarray:
    """Display values in [0, 1], sRGB, of linear light; the inverse but for the half code."""
    value = np.clip(linear, 0.0, 1.0)
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
