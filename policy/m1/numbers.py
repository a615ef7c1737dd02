"""What is measured of the hand, and where the slots of the prompt point, told to the Q-Former's queries.

A small language model blurs the numbers that it is told: read back linearly from its last states, the hand's height
was off by 4 cm. And a place that it thinks of is worth most next to where the hand is. So both go to the head a
second time, unblurred: each number as a few sines and cosines, all of them through one small network, whose result is
added to the queries before they read. (Read as tokens among a hundred and sixty others, they were all but lost to a
Q-Former that had learned to act on them alone.) The places are those that are returned with the decision, so what a
recording shows as meant is what was acted on.

How far each place is from the tool in the picture is told, too. A camera that was mounted a degree askew moves a place
by centimetres, but tool and place alike; and a network given both as waves hardly learned to subtract.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from policy.m1.config import HAND_HIGH, HAND_LOW

OCTAVES = 6
"""Waves of a number from 0 to 1: lengths 2, 1, 1/2 ... 1/16."""
NEAR = (8.0, 24.0)
"""An offset counts by as many times its share of the picture's side, and ever less beyond 1."""
WIDTH = 512
"""Of the network between."""


class NumberQueries(nn.Module):
    """A hand and as many as ``places`` places, the last of which is where the tool is, to ``queries`` of ``size``."""

    def __init__(self, places: int, queries: int, size: int) -> None:
        super().__init__()
        self.places, self.queries = places, queries
        waves = 1 + 2 * OCTAVES
        count = (len(HAND_LOW) + 2 * places) * waves + 2 * max(places - 1, 0) * (waves + len(NEAR))
        self.read = nn.Sequential(
            nn.Linear(count, WIDTH),
            nn.GELU(),
            nn.Linear(WIDTH, WIDTH),
            nn.GELU(),
            nn.Linear(WIDTH, queries * size),
        )

    def forward(self, hand: torch.Tensor, places: torch.Tensor, size: int) -> torch.Tensor:
        """``[B, Q, D]`` of hands ``[B, 5]`` (`policy.m1.prompt.measured_hand`) and places ``[B, S, 2]``.

        Places are in pixels of a square image of side ``size``. Those beyond `places` are not told; what a prompt
        lacks is silence.
        """
        low, high = (hand.new_tensor(bound) for bound in (HAND_LOW, HAND_HIGH))
        meant = places[:, : self.places] / size
        features = [
            _waves(2 * ((hand - low) / (high - low)).clamp(0, 1) - 1),
            _waves(2 * meant.flatten(1) - 1),
        ]
        if meant.shape[1] == self.places > 1:
            apart = (meant[:, :-1] - meant[:, -1:]).flatten(1)
            features += [_waves(apart), *((scale * apart).tanh() for scale in NEAR)]
        told = torch.cat(features, dim=1)
        silence = self.read[0].in_features - told.shape[1]
        return self.read(functional.pad(told, (0, silence))).unflatten(1, (self.queries, -1))


def _waves(numbers: torch.Tensor) -> torch.Tensor:
    """Numbers ``[B, N]`` from -1 to 1 as themselves and `OCTAVES` waves each."""
    turns = (numbers[..., None] + 1) / 2 * (math.pi * 2.0 ** torch.arange(OCTAVES, device=numbers.device))
    return torch.cat([numbers[..., None], turns.sin(), turns.cos()], dim=-1).flatten(1)
