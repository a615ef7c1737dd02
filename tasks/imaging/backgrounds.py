"""Real pictures that are laid under simulated robot and bodies, by number: what a camera saw without them.

A picture is named by its file; ``none`` is none, and ``chart`` is drawn here, for proofs that need no file.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from tasks.imaging.background_names import CHART, NONE

_NAMES: list[str] = [NONE, CHART]
"""Names by number; a number stays a name's while the process lives."""


def number_of(name: str) -> int:
    """Number of a picture, which from now on stands for it."""
    if name not in _NAMES:
        _NAMES.append(name)
    return _NAMES.index(name)


def chart(size: int) -> np.ndarray:
    """A test chart ``[size, size, 3]`` uint8: red grows rightward, green downward, blue with both."""
    along = np.arange(size) / max(size - 1, 1)
    red, green = np.broadcast_to(along[None], (size, size)), np.broadcast_to(along[:, None], (size, size))
    return (40 + 160 * np.stack((red, green, (red + green) / 2), -1)).astype(np.uint8)


@lru_cache(maxsize=64)
def background(number: int, size: tuple[int, int], overscan: float) -> torch.Tensor:
    """Codes ``[H, W, 3]`` uint8 of a picture as a camera renders it, before its lens.

    Args:
        number: of the picture, not of ``none``.
        size: (width, height) of the camera's images [px]; a picture of another is resized.
        overscan: nominal over rendered focal length; beyond its border a picture goes on as there.
    """
    name, (width, height) = _NAMES[number], size
    picture = Image.fromarray(chart(width)) if name == CHART else Image.open(Path(name)).convert("RGB")
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    codes = torch.from_numpy(np.array(picture))
    if overscan == 1.0:
        return codes
    across, down = (
        torch.linspace(-1 + 1 / n, 1 - 1 / n, n).mul(overscan) for n in (width, height)
    )  # of the picture that a rendered pixel shows, in [-1, 1] between its borders
    grid = torch.stack(torch.meshgrid(across, down, indexing="xy"), -1)[None]
    drawn = F.grid_sample(
        codes.permute(2, 0, 1)[None].float(),
        grid,
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    return drawn[0].permute(1, 2, 0).round().to(torch.uint8)
