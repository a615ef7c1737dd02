"""Blur of defocus and of motion, as sums of shifted images: a few taps each, the same arithmetic on every device."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F

from tasks.imaging.settings import on_rows

Taps = Mapping[tuple[int, int], float | torch.Tensor]
"""Displacement (down, right) [px] -> weight, or weights ``[N, 1, 1, 1]``."""


def defocus(image: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Gaussian blur of images ``[N, H, W, C]`` with ``sigma`` ``[N]`` [px]."""

    def blur(image: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        weights = [_gaussian(value) for value in sigma[rows].tolist()]
        reach = max(len(row) for row in weights) // 2
        centred = [[0.0] * (reach - len(row) // 2) + row + [0.0] * (reach - len(row) // 2) for row in weights]
        line = {
            # A number where one will do: a CPU is twice as quick with it.
            i - reach: column[0] if len(column) == 1 else image.new_tensor(column)[:, None, None, None]
            for i, column in enumerate(zip(*centred, strict=True))
        }
        across = _weighted_sum(image, {(0, step): column for step, column in line.items()})
        return _weighted_sum(across, {(step, 0): column for step, column in line.items()})

    return on_rows(image, sigma > 0, blur)


def motion_blur(image: torch.Tensor, length: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Images ``[N, H, W, C]`` smeared evenly over a line: ``length`` ``[N]`` [px], ``angle`` ``[N]`` [rad] from x to y.

    Its variance along the line is length^2 / 12. Across, a line that is not along rows or columns is as soft as
    bilinear interpolation is.
    """

    def blur(image: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        # One by one: lines of different angles have few taps in common.
        lines = zip(image.split(1), length[rows].tolist(), angle[rows].tolist(), strict=True)
        moved = [_weighted_sum(row, _line(*line)) for row, *line in lines]
        return moved[0] if len(moved) == 1 else torch.cat(moved)

    return on_rows(image, length > 0, blur)


@lru_cache(maxsize=1024)
def _gaussian(sigma: float) -> list[float]:
    """The discrete Gaussian kernel (Lindeberg 1990), whose variance is sigma^2 however small that is."""
    frequency = 2 * math.pi * np.arange(256) / 256
    weights = np.fft.ifft(np.exp(sigma**2 * (np.cos(frequency) - 1))).real
    reach = max(1, int((weights[:128] > 5e-4).sum()) - 1)
    kernel = np.concatenate((weights[-reach:], weights[: reach + 1]))
    return list((kernel / kernel.sum()).tolist())


@lru_cache(maxsize=1024)
def _line(length: float, angle: float) -> dict[tuple[int, int], float]:
    """Weights of a line through the middle, each of its points shared bilinearly between the four pixels around it."""
    c, s = math.cos(angle), math.sin(angle)
    steps = 256
    t = torch.linspace(0, length / 2, steps + 1, dtype=torch.float64)[1:] - length / steps / 4

    def shared(x: torch.Tensor) -> torch.Tensor:
        """x^2 as it becomes by sharing between whole numbers."""
        low = x.abs().floor()
        return low * low + (x.abs() - low) * (2 * low + 1)

    # Sharing widens the line. So take one that is shorter, by as much as makes the variance along it right.
    second_moment = c * c * shared(c * t) + s * s * shared(s * t) + 2 * (c * s * t) ** 2
    variance = second_moment.cumsum(0) / torch.arange(1, steps + 1)
    half = t[: int((variance <= length * length / 12).sum()) + 1]
    kernel: dict[tuple[int, int], float] = {}
    for distance in torch.cat((-half, half)).tolist():
        x, y = distance * c, distance * s
        column, row = math.floor(x), math.floor(y)
        for i, wy in ((row, row + 1 - y), (row + 1, y - row)):
            for j, wx in ((column, column + 1 - x), (column + 1, x - column)):
                kernel[i, j] = kernel.get((i, j), 0.0) + wx * wy / (2 * len(half))
    return {place: weight for place, weight in kernel.items() if weight > 1e-6}


def _weighted_sum(image: torch.Tensor, taps: Taps) -> torch.Tensor:
    """Sum of images ``[N, H, W, C]`` displaced and weighted; beyond its border an image goes on as there."""
    down, right = (max(abs(place[axis]) for place in taps) for axis in (0, 1))
    height, width = image.shape[1:3]
    padded = F.pad(image.permute(0, 3, 1, 2), (right, right, down, down), mode="replicate")
    total: torch.Tensor | None = None
    for (i, j), weight in taps.items():
        window = padded[:, :, down - i : down - i + height, right - j : right - j + width]
        if total is None:
            total = window * weight
        elif isinstance(weight, torch.Tensor):
            total.addcmul_(window, weight)
        else:
            total.add_(window, alpha=weight)
    assert total is not None, "a blur has at least the tap in the middle"
    return total.permute(0, 2, 3, 1)
