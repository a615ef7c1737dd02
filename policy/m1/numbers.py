"""What is measured of the hand, and where the slots of the prompt point, as tokens that the Q-Former reads beside.

A small language model blurs the numbers that it is told: read back linearly from its last states, the hand's height
was off by 4 cm. And a place that it thinks of is worth most next to where the hand is. So both go to the head a
second time, unblurred: each number as a few sines and cosines, all of them through one small network. The places are
those that are returned with the decision, so what a recording shows as meant is what was acted on.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from policy.m1.config import HAND_HIGH, HAND_LOW

OCTAVES = 6
"""Waves of a number from 0 to 1: lengths 2, 1, 1/2 ... 1/16."""
WIDTH = 512
"""Of the network between."""


class NumberTokens(nn.Module):
    """A hand and as many as ``places`` places to ``tokens`` tokens."""

    def __init__(self, places: int, tokens: int, token_size: int) -> None:
        super().__init__()
        self.places, self.tokens = places, tokens
        count = len(HAND_LOW) + 2 * places
        self.read = nn.Sequential(
            nn.Linear(count * (1 + 2 * OCTAVES), WIDTH),
            nn.GELU(),
            nn.Linear(WIDTH, WIDTH),
            nn.GELU(),
            nn.Linear(WIDTH, tokens * token_size),
        )

    def forward(self, hand: torch.Tensor, places: torch.Tensor, size: int) -> torch.Tensor:
        """``[B, tokens, D]`` of hands ``[B, 5]`` (`policy.m1.prompt.measured_hand`) and places ``[B, S, 2]``.

        Places are in pixels of a square image of side ``size``. Those beyond `places` are not told; one that a prompt
        lacks is silence.
        """
        low, high = (hand.new_tensor(bound) for bound in (HAND_LOW, HAND_HIGH))
        meant = places[:, : self.places].flatten(1) / size
        shares = torch.cat([((hand - low) / (high - low)).clamp(0, 1), meant], dim=1)
        waves = shares[..., None] * (math.pi * 2.0 ** torch.arange(OCTAVES, device=hand.device))
        features = torch.cat([2 * shares[..., None] - 1, waves.sin(), waves.cos()], dim=-1).flatten(1)
        silence = self.read[0].in_features - features.shape[1]
        return self.read(functional.pad(features, (0, silence))).unflatten(1, (self.tokens, -1))
