"""DINOv2's patch tokens, from ``transformers``, with the one thing that library does otherwise put right.

Meta's weights hold position embeddings for a 37 x 37 grid. Its code resamples them by a scale factor with a tenth of a
cell added, (16 + 0.1) / 37 for a 224-pixel image; ``transformers`` resamples to the size. The sample points drift apart
by up to a fifth of a cell, and every published weight was trained on Meta's.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from transformers import Dinov2Config, Dinov2Model

from policy.m1.config import DinoConfig

OFFSET = 0.1
"""Added to the wanted number of cells, [cells] (``interpolate_offset`` in Meta's code)."""


class DinoEncoder(nn.Module):
    """DINOv2 without its class token."""

    def __init__(self, config: DinoConfig) -> None:
        super().__init__()
        self.model = Dinov2Model(
            Dinov2Config(
                hidden_size=config.hidden_size,
                num_hidden_layers=config.num_hidden_layers,
                num_attention_heads=config.num_attention_heads,
                mlp_ratio=config.mlp_ratio,
                patch_size=config.patch_size,
                image_size=config.patch_size * config.position_grid,
            )
        )
        # Needed only to pre-train DINOv2 by masking; kept so that its weights are complete, but never trained here.
        self.model.embeddings.mask_token.requires_grad_(False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalised patch tokens ``[B, P, D]`` of images ``[B, 3, S, S]`` with ImageNet's statistics removed."""
        embeddings = self.model.embeddings
        patches = embeddings.patch_embeddings(images.to(embeddings.cls_token.dtype))
        positions = resampled_positions(
            embeddings.position_embeddings, images.shape[-1] // embeddings.patch_size
        )
        tokens = torch.cat([embeddings.cls_token.expand(len(patches), -1, -1), patches], dim=1) + positions
        encoded = self.model.encoder(tokens).last_hidden_state
        return self.model.layernorm(encoded)[:, 1:]


def resampled_positions(positions: torch.Tensor, side: int) -> torch.Tensor:
    """Position embeddings ``[1, 1 + G * G, D]`` for a grid of ``side`` x ``side``: ``[1, 1 + side * side, D]``."""
    grid = round((positions.shape[1] - 1) ** 0.5)
    if grid == side:
        return positions
    cells = positions[:, 1:].float().unflatten(1, (grid, grid)).permute(0, 3, 1, 2)
    scale = (side + OFFSET) / grid
    resampled = functional.interpolate(cells, scale_factor=(scale, scale), mode="bicubic")
    return torch.cat([positions[:, :1], resampled.flatten(2).transpose(1, 2).to(positions.dtype)], dim=1)
