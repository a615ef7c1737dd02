"""Lenses: focal length, principal point and radial distortion of each environment, from one common rendering.

The rendered image is ideal; its focal length is shorter than nominal by the factor `overscan`, so that there is
something to show beyond the nominal border. The distorted image is looked up in it, pixel by pixel.

Normalised coordinates are x / z and y / z in the camera's frame. Distortion takes an ideal point to the distorted one,
``x_d = x (1 + k1 r^2)``: k1 < 0 is a barrel, k1 > 0 a pincushion. For k1 < 0 that map turns back at the radius where
r^2 = 1 / (3 |k1|), and points far outside would reappear in the image. From there on we continue it as a plain scaling
by 2/3, its value there: so it has an inverse everywhere, and what is outside stays outside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from tasks.cameras import project
from tasks.imaging.settings import Settings


@dataclass
class Lens(Settings):
    """The lens of each environment, against the camera's nominal calibration."""

    focal_scale: torch.Tensor
    """Focal length ``[N]`` [x nominal]."""
    shift: torch.Tensor
    """Displacement of the principal point ``[N, 2]`` [px of the image]."""
    k1: torch.Tensor
    """Radial distortion ``[N]`` [1]."""

    NOMINAL: ClassVar[Mapping[str, float | tuple[float, ...]]] = {
        "focal_scale": 1.0,
        "shift": (0.0, 0.0),
        "k1": 0.0,
    }


def calibration(nominal_k: torch.Tensor, lens: Lens) -> torch.Tensor:
    """Calibration matrices ``[N, 3, 3]`` [px] of a camera of ``nominal_k`` ``[3, 3]`` with these lenses."""
    k = nominal_k.repeat(len(lens.k1), 1, 1)
    k[:, :2, :2] *= lens.focal_scale.to(k)[:, None, None]
    k[:, :2, 2] += lens.shift.to(k)
    return k


def distort(xy: torch.Tensor, k1: torch.Tensor) -> torch.Tensor:
    """Ideal to distorted normalised coordinates ``[N, P, 2]``, with ``k1`` ``[N]``."""
    factor = 1 + k1[:, None] * (xy * xy).sum(-1)
    return xy * factor.clamp_min(2 / 3)[..., None]


def undistort(xy: torch.Tensor, k1: torch.Tensor) -> torch.Tensor:
    """Distorted to ideal normalised coordinates ``[N, P, 2]``: the inverse of `distort`."""
    squared = (xy * xy).sum(-1).double()
    return xy * _undistortion(squared, k1.double()[:, None])[..., None].to(xy)


def _undistortion(squared_radius: torch.Tensor, k1: torch.Tensor) -> torch.Tensor:
    """Factor s from distorted to ideal: the root of s + k1 r^2 s^3 = 1 that goes to 1 with r, in closed form."""
    t = 1.5 * (3 * k1.abs() * squared_radius).sqrt()
    barrel = torch.sin(torch.asin(t.clamp(max=1.0)) / 3)
    pincushion = torch.sinh(torch.asinh(t) / 3)
    root = 3 * torch.where(k1 < 0, barrel, pincushion) / t
    root = torch.where((k1 < 0) & (t >= 1), 1.5, root)
    return torch.where(t < 1e-9, 1.0, root)


def project_distorted(
    points: torch.Tensor,
    position: torch.Tensor,
    rotation: torch.Tensor,
    k: torch.Tensor,
    k1: torch.Tensor,
) -> torch.Tensor:
    """Pixels ``[N, P, 2]`` of world points ``[N, P, 3]`` seen through a lens; NaN for points behind the camera.

    As `tasks.cameras.project`, with radial distortion ``k1`` ``[N]``.
    """
    ideal = project(points, position, rotation, torch.eye(3, dtype=points.dtype, device=points.device))
    k = k.expand(len(points), 3, 3)
    return (distort(ideal, k1)[:, :, None, :] * k[:, None, :2, :2]).sum(-1) + k[:, None, :2, 2]


def source_pixels(
    lens: Lens, nominal_k: torch.Tensor, rendered_k: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """Where in the rendered image every pixel of the lens's image is looked up ``[N, H, W, 2]`` [px].

    Args:
        lens: lenses of ``N`` environments.
        nominal_k: calibration ``[3, 3]`` of the image without a lens setting [px].
        rendered_k: calibration ``[3, 3]`` of the rendered image [px].
        size: width and height of the lens's image [px].
    """
    k = calibration(nominal_k.double(), lens)[..., None, None]
    u = (torch.arange(size[0], dtype=torch.float64, device=k.device) + 0.5)[None, None, :]
    v = (torch.arange(size[1], dtype=torch.float64, device=k.device) + 0.5)[None, :, None]
    x, y = (u - k[:, 0, 2]) / k[:, 0, 0], (v - k[:, 1, 2]) / k[:, 1, 1]
    factor = _undistortion(x * x + y * y, lens.k1.to(k)[:, None, None])
    fx, fy, cx, cy = rendered_k[(0, 1, 0, 1), (0, 1, 2, 2)].tolist()
    return torch.stack((x * factor * fx + cx, y * factor * fy + cy), -1).float()


def resample(image: torch.Tensor, source: torch.Tensor, mode: str = "bilinear") -> torch.Tensor:
    """The image ``[N, H, W, C]`` at the pixels ``source`` ``[N, h, w, 2]``; beyond its border, the border's values.

    Args:
        image: float for ``bilinear``; any type for ``nearest``, which takes the pixel that holds the point.
        source: places in the image [px], (0, 0) its top-left corner.
        mode: ``bilinear`` or ``nearest``.
    """
    height, width = image.shape[1:3]
    if mode == "bilinear":
        # `align_corners=False` has -1 and 1 at the image's outer edges, so pixel centres are where ours are.
        scale = 2.0 / width if width == height else 2.0 / source.new_tensor((width, height))
        grid = source * scale - 1.0
        sampled = F.grid_sample(
            image.permute(0, 3, 1, 2), grid, mode="bilinear", padding_mode="border", align_corners=False
        )
        return sampled.permute(0, 2, 3, 1)
    if mode != "nearest":
        raise ValueError(f"mode must be 'bilinear' or 'nearest', not {mode!r}")
    column = source[..., 0].floor().long().clamp_(0, width - 1)
    row = source[..., 1].floor().long().clamp_(0, height - 1)
    env = torch.arange(len(image), device=image.device)[:, None, None]
    return image[env, row, column]


def overscan_needed(
    focal_scale_low: float,
    shift_px: float,
    k1_low: float,
    k1_high: float,
    width: int,
    focal_px: float,
    height: int | None = None,
) -> float:
    """Ratio (1 or more) of nominal to rendered focal length with which every lens of these ranges sees a full image.

    Args:
        focal_scale_low: least focal length [x nominal].
        shift_px: greatest displacement of the principal point, either way along either axis [px].
        k1_low: least radial distortion.
        k1_high: greatest radial distortion.
        width: of the image [px].
        focal_px: nominal focal length [px].
        height: of the image [px]; as the width if not given.
    """
    half = (width / 2, (height or width) / 2)
    # The farthest corner and edges from the optical axis, in normalised distorted coordinates.
    x, y = ((h + abs(shift_px)) / (focal_px * focal_scale_low) for h in half)
    needed = [1.0]
    for k1 in (k1_low, k1_high):
        if k1 < 0 and 1.5 * math.sqrt(-3 * k1) * math.hypot(x, y) >= 1:
            raise ValueError(
                f"k1 = {k1} bends the image back on itself before its corner, at {math.hypot(x, y):.2f} x the focal"
                f" length from the axis; there, it must be above {-4 / 27 / (x * x + y * y):.3f}"
            )
        for px, py in ((x, y), (x, 0.0), (0.0, y)):
            squared = torch.tensor(px * px + py * py, dtype=torch.float64)
            factor = float(_undistortion(squared, torch.tensor(k1, dtype=torch.float64)))
            needed += [px * factor * focal_px / half[0], py * factor * focal_px / half[1]]
    return max(needed)
