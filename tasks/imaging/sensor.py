"""The camera's sensor and what follows it: exposure, white balance and noise in linear light; then compression.

What comes between, the display curve and its exponent, is in `tasks.imaging.color`; blur is in `tasks.imaging.blur`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from PIL import Image

from tasks.imaging.settings import Settings, on_rows
from tasks.threads import in_threads

_WORDS = 65536
JPEG_OFF = 100
"""A quality from which on images are not compressed."""


@dataclass
class Sensor(Settings):
    """The camera behind the lens, of each environment."""

    exposure: torch.Tensor
    """Gain ``[N]`` [1]."""
    white_balance: torch.Tensor
    """Gains of red and blue ``[N, 2]`` [1]."""
    shot_noise: torch.Tensor
    """Standard deviation ``[N]`` that full-scale light has from the number of its photons [full scale]."""
    read_noise: torch.Tensor
    """Standard deviation ``[N]`` in the dark [full scale]."""
    motion_length: torch.Tensor
    """How far the image moves while the shutter is open ``[N]`` [px]."""
    motion_angle: torch.Tensor
    """Where to ``[N]``, from x (right) to y (down) [rad]."""
    defocus: torch.Tensor
    """Standard deviation of the blur ``[N]`` [px]."""
    gamma: torch.Tensor
    """Exponent on display values ``[N]``: above 1, darker middle tones [1]."""
    jpeg: torch.Tensor
    """Quality of compression ``[N]``, 1 to 99; from 100 on, none."""

    NOMINAL: ClassVar[Mapping[str, float | tuple[float, ...]]] = {
        "exposure": 1.0,
        "white_balance": (1.0, 1.0),
        "shot_noise": 0.0,
        "read_noise": 0.0,
        "motion_length": 0.0,
        "motion_angle": 0.0,
        "defocus": 0.0,
        "gamma": 1.0,
        "jpeg": JPEG_OFF,
    }
    ACCESSORY: ClassVar[frozenset[str]] = frozenset(
        {"motion_angle", "jpeg"}
    )  # compression leaves the light alone


def expose(image: torch.Tensor, exposure: torch.Tensor, white_balance: torch.Tensor) -> torch.Tensor:
    """Linear images ``[N, H, W, 3]`` times the gains of exposure ``[N]`` and of red and blue ``[N, 2]``."""
    red, blue = white_balance.unbind(1)
    gain = torch.stack((red, torch.ones_like(red), blue), 1) * exposure[:, None]
    if bool((gain == 1).all()):
        return image
    return image * gain.to(image)[:, None, None, :]


def add_noise(
    image: torch.Tensor,
    shot_noise: torch.Tensor,
    read_noise: torch.Tensor,
    generators: Sequence[torch.Generator] | None,
) -> torch.Tensor:
    """Linear images ``[N, H, W, C]`` with Gaussian noise of variance read^2 + shot^2 x light.

    Args:
        image: linear, 1 is full scale.
        shot_noise: ``[N]`` [full scale].
        read_noise: ``[N]`` [full scale].
        generators: one a row, so that a row's noise does not depend on its neighbours.
    """

    def noisy(image: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        shot, read = (value[rows].to(image)[:, None, None, None] ** 2 for value in (shot_noise, read_noise))
        planes = image.permute(0, 3, 1, 2)
        normal = standard_normal(generators, rows.tolist(), planes.shape[1:], image.device)
        sigma = planes.clamp_min(0.0).mul_(shot).add_(read).sqrt_()
        return sigma.mul_(normal).add_(planes).permute(0, 2, 3, 1)

    return on_rows(image, (shot_noise > 0) | (read_noise > 0), noisy)


def standard_normal(
    generators: Sequence[torch.Generator] | None,
    rows: Sequence[int],
    shape: Sequence[int],
    device: torch.device,
) -> torch.Tensor:
    """Normal numbers ``[n, *shape]`` for environments ``rows``, each from its own generator.

    16 random bits are looked up in a table: within 4.2 standard deviations, and twice as fast as `torch.randn`, which
    on a CPU would take longer than all the other effects.
    """
    if generators is None:
        raise ValueError("present settings of noise need generators, one an environment")
    count = math.prod(shape)
    device_of_words = generators[rows[0]].device
    words = torch.empty(len(rows), -(-count // 4), dtype=torch.int64, device=device_of_words)
    for held, row in zip(words, rows, strict=True):
        held.random_(-(2**63), None, generator=generators[row])
    index = words.view(torch.int16)[:, :count].to(device, torch.int32).add_(_WORDS // 2)
    return _normal_table(device).index_select(0, index.reshape(-1)).view(len(rows), *shape)


@lru_cache(maxsize=8)
def _normal_table(device: torch.device) -> torch.Tensor:
    """Equally likely values of the normal distribution, in order."""
    quantile = torch.special.ndtri((torch.arange(_WORDS, dtype=torch.float64) + 0.5) / _WORDS)
    return (quantile / quantile.std(correction=0)).float().to(device)


def jpeg(image: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """Images ``[N, H, W, 3]`` uint8, compressed with ``quality`` ``[N]`` and unpacked; colours at half resolution."""
    rows = (quality < JPEG_OFF).nonzero()[:, 0].tolist()
    if not rows:
        return image
    result = image.clone()
    pictures = image.cpu().numpy()

    def repack(row: int) -> np.ndarray:
        packed = io.BytesIO()
        Image.fromarray(pictures[row]).save(
            packed, "JPEG", quality=max(1, int(quality[row])), subsampling="4:2:0"
        )
        return np.array(Image.open(packed))

    for row, picture in zip(rows, in_threads(repack, rows), strict=True):
        result[row] = torch.from_numpy(picture).to(image.device)
    return result
