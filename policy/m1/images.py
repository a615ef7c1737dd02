"""Camera images to what the two vision towers read.

One resize, with the filter that the configuration names, serves both towers, in training and when acting: a model
trained on one filter and run on another loses success for no visible reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch.nn import functional

from policy.m1.config import ImageConfig, VisionTowerConfig

QWEN_MEAN, QWEN_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Channel statistics of CLIP's training images, which Qwen2.5-VL's processor uses, for RGB in [0, 1]."""
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Channel statistics of ImageNet, which DINOv2 uses, for RGB in [0, 1]."""
COORDINATE_SPAN = 1.5
"""Coordinate planes run from minus to plus this, about the range of a normalised colour."""


def gather_views(
    images: Mapping[str, torch.Tensor], views: Sequence[str], config: ImageConfig
) -> torch.Tensor:
    """The named views side by side, resized: ``[B, V, 3, S, S]`` RGB uint8.

    ``images`` maps a camera's name to ``[B, H, W, 3]`` RGB uint8. Raises ValueError for a missing camera and for images
    that are no uint8 RGB.
    """
    missing = [view for view in views if view not in images]
    if missing:
        raise ValueError(f"no image of camera {', '.join(missing)}; there are {', '.join(images) or 'none'}")
    for view in views:
        image = images[view]
        if image.dtype != torch.uint8 or image.ndim != 4 or image.shape[-1] != 3:
            raise ValueError(
                f"images of camera {view} must be [B, H, W, 3] uint8, not {list(image.shape)} {image.dtype}"
            )
    return torch.stack([resize(images[view], config) for view in views], dim=1)


def resize(image: torch.Tensor, config: ImageConfig) -> torch.Tensor:
    """``[B, H, W, 3]`` uint8 to ``[B, 3, S, S]`` uint8 with the configured filter; the aspect is not kept.

    ``bicubic`` and ``bilinear`` are Pillow's (support widened when shrinking), ``area`` weighs each source pixel by
    the area it shares with the target pixel, as OpenCV's INTER_AREA does when shrinking.
    """
    size = config.size
    channels_first = image.permute(0, 3, 1, 2)
    height, width = channels_first.shape[-2:]
    if (height, width) == (size, size):
        return channels_first.contiguous()
    if config.resize == "area":
        rows = _shared_lengths(height, size, image.device)
        columns = _shared_lengths(width, size, image.device)
        return _to_uint8(rows @ channels_first.float() @ columns.T)
    # Pillow resizes rows first and stores whole, clipped values before it resizes columns: at an edge, skipping that
    # differs by several grey levels.
    narrow = _to_uint8(_interpolate(channels_first, (height, size), config.resize))
    return _to_uint8(_interpolate(narrow, (size, size), config.resize))


def _interpolate(image: torch.Tensor, shape: tuple[int, int], mode: str) -> torch.Tensor:
    return functional.interpolate(image.float(), shape, mode=mode, antialias=True, align_corners=False)


def _to_uint8(image: torch.Tensor) -> torch.Tensor:
    return image.round().clamp(0, 255).to(torch.uint8)


def _shared_lengths(source: int, target: int, device: torch.device) -> torch.Tensor:
    """Share of each source pixel in each target pixel ``[target, source]``; rows sum to one."""
    scale = source / target
    begins = torch.arange(target, device=device, dtype=torch.float32)[:, None] * scale
    pixels = torch.arange(source, device=device, dtype=torch.float32)[None]
    overlap = torch.minimum(begins + scale, pixels + 1) - torch.maximum(begins, pixels)
    return overlap.clamp(min=0) / scale


def normalised(images: torch.Tensor, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """``[..., 3, S, S]`` uint8 to float32 with the given channel statistics."""
    mean_, std_ = (torch.tensor(v, device=images.device)[:, None, None] for v in (mean, std))
    return (images.float() / 255.0 - mean_) / std_


def qwen_patches(images: torch.Tensor, config: VisionTowerConfig, frames: int | None = None) -> torch.Tensor:
    """Flattened patches ``[B * V * P, C * T * p * p]`` in Qwen2.5-VL's order, from ``[B, V, 3, S, S]`` uint8.

    Patches that become one token of the language model stand next to each other; a still image fills all T frames, or
    so many ``frames``: `vision_tower.PatchProduct` takes one for all.
    """
    planes = normalised(images, QWEN_MEAN, QWEN_STD).flatten(0, 1)  # [B * V, C, S, S]
    n, _, size, _ = planes.shape
    if config.coordinate_planes:
        ramp = torch.linspace(-COORDINATE_SPAN, COORDINATE_SPAN, size, device=planes.device)
        x, y = ramp[None, :].expand(size, size), ramp[:, None].expand(size, size)
        planes = torch.cat([planes, torch.stack([x, y]).expand(n, -1, -1, -1)], dim=1)
    p, m = config.patch_size, config.spatial_merge_size
    frames = config.temporal_patch_size if frames is None else frames
    tokens = size // (p * m)
    grid = planes.reshape(n, planes.shape[1], tokens, m, p, tokens, m, p)
    patches = grid.permute(0, 2, 5, 3, 6, 1, 4, 7)  # [n, token row, token column, m, m, C, p, p]
    repeated = patches.unsqueeze(6).expand(*patches.shape[:6], frames, p, p)
    return repeated.reshape(n * (size // p) ** 2, -1)


def qwen_grid(images: torch.Tensor, config: VisionTowerConfig) -> torch.Tensor:
    """Frames, rows and columns of patches of each image ``[B * V, 3]``, int64."""
    side = images.shape[-1] // config.patch_size
    count = images.shape[0] * images.shape[1]
    return torch.tensor([[1, side, side]], device=images.device).expand(count, 3)
