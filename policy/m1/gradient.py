"""A gradient that shrinks where it crosses from one part of the model into another."""

from __future__ import annotations

from typing import Any

import torch


class _ScaledGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, scale: float) -> torch.Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradients[0] * ctx.scale, None


def scale_gradient(x: torch.Tensor, scale: float) -> torch.Tensor:
    """``x`` unchanged; the gradient that flows back through it is multiplied by ``scale``.

    Keeps a young action head from overwriting what the vision-language model knows of space.
    """
    return _ScaledGradient.apply(x, scale)
