"""Policies by name, for commands that take ``policy=``."""

from __future__ import annotations

from policy import ActionSpec, Policy
from policy.baselines import Hold, Random

POLICIES = ("expert", "noisy_expert", "random", "hold")
"""The policies that ship with the bench."""


def make_policy(
    name: str,
    num_envs: int,
    action_spec: ActionSpec,
    device: str,
    grounding_error_px: float,
    latency_steps: int,
) -> Policy:
    """A policy for ``num_envs`` environments with the given action space.

    ``grounding_error_px`` and ``latency_steps`` are what makes an expert a noisy one; others ignore them.
    """
    if name == "hold":
        return Hold(num_envs, action_spec, device)
    if name == "random":
        return Random(num_envs, action_spec, device)
    from tasks.pick_place.expert import Expert

    if name == "expert":
        return Expert(num_envs, action_spec, device=device)
    return Expert(num_envs, action_spec, grounding_error_px, latency_steps, device)
