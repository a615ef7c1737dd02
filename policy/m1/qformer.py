"""The layer-wise Q-Former: a fixed number of learned queries gathers what the action head needs from many tokens.

One cross-attention block per hidden state that is read; the published model reads the last one only. Queries attend to
the language model's tokens and to DINOv2's patch tokens alike. Padding is masked: a row's condition does not depend on
how long the other prompts of its batch are.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from policy.m1.config import QFormerConfig

MLP_RATIO = 4


class CrossAttentionBlock(nn.Module):
    """Queries look at tokens, then think: pre-normalised cross-attention and a GELU network, each with a residual."""

    def __init__(self, config: QFormerConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.norm1 = nn.LayerNorm(width)
        self.cross_attn = nn.MultiheadAttention(
            width, config.num_heads, dropout=config.dropout, batch_first=True
        )
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, MLP_RATIO * width), nn.GELU(), nn.Linear(MLP_RATIO * width, width)
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, queries: torch.Tensor, tokens: torch.Tensor, is_padding: torch.Tensor) -> torch.Tensor:
        """Queries ``[B, Q, D]`` after reading tokens ``[B, N, D]`` where ``is_padding`` ``[B, N]`` is False."""
        read, _ = self.cross_attn(
            self.norm1(queries), tokens, tokens, key_padding_mask=is_padding, need_weights=False
        )
        return self.think(queries + read)

    def think(self, queries: torch.Tensor) -> torch.Tensor:
        """The same ``[B, Q, D]`` where there is nothing to read."""
        return queries + self.dropout(self.mlp(self.norm2(queries)))


class LayerwiseQFormer(nn.Module):
    """Learned queries through one block per hidden state."""

    def __init__(self, config: QFormerConfig, token_size: int) -> None:
        super().__init__()
        self.query_tokens = nn.Parameter(torch.randn(config.num_queries, config.hidden_size))
        self.proj = nn.Linear(token_size, config.hidden_size)
        self.layers = nn.ModuleList(
            CrossAttentionBlock(config) for _ in range(config.start_layer, config.end_layer)
        )
        if config.told_numbers:
            # What was learned of numbers alone is not to be drowned by what is then read for the first time.
            for block in self.layers:
                nn.init.zeros_(block.cross_attn.out_proj.weight)

    def forward(
        self, hidden_states: Sequence[torch.Tensor], mask: torch.Tensor, told: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Condition ``[B, Q, D]`` from one ``[B, N, token_size]`` per block; ``mask`` ``[B, N]`` is True for tokens.

        ``told`` ``[B, Q, D]`` is added to what was learned of the queries. Raises ValueError if a row has nothing but
        padding, or the number of hidden states is not that of the blocks.
        """
        if len(hidden_states) != len(self.layers):
            raise ValueError(
                f"the Q-Former has {len(self.layers)} blocks for {len(hidden_states)} hidden states"
            )
        if not torch.compiler.is_compiling() and not bool(mask.any(dim=1).all()):
            raise ValueError("a row of the batch has no token that is not padding")
        queries = self.query_tokens.expand(mask.shape[0], -1, -1)
        if told is not None:
            queries = queries + told
        for block, tokens in zip(self.layers, hidden_states, strict=True):
            queries = block(queries, self.proj(tokens), ~mask)
        return queries

    def of_numbers(self, told: torch.Tensor) -> torch.Tensor:
        """Condition ``[B, Q, D]`` from what is ``told`` alone."""
        queries = self.query_tokens + told
        for block in self.layers:
            queries = block.think(queries)
        return queries
