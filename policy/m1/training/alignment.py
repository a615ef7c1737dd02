"""Do the two objectives pull the language model the same way? Projection-space similarity of their gradients.

ST4VLA (arXiv 2602.10109) reads it off the last layer's query projection: with G the gradient of an objective there and
P = G G+ the projector onto its column space, PSS = tr(P_s P_a) / min(rank), between 0 and 1. It reports 0.25 for plain
co-training and 0.42 for spatially guided training. The published text leaves open from which singular value on a
direction counts; here from a hundredth of the largest, and the ranks are given along, since a rank near the full one
makes any PSS near 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from policy.m1.training.learner import Learner, Portion
from policy.m1.training.phases import Phase

SMALLEST = 0.01
"""Least singular value that counts, as a share of the largest."""


@dataclass(frozen=True)
class Alignment:
    """How two gradients align."""

    similarity: float
    spatial_rank: int
    action_rank: int


def projection_similarity(
    spatial: torch.Tensor, action: torch.Tensor, smallest: float = SMALLEST
) -> Alignment:
    """PSS of two gradients ``[D, N]``; 0 where one of them is zero."""
    bases = []
    for gradient in (spatial, action):
        left, values, _ = torch.linalg.svd(gradient.double(), full_matrices=False)
        bases.append(left[:, values > smallest * values.max()])
    ranks = [basis.shape[1] for basis in bases]
    if not min(ranks):
        return Alignment(0.0, *ranks)
    # tr(U U' V V') is the squared norm of U' V.
    return Alignment(float((bases[0].T @ bases[1]).square().sum() / min(ranks)), *ranks)


def measure_alignment(
    learner: Learner,
    spatial: Sequence[tuple[str, Portion]],
    action: Sequence[tuple[str, Portion]],
    phase: Phase,
    step: int,
) -> Alignment:
    """PSS at the last layer's query projection, from ``(objective, portion)`` pairs; leaves no gradient behind."""
    weight = learner.model.vlm.model.model.language_model.layers[-1].self_attn.q_proj.weight
    was_training, needed = learner.training, weight.requires_grad
    learner.eval()
    weight.requires_grad_(True)
    gradients = []
    for portions in (spatial, action):
        total = torch.zeros_like(weight)
        for objective, portion in portions:
            loss = learner(objective, portion, phase, step)["loss"]
            (gradient,) = torch.autograd.grad(loss * portion.weight, [weight])
            total += gradient
        gradients.append(total)
    weight.requires_grad_(needed)
    learner.train(was_training)
    return projection_similarity(*gradients)
