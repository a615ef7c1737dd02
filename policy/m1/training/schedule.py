"""Learning rates as functions of the step, so that there is no scheduler to save."""

from __future__ import annotations

import math

from policy.m1.training.phases import Phase


def rate_factor(phase: Phase, step: int) -> float:
    """Share of the peak rate at a step (from 0): a linear rise, a plateau, then half a cosine to the floor."""
    rise = min(1.0, (step + 1) / phase.warmup) if phase.warmup else 1.0
    begin = max(phase.warmup, phase.hold * phase.steps)
    fallen = (step - begin) / max(phase.steps - begin, 1.0)
    cosine = 0.5 * (1 + math.cos(math.pi * min(max(fallen, 0.0), 1.0)))
    return rise * (phase.floor + (1 - phase.floor) * cosine)


def blur_at(phase: Phase, step: int) -> float:
    """Standard deviation of soft labels [px] at a step: linear from the first to the second over half the phase."""
    first, last = phase.help.blur
    done = min(1.0, 2 * step / max(phase.steps, 1))
    return first + (last - first) * done
