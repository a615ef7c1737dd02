"""Proof of the camera factors that change while an episode runs: latency, what settles, what passes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from domain_rand.checks.camera import BALANCED, GREEN, table_light
from domain_rand.checks.check import Outcome, check
from domain_rand.checks.trial import Trial
from tasks.tabletop.action_spaces import CONTROL_DT
from tasks.tabletop.disturbances import LATEST_S
from tasks.tabletop.imaging import BURST_STEPS, CROSSING_S, SETTLING_S


@check("camera.latency_jitter", "greatest age of 30 pictures", "control steps", absolute=0.0,
       levels=(0, 1, 2), cameras=True)  # fmt: skip
def greatest_age(trial: Trial, values: Sequence[int]) -> Outcome:
    """The past picture of the moving wrist camera that fits best; each age comes up with probability 1 / (n + 1)."""
    past: list[torch.Tensor] = []
    greatest = torch.zeros(trial.num_envs)
    for step in range(36):
        trial.step(-0.03 if step % 24 < 12 else 0.03, joint=0)
        pictures = trial.picture("wrist")
        past = [pictures[list(values).index(0)], *past[:5]]
        errors = torch.stack([(pictures - picture).abs().mean((1, 2, 3)) for picture in past])
        if step >= 6:
            greatest = torch.maximum(greatest, errors.argmin(0).float())
    return greatest, values


@check("camera.latency_burst", "longest time that the picture stands still", "control steps", absolute=0.0,
       levels=(0.0, 0.1), cameras=True)  # fmt: skip
def standing_picture(trial: Trial, values: Sequence[float]) -> Outcome:
    """A burst's; one begins within 60 steps but once in 500 times, and the next no sooner than a step after."""
    longest, now, last = torch.zeros(trial.num_envs), torch.zeros(trial.num_envs), trial.picture("wrist")
    for step in range(60):
        trial.step(0.02 if step % 20 < 10 else -0.02, joint=0)
        picture = trial.picture("wrist")
        stands = (picture - last).abs().mean((1, 2, 3)) < 1e-4
        now = torch.where(stands, now + 1, torch.zeros_like(now))
        longest, last = torch.maximum(longest, now), picture
    # Two bursts in a row, with no picture in between, are one that lasts longer.
    whole = torch.where(longest > 0, torch.full_like(longest, BURST_STEPS), longest)
    return torch.where(longest % BURST_STEPS == 0, whole, longest), [
        BURST_STEPS if v > 0 else 0 for v in values
    ]


@check("camera.exposure_settling", "light from the table after 0.25 s, against nominal", "1", relative=0.03,
       cameras=True)  # fmt: skip
def settling_light(trial: Trial, values: Sequence[float]) -> Outcome:
    """The first gain to the power of exp(-t / 0.5 s)."""
    trial.idle(5)
    light = table_light(trial)[:, GREEN]
    left = math.exp(-5 * CONTROL_DT / SETTLING_S)
    return light / light[list(values).index(1.0)], [v**left for v in values]


@check("camera.white_balance_settling", "red light from the table after 0.25 s, against nominal", "1", relative=0.03,
       levels=([0.85, 1.0], BALANCED, [1.18, 1.0]), cameras=True)  # fmt: skip
def settling_red(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """As for the exposure."""
    trial.idle(5)
    light = table_light(trial)[:, 0]
    left = math.exp(-5 * CONTROL_DT / SETTLING_S)
    return light / light[list(values).index(BALANCED)], [v[0] ** left for v in values]


@check("disturbance.hand_in_view", "width of what hides the picture's lower border for a moment", "x image width",
       absolute=0.03, levels=(0.0, 0.2, 0.4), cameras=True)  # fmt: skip
def passing_width(trial: Trial, values: Sequence[float]) -> Outcome:
    """The forearm's, seven tenths of the hand's."""
    widest, before = torch.zeros(trial.num_envs), trial.env.depth("front")
    for _ in range(math.ceil((LATEST_S + CROSSING_S) / CONTROL_DT) + 1):
        trial.step()
        nearer = before[:, -1] - trial.env.depth("front")[:, -1] > 0.1  # [N, W]: the last row
        widest = torch.maximum(widest, nearer.float().mean(1).cpu())
    return widest, [0.7 * v for v in values]
