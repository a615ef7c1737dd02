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
import warp as wp
from PIL import Image

from tasks.imaging.kernels import launch, strips
from tasks.imaging.settings import Settings
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


def expose(image: torch.Tensor, sensor: Sensor, seeds: Sequence[int] | None = None) -> torch.Tensor:
    """Linear images ``[N, H, W, 3]`` times the gains of exposure, red and blue, with the sensor's noise.

    The noise is Gaussian, of variance read^2 + shot^2 x light.

    Args:
        image: linear, 1 is full scale.
        sensor: of the ``N`` environments.
        seeds: one an environment, for noise: a row's noise depends on its seed and the pixel alone.
    """
    red, blue = sensor.white_balance.unbind(1)
    gain = torch.stack((red, torch.ones_like(red), blue), 1) * sensor.exposure[:, None]
    noise = torch.stack((sensor.shot_noise, sensor.read_noise), 1).square()
    if bool((gain == 1).all()) and not bool(noise.any()):
        return image
    n, height, width, _ = image.shape
    device = image.device
    threads, strip = strips(height, width, device)
    result = torch.empty_like(image)  # planes stay planes
    own = _seeds(seeds, device) if bool(noise.any()) else torch.zeros(n, dtype=torch.int64, device=device)
    launch(
        _expose,
        image,
        gain.to(image),
        noise.to(image),
        own,
        _normal_table(device),
        strip,
        result,
        over=(n, *threads),
        device=device,
    )
    return result


def standard_normal(
    seeds: Sequence[int] | None, rows: Sequence[int], shape: Sequence[int], device: torch.device
) -> torch.Tensor:
    """Normal numbers ``[n, *shape]`` for environments ``rows``, each from its own seed and the place alone."""
    if seeds is None:
        raise ValueError("present settings of noise need seeds, one an environment")
    result = torch.empty(len(rows), math.prod(shape), device=device)
    own = _seeds([seeds[row] for row in rows], device)
    launch(_fill_normal, own, _normal_table(device), result, over=tuple(result.shape), device=device)
    return result.view(len(rows), *shape)


def _seeds(seeds: Sequence[int] | None, device: torch.device) -> torch.Tensor:
    if seeds is None:
        raise ValueError("present settings of noise need seeds, one an environment")
    return torch.tensor(seeds, dtype=torch.int64, device=device)


@wp.func
def _random(seed: wp.int64, place: wp.int32) -> wp.uint64:
    """64 well mixed bits: the ``place``-th number of the generator "SplitMix64" (Steele et al. 2014) of that seed."""
    state = wp.uint64(seed) + wp.uint64(place + 1) * wp.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> wp.uint64(30))) * wp.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> wp.uint64(27))) * wp.uint64(0x94D049BB133111EB)
    return state ^ (state >> wp.uint64(31))


@wp.kernel(enable_backward=False)
def _fill_normal(seeds: wp.array[wp.int64], normal: wp.array[wp.float32], result: wp.array2d[wp.float32]):
    env, place = wp.tid()
    result[env, place] = normal[wp.int32(_random(seeds[env], place) & wp.uint64(0xFFFF))]


@wp.kernel(enable_backward=False)
def _expose(
    image: wp.array4d[wp.float32],
    gain: wp.array2d[wp.float32],
    noise: wp.array2d[wp.float32],
    seeds: wp.array[wp.int64],
    normal: wp.array[wp.float32],
    strip: wp.int32,
    result: wp.array4d[wp.float32],
):
    """``noise`` is the variances of full light and of darkness."""
    env, row, part = wp.tid()
    shot = noise[env, 0]
    read = noise[env, 1]
    seed = seeds[env]
    for column in range(part * strip, wp.min((part + 1) * strip, image.shape[2])):
        bits = _random(seed, row * image.shape[2] + column)
        for channel in range(3):
            light = image[env, row, column, channel] * gain[env, channel]
            sigma = wp.sqrt(wp.max(light, 0.0) * shot + read)
            light = light + sigma * normal[wp.int32(bits & wp.uint64(0xFFFF))]
            bits = bits >> wp.uint64(16)
            result[env, row, column, channel] = light


@lru_cache(maxsize=8)
def _normal_table(device: torch.device) -> torch.Tensor:
    """Equally likely values of the normal distribution, in order; within 4.2 standard deviations."""
    quantile = torch.special.ndtri((torch.arange(_WORDS, dtype=torch.float64) + 0.5) / _WORDS)
    return (quantile / quantile.std(correction=0)).float().to(device)


def jpeg(image: torch.Tensor, quality: torch.Tensor, wanted: torch.Tensor | None = None) -> torch.Tensor:
    """Images ``[N, H, W, 3]`` uint8, compressed with ``quality`` ``[N]`` and unpacked; colours at half resolution.

    Where not ``wanted`` ``[N]`` (all are by default) they stay as they were.
    """
    compressed = quality < JPEG_OFF
    rows = (compressed if wanted is None else compressed & wanted).nonzero()[:, 0].tolist()
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
