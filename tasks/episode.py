"""Naming an episode for ever: `EpisodeSpec`, and the random numbers that belong to it alone.

Random numbers are counter-based (Philox, Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): the
stream of a name depends on the task, the suite's seed, the episode's index and that name alone. Episode 17 is
the same with 1 or 1,024 environments, before or after a crash; adding a factor changes no other factor's draw.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class EpisodeSpec:
    """One named episode."""

    task: str
    index: int
    """Position in the suite, from 0."""
    seed: int
    """Seed of the suite."""
    suite: str = "default"
    """Name of the factor set that the episode is drawn from; no part of the key, so that sets can be compared."""

    def generator(self, name: str) -> np.random.Generator:
        """The random numbers of ``name`` in this episode, always the same from the start."""
        key = hashlib.blake2b(
            f"{self.task}/{self.seed}/{self.index}/{name}".encode(), digest_size=16
        ).digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))
