"""A person's hand and forearm that cross a fixed camera's view, near the lens: what of the image they hide.

Drawn on the image, since no renderer here has a person: a forearm from the lower border up to a round hand, in a tone
of the episode's own, moving from one side to the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from tasks.settings import stream

TONES = ((0.94, 0.78, 0.66), (0.80, 0.60, 0.44), (0.55, 0.38, 0.26), (0.34, 0.22, 0.16), (0.15, 0.25, 0.55))
"""Skin from light to dark, and a blue glove: sRGB in [0, 1]."""


def hand_mask(
    way: torch.Tensor, width: torch.Tensor, seeds: Sequence[int], size: tuple[int, int]
) -> torch.Tensor:
    """Pixels ``[N, H, W]`` that the hand hides, bool.

    Args:
        way: how far across it is ``[N]``, from 0 (beyond one side) to 1 (beyond the other).
        width: of the hand against the image ``[N]``; 0 hides nothing.
        seeds: one an environment: where it comes from, how high it reaches, how it leans.
        size: height and width of the image [px].
    """
    height, across = size
    v, u = torch.meshgrid(
        (torch.arange(height) + 0.5) / height, (torch.arange(across) + 0.5) / across, indexing="ij"
    )
    masks = []
    for at, w, seed in zip(way.tolist(), width.tolist(), seeds, strict=True):
        rng = stream(seed, "passing")
        from_left, top, lean = bool(rng.integers(2)), rng.uniform(0.25, 0.6), rng.uniform(-0.3, 0.3)
        x = -w + (1 + 2 * w) * (at if from_left else 1 - at)
        axis = x + lean * (v - top)
        palm = ((u - x) ** 2 + (v - top) ** 2) < (w / 2) ** 2
        forearm = (v >= top) & ((u - axis).abs() < 0.35 * w)
        masks.append((palm | forearm) & (w > 0))
    return torch.stack(masks)


def draw_hand(image: torch.Tensor, mask: torch.Tensor, seeds: Sequence[int]) -> torch.Tensor:
    """Images ``[N, H, W, 3]`` uint8 with the hand's tone where the mask ``[N, H, W]`` says."""
    tones = np.array([TONES[int(stream(seed, "tone").integers(len(TONES)))] for seed in seeds])
    tone = torch.from_numpy((255 * tones).round().astype(np.uint8)).to(image.device)
    return torch.where(mask.to(image.device)[..., None], tone[:, None, None], image)
