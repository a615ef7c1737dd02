"""A running average of the weights, which acts better than the last ones after diffusion training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import nn


class WeightAverage:
    """Exponential moving average of the parameters that one phase trains.

    On: after step n the average moves by ``1 - min(decay, (1 + n) / (10 + n))`` of the way to the weights, so that the
    first weights, which are random, are soon forgotten. Off (``decay`` 0): holds nothing.
    """

    def __init__(self, decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"the decay of the average must be in [0, 1), not {decay}")
        self.decay = decay
        self.updates = 0
        self.weights: dict[str, torch.Tensor] = {}

    def restart(self) -> None:
        """Forget everything. What one phase trains, the next may freeze and build on: averaging over both would move
        the ground under it.
        """
        self.weights, self.updates = {}, 0

    @torch.no_grad()
    def update(self, named: Iterable[tuple[str, nn.Parameter]]) -> None:
        """Take in the weights after an optimizer step."""
        if not self.decay:
            return
        share = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        for name, parameter in named:
            if name in self.weights:
                self.weights[name].lerp_(parameter.detach().float(), share)
            else:
                self.weights[name] = parameter.detach().float().clone()

    @torch.no_grad()
    def copy_into(self, parameters: Mapping[str, nn.Parameter]) -> None:
        """Replace weights by their averages."""
        for name, average in self.weights.items():
            parameters[name].copy_(average)
