"""Noise to actions and back: the schedule, the training loss, and DDIM sampling with classifier-free guidance.

Improved DDPM's cosine schedule (arXiv 2102.09672), noise as the target or, where configured, the actions, DDIM without
noise of its own (arXiv 2010.02502, eta 0), guidance by extrapolating from the null condition (arXiv 2207.12598). The
schedule is ``diffusers``'; its sampler is not used, since it visits levels at another stride than the published one
where the number of steps does not divide the schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from diffusers import DDIMScheduler
from torch import nn

from policy.m1.config import DiffusionConfig
from policy.m1.dit import ActionTransformer
from policy.m1.noise_levels import noise_levels


def make_scheduler(train_steps: int, target: Literal["noise", "sample"] = "noise") -> DDIMScheduler:
    """The noise schedule for a head that predicts ``target``."""
    return DDIMScheduler(
        num_train_timesteps=train_steps,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="epsilon" if target == "noise" else "sample",
        clip_sample=False,
        set_alpha_to_one=True,
        timestep_spacing="leading",
    )


def row_noise(seeds: Sequence[int], steps: Sequence[int], shape: tuple[int, ...]) -> torch.Tensor:
    """Starting noise ``[B, *shape]``, float32 on the CPU: row i is a function of ``(seeds[i], steps[i])`` alone.

    So a row's sample does not depend on the rows beside it, on the device, or on what was sampled before.
    """
    rows = [
        np.random.default_rng([seed, step]).standard_normal(shape)
        for seed, step in zip(seeds, steps, strict=True)
    ]
    return torch.from_numpy(np.stack(rows)).float()


type Generators = torch.Generator | Sequence[torch.Generator] | None
"""What noise is drawn from: one generator for a batch, or one a row, and the row's noise is its own in any batch."""


class ActionDiffusion(nn.Module):
    """The action head with its noise schedule: a loss to train it, a sampler to use it."""

    def __init__(self, transformer: ActionTransformer, config: DiffusionConfig) -> None:
        super().__init__()
        self.transformer = transformer
        self.config = config

    def q_sample(self, actions: torch.Tensor, t: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Actions ``[B, T, A]`` with ``noise`` mixed in to levels ``t`` ``[B]`` (0 to train_steps less one)."""
        return make_scheduler(self.config.train_steps).add_noise(actions, noise, t)

    def loss(
        self,
        actions: torch.Tensor,
        valid: torch.Tensor,
        condition: torch.Tensor,
        generator: Generators = None,
    ) -> torch.Tensor:
        """Mean squared error of the predicted noise, or actions, over the valid steps: a scalar.

        ``actions`` ``[B, T, A]`` in the model's own units; ``valid`` ``[B, T]`` is False for steps past an episode's
        end, which are neither counted nor attended to; ``condition`` ``[B, Q, D]``. ``generator`` (CPU; one, or one a
        row) fixes noise, levels and which conditions are dropped: none in evaluation mode. Raises ValueError where no
        step is valid.
        """
        if not bool(valid.any()):
            raise ValueError("no step of the batch is valid: there is nothing to learn from")
        draws, device = self.config.draws_per_sample, actions.device
        noise, t, dropped = (x.to(device) for x in self._draw(actions.shape, generator))
        actions, valid, condition = (x.repeat_interleave(draws, 0) for x in (actions, valid, condition))
        if self.training:
            condition = torch.where(dropped[:, None, None], self.transformer.null_condition, condition)
        whole = bool(valid.all())
        predicted = self.transformer(self.q_sample(actions, t, noise), t, condition, None if whole else valid)
        target = noise if self.config.target == "noise" else actions
        error = (predicted - target).square().mean(dim=-1)  # [B, T]
        return error[valid].mean()

    def _draw(
        self, shape: tuple[int, ...], generator: Generators
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Noise, levels and which conditions are dropped, `draws_per_sample` for each of ``shape[0]`` rows."""
        if isinstance(generator, Sequence):
            rows = [self._draw((1, *shape[1:]), row) for row in generator]
            noise, t, dropped = (torch.cat(parts) for parts in zip(*rows, strict=True))
            return noise, t, dropped
        count = shape[0] * self.config.draws_per_sample
        noise = torch.randn((count, *shape[1:]), generator=generator)
        t = torch.randint(self.config.train_steps, (count,), generator=generator)
        return noise, t, torch.rand(count, generator=generator) < self.config.condition_dropout

    @torch.no_grad()
    def sample(
        self,
        condition: torch.Tensor,
        noise: torch.Tensor,
        steps: int | None = None,
        guidance_scale: float | None = None,
    ) -> torch.Tensor:
        """Actions ``[B, T, A]`` in the model's own units, not clipped, from ``noise`` ``[B, T, A]``.

        ``steps`` and ``guidance_scale`` replace the configured ones. Raises ValueError for a number of steps that
        `noise_levels` does not have.
        """
        steps = self.config.sample_steps if steps is None else steps
        scale = self.config.guidance_scale if guidance_scale is None else guidance_scale
        levels = noise_levels(self.config.train_steps, steps)
        kept = make_scheduler(self.config.train_steps, self.config.target).alphas_cumprod
        guided = scale != 1.0
        if guided:
            null = self.transformer.null_condition.expand_as(condition)
            condition = torch.cat([condition, null])
        actions = noise
        for level, following in zip(levels, [*levels[1:], None], strict=True):
            shown = torch.cat([actions, actions]) if guided else actions
            t = torch.full((len(shown),), level, device=noise.device)
            predicted = self.transformer(shown, t, condition)
            if guided:
                conditional, unconditional = predicted.chunk(2)
                predicted = unconditional + scale * (conditional - unconditional)
            after = torch.ones(()) if following is None else kept[following]
            actions = self._less_noisy(actions, predicted, kept[level], after)
        return actions

    def _less_noisy(
        self, actions: torch.Tensor, predicted: torch.Tensor, share: torch.Tensor, after: torch.Tensor
    ) -> torch.Tensor:
        """A step of DDIM with eta 0 (equation 12 of arXiv 2010.02502).

        From the level at which ``share`` of the variance is the actions' to that at which ``after`` of it is.
        """
        if self.config.target == "noise":
            clean, noise = (actions - (1 - share) ** 0.5 * predicted) / share**0.5, predicted
        else:
            clean, noise = predicted, (actions - share**0.5 * predicted) / (1 - share) ** 0.5
        return after**0.5 * clean + (1 - after) ** 0.5 * noise
