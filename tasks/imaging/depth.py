"""What a depth camera gets wrong: noise that grows with distance, missing pixels, steps. 0 is an unknown depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from tasks.imaging.sensor import standard_normal
from tasks.imaging.settings import Settings, on_rows

_BLOB = 3
"""Size of the smallest holes [px]."""
JUMP = 0.03
"""Difference of the depths of neighbours from which on there is an edge between them [m]."""
_NEAREST = 1e-3
"""No noise makes a known depth less than that, or unknown [m]."""


@dataclass
class DepthErrors(Settings):
    """The depth camera of each environment."""

    depth_noise: torch.Tensor
    """Standard deviation at a distance of 1 m ``[N]`` [m]."""
    depth_holes: torch.Tensor
    """Share of the pixels without a depth ``[N]`` [1]."""
    depth_step: torch.Tensor
    """Least difference between two depths ``[N]`` [m]; 0 for any."""
    depth_edges: torch.Tensor
    """How far from an edge depths of both sides are mixed ``[N]`` [px]."""
    depth_scale: torch.Tensor
    """Relative error of all depths ``[N]`` [1]."""

    NOMINAL: ClassVar[Mapping[str, float | tuple[float, ...]]] = {
        "depth_noise": 0.0,
        "depth_holes": 0.0,
        "depth_step": 0.0,
        "depth_edges": 0,
        "depth_scale": 0.0,
    }


def noise(depth: torch.Tensor, scale: torch.Tensor, seeds: Sequence[int] | None) -> torch.Tensor:
    """Depth ``[N, H, W]`` with noise of standard deviation ``scale`` ``[N]`` [1/m] x depth^2, as stereo has.

    A disparity is inversely proportional to depth, so an even error of disparity is one that grows with depth squared.
    """

    def noisy(depth: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        normal = standard_normal(seeds, rows.tolist(), depth.shape[1:], depth.device)
        measured = depth + normal * depth * depth * scale[rows].to(depth)[:, None, None]
        return torch.where(_known(depth), measured.clamp_min(_NEAREST), depth)

    return on_rows(depth, scale > 0, noisy)


def quantisation(depth: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """Depth ``[N, H, W]`` rounded to multiples of ``step`` ``[N]`` [m]; what is known stays above 0."""

    def rounded(depth: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        size = step[rows].to(depth)[:, None, None]
        return torch.where(_known(depth), (depth / size).round().clamp_min(1.0) * size, depth)

    return on_rows(depth, step > 0, rounded)


def holes(depth: torch.Tensor, share: torch.Tensor, seeds: Sequence[int] | None) -> torch.Tensor:
    """Depth ``[N, H, W]`` with a ``share`` ``[N]`` of the pixels set to 0, in blobs of a few."""

    def pierced(depth: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        height, width = depth.shape[1:]
        result = depth.clone()
        for image, row in zip(result, rows.tolist(), strict=True):
            count = min(round(float(share[row]) * height * width), height * width)
            if count == 0:
                continue
            coarse = standard_normal(seeds, [row], (1, height // _BLOB + 2, width // _BLOB + 2), depth.device)
            field = F.interpolate(coarse, scale_factor=_BLOB, mode="bilinear")[0, 0, :height, :width]
            image[field <= field.flatten().kthvalue(count).values] = 0.0
        return result

    return on_rows(depth, share > 0, pierced)


def flying_pixels(depth: torch.Tensor, reach: torch.Tensor) -> torch.Tensor:
    """Depth ``[N, H, W]`` in which pixels up to ``reach`` ``[N]`` [px] from an edge lie between its two sides.

    As of sensors whose pixels, or whose windows of matching, see both: the mean over a window of that reach. Next to
    unknown pixels nothing is mixed.
    """

    def mixed(depth: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        result = depth.clone()
        for image, row in zip(result, rows.tolist(), strict=True):
            r = int(reach[row])
            window = {"kernel_size": 2 * r + 1, "stride": 1, "padding": r}
            one = image[None, None]
            unknown = ~_known(one)
            plain = torch.where(unknown, torch.zeros_like(one), one)
            near = F.max_pool2d(_edges(plain), 2 * r - 1, 1, r - 1) > 0
            mean = F.avg_pool2d(plain, **window, count_include_pad=False)
            beside = F.max_pool2d(unknown.float(), **window) > 0
            image[(near & ~beside)[0, 0]] = mean[near & ~beside]
        return result

    return on_rows(depth, reach > 0, mixed)


def _edges(depth: torch.Tensor) -> torch.Tensor:
    """Pixels ``[1, 1, H, W]`` with a neighbour farther than `JUMP` before or behind them: 1, others 0."""
    edges = torch.zeros_like(depth)
    down = (depth[..., 1:, :] - depth[..., :-1, :]).abs() > JUMP
    right = (depth[..., 1:] - depth[..., :-1]).abs() > JUMP
    for part, found in ((edges[..., 1:, :], down), (edges[..., :-1, :], down), (edges[..., 1:], right)):
        part[found] = 1.0
    edges[..., :-1][right] = 1.0
    return edges


def scale(depth: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
    """Depth ``[N, H, W]`` times one plus the relative ``error`` ``[N]``, as of a baseline that is not what it was."""
    return on_rows(depth, error != 0, lambda some, rows: some * (1 + error[rows].to(some)[:, None, None]))


def _known(depth: torch.Tensor) -> torch.Tensor:
    return (depth > 0) & depth.isfinite()
