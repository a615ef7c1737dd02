"""The randomness that an episode has while it runs: the world's and the policy's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from domain_rand.distributions import Integers
from domain_rand.factor import Factor, Value, register


class _Seed(Factor):
    """A factor so that it is recorded: an episode's draws, given back as an explicit set, are that episode again."""

    unit = "1"
    nominal = None
    default = None
    legal = Integers(0, 2**31 - 1)

    def draw(self, rng: np.random.Generator, drawn: Mapping[str, Value]) -> Value:
        return self.legal.sample(rng)


@register
class NoiseSeed(_Seed):
    """Seed of everything random while the episode runs: noise, lost commands, when and where disturbances happen."""

    name = "episode.noise_seed"


@register
class PolicySeed(_Seed):
    """Seed of what is random in the policy, as in one that samples its actions."""

    name = "episode.policy_seed"
    stream = "policy"
