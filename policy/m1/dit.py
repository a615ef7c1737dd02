"""The action head: a diffusion transformer that predicts the noise in a chunk of actions.

Condition tokens and noisy actions stand in one sequence with full self-attention. The noise level is added to every
condition token (CogACT's head, arXiv 2411.19650, on the transformer of DiT, arXiv 2212.09748, without its adaptive
normalisation).
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from policy.m1.config import ActionHeadConfig

MLP_RATIO = 4
NORM_EPS = 1e-6
EMBEDDER_SPREAD = 0.02
"""Standard deviation of the published head's first embedders of actions, conditions and noise levels."""
SINUSOID_SIZE = 256
SINUSOID_PERIOD = 10_000.0


def sinusoid(t: torch.Tensor, size: int = SINUSOID_SIZE) -> torch.Tensor:
    """Noise levels ``[B]`` as ``[B, size]``: cosines, then sines, of frequencies falling from 1 towards 1 / 10,000."""
    half = size // 2
    exponents = torch.arange(half, dtype=torch.float32, device=t.device) / half
    angles = t.float()[:, None] * torch.exp(-math.log(SINUSOID_PERIOD) * exponents)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class SelfAttention(nn.Module):
    """Full self-attention of several heads."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, seen: torch.Tensor | None = None) -> torch.Tensor:
        """``[B, N, D]`` to ``[B, N, D]``; ``seen`` ``[B, N]`` is False for tokens that none attends to."""
        batch, count, width = x.shape
        heads = self.qkv(x).reshape(batch, count, 3, self.num_heads, width // self.num_heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        mask = None if seen is None else seen[:, None, None]
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(attended.transpose(1, 2).reshape(batch, count, width))


class Block(nn.Module):
    """Self-attention and a GELU network, each behind a layer norm without parameters."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.attn = SelfAttention(width, num_heads)
        self.fc1 = nn.Linear(width, MLP_RATIO * width)
        self.fc2 = nn.Linear(MLP_RATIO * width, width)

    def forward(self, x: torch.Tensor, seen: torch.Tensor | None = None) -> torch.Tensor:
        """``[B, N, D]`` to ``[B, N, D]``; ``seen`` as in `SelfAttention`."""
        x = x + self.attn(_norm(x), seen)
        return x + self.fc2(functional.gelu(self.fc1(_norm(x)), approximate="tanh"))


def _norm(x: torch.Tensor) -> torch.Tensor:
    return functional.layer_norm(x, x.shape[-1:], eps=NORM_EPS)


class ConditionReading(nn.Module):
    """A whole chunk of actions read from a condition: from each of its tokens one step, or a few, by one linear layer.

    It costs next to nothing and has no noise to see through, so that what draws the condition learns from far more
    samples than a transformer could be shown in the same time. All tokens are read alike and in order.
    """

    def __init__(self, queries: int, width: int, steps: int, channels: int) -> None:
        super().__init__()
        self.steps, self.channels = steps, channels
        self.read = nn.Linear(width, -(-steps // queries) * channels)

    def forward(self, condition: torch.Tensor) -> torch.Tensor:
        """Actions ``[B, T, A]`` in the model's own units from a condition ``[B, Q, D]``."""
        return self.read(condition.float()).unflatten(2, (-1, self.channels)).flatten(1, 2)[:, : self.steps]

    def loss(self, condition: torch.Tensor, actions: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Mean squared error over the valid steps of ``actions`` ``[B, T, A]``."""
        return (self(condition) - actions).square().mean(dim=-1)[valid].mean()


class ActionTransformer(nn.Module):
    """Noise in a chunk of T actions of A channels, or the actions beneath it, given Q condition tokens."""

    def __init__(
        self, config: ActionHeadConfig, action_dim: int, chunk_length: int, condition_tokens: int
    ) -> None:
        super().__init__()
        width = config.hidden_size
        self.chunk_length = chunk_length
        self.positions = nn.Parameter(torch.empty(condition_tokens + chunk_length, width))
        self.null_condition = nn.Parameter(torch.empty(condition_tokens, width))
        self.condition_embedder = nn.Linear(width, width)
        self.action_embedder = nn.Linear(action_dim, width)
        self.noise_level_embedder = nn.Sequential(
            nn.Linear(SINUSOID_SIZE, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.blocks = nn.ModuleList(Block(width, config.num_heads) for _ in range(config.depth))
        self.output = nn.Linear(width, action_dim)
        self.reading = (
            ConditionReading(condition_tokens, width, chunk_length, action_dim)
            if config.reads_condition
            else None
        )
        # Past actions were once to be embedded here. Nothing reads it; published checkpoints hold it, and keeping it
        # lets one be read and written back without loss.
        self.history_embedder = nn.Linear(action_dim, width).requires_grad_(False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """DiT's initialisation: the head begins by predicting zero noise, whatever it is shown.

        A head like the published one begins with its spread, too: `EMBEDDER_SPREAD` for whatever is embedded, where
        DiT's own rule would give 0.04 to 0.1. One that reads its condition keeps to DiT's rule: the small model's
        training was measured with it.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.positions, std=self.positions.shape[-1] ** -0.5)
        nn.init.normal_(self.null_condition, std=self.null_condition.shape[-1] ** -0.5)
        nn.init.zeros_(self.output.weight)
        if self.reading is None:
            first, last = self.noise_level_embedder[0], self.noise_level_embedder[2]
            embedders = (self.condition_embedder, self.action_embedder, self.history_embedder, first, last)
            for spread in (*(embedder.weight for embedder in embedders), self.null_condition):
                nn.init.normal_(spread, std=EMBEDDER_SPREAD)

    def forward(
        self,
        noisy: torch.Tensor,
        t: torch.Tensor,
        condition: torch.Tensor,
        valid: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Predicted noise ``[B, T, A]`` in ``noisy`` ``[B, T, A]`` at levels ``t`` ``[B]``.

        ``condition`` ``[B, Q, D]`` is the Q-Former's, or `null_condition` where there is to be none. Steps where
        ``valid`` ``[B, T]`` is False influence no other; acting has none.
        """
        told = (
            self.condition_embedder(condition)
            + self.noise_level_embedder(sinusoid(t).to(noisy.dtype))[:, None]
        )
        x = torch.cat([told, self.action_embedder(noisy)], dim=1) + self.positions
        seen = None
        if valid is not None:
            seen = torch.cat([valid.new_ones(condition.shape[:2]), valid], dim=1)
        for block in self.blocks:
            x = block(x, seen)
        predicted = self.output(_norm(x[:, -self.chunk_length :]))
        return predicted if self.reading is None else predicted + self.reading(condition)
