"""Noise to actions and back: the schedule, the training loss, and DDIM sampling with classifier-free guidance.

Improved DDPM's cosine schedule (arXiv 2102.09672), noise as the target or, where configured, the actions, DDIM without
noise of its own (arXiv 2010.02502, eta 0), guidance by extrapolating from the null condition (arXiv 2207.12598). The
schedule is ``diffusers``'; its sampler is not used, since it visits levels at another stride than the published one
where the number of steps does not divide the schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

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


MOST_GUIDANCE = 5.0
"""Greatest weight of the pull towards what is held; the value of real-time chunking's authors."""


class Held(NamedTuple):
    """Actions that a sample is to agree with."""

    actions: torch.Tensor
    """``[B, T, A]`` in the model's own units."""
    weight: torch.Tensor
    """How much each counts ``[B, T]``, 0 to 1."""


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
        held: Held | None = None,
    ) -> torch.Tensor:
        """Actions ``[B, T, A]`` in the model's own units, not clipped, from ``noise`` ``[B, T, A]``.

        ``steps`` and ``guidance_scale`` replace the configured ones. ``held`` pulls the sample towards actions that it
        is to go on from, as real-time chunking does (arXiv 2506.07339). Raises ValueError for a number of steps that
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

        def predict(actions: torch.Tensor, level: int) -> torch.Tensor:
            shown = torch.cat([actions, actions]) if guided else actions
            t = torch.full((len(shown),), level, device=noise.device)
            predicted: torch.Tensor = self.transformer(shown, t, condition)
            if guided:
                conditional, unconditional = predicted.chunk(2)
                predicted = unconditional + scale * (conditional - unconditional)
            return predicted

        for level, following in zip(levels, [*levels[1:], None], strict=True):
            after = torch.ones(()) if following is None else kept[following]
            if held is None:
                actions = self._less_noisy(actions, predict(actions, level), kept[level], after)
            else:
                actions = self._agreeing(actions, held, predict, level, kept[level], after)
        return actions

    def _agreeing(
        self,
        actions: torch.Tensor,
        held: Held,
        predict: Callable[[torch.Tensor, int], torch.Tensor],
        level: int,
        share: torch.Tensor,
        after: torch.Tensor,
    ) -> torch.Tensor:
        """The same step, with guidance by the pseudo-inverse, as in real-time chunking (arXiv 2506.07339, section 4).

        What the clean actions are corrected by is the gradient, with respect to the noisy ones, of how far they are
        from those held, times ``(1 - share) / (share**0.5 r**2)`` with ``r**2 = 1 - share``: the variance of actions of
        unit variance, given noisy ones. `MOST_GUIDANCE` is the most that this may be. The last step, which leaves no
        noise, lets what is held count by its weight.
        """
        with torch.enable_grad():
            noisy = actions.detach().requires_grad_()
            clean = self._clean(noisy, predict(noisy, level), share)
            wrong = held.weight[..., None] * (held.actions - clean.detach())
            (pull,) = torch.autograd.grad(clean, noisy, wrong)
        clean = clean.detach()
        noise = (actions - share**0.5 * clean) / (1 - share) ** 0.5
        better = clean + min(MOST_GUIDANCE, float(share) ** -0.5) * pull
        better = torch.lerp(better, held.actions, held.weight[..., None]) if after == 1 else better
        return after**0.5 * better + (1 - after) ** 0.5 * noise

    def _less_noisy(
        self, actions: torch.Tensor, predicted: torch.Tensor, share: torch.Tensor, after: torch.Tensor
    ) -> torch.Tensor:
        """A step of DDIM with eta 0 (equation 12 of arXiv 2010.02502).

        From the level at which ``share`` of the variance is the actions' to that at which ``after`` of it is.
        """
        clean = self._clean(actions, predicted, share)
        noise = predicted
        if self.config.target != "noise":
            noise = (actions - share**0.5 * predicted) / (1 - share) ** 0.5
        return after**0.5 * clean + (1 - after) ** 0.5 * noise

    def _clean(self, actions: torch.Tensor, predicted: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        """The actions without noise that a prediction promises."""
        if self.config.target == "noise":
            return (actions - (1 - share) ** 0.5 * predicted) / share**0.5
        return predicted
