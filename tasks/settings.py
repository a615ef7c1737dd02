"""`PerEnvironment`: numbers that differ from environment to environment, with the nominal value of each.

What randomises an environment only names a setting and a value; the owner of the setting knows how it takes effect.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import numpy as np
import torch


class PerEnvironment:
    """Owner of named settings for ``N`` environments; rows are independent."""

    def __init__(self, num_envs: int, device: str, **nominal: float | tuple[float, ...]) -> None:
        """``nominal`` gives each setting's value and type; a tuple makes it a vector."""
        self.num_envs = num_envs
        self.device = device
        self.values = {
            name: torch.tensor(value, device=device).repeat(num_envs, *(1,) * torch.tensor(value).dim())
            for name, value in nominal.items()
        }

    @property
    def names(self) -> frozenset[str]:
        """Every setting."""
        return frozenset(self.values)

    def __getitem__(self, name: str) -> torch.Tensor:
        """Values of a setting ``[N]`` or ``[N, k]``."""
        return self.values[name]

    def set(self, name: str, rows: Sequence[int], values: Sequence[object]) -> None:
        """Ask for the values ``[n]`` or ``[n, k]`` in the environments ``rows``."""
        held, index = self.values[name], list(rows)
        given = torch.tensor(values, dtype=held.dtype, device=self.device)
        expected = [len(index), *held.shape[1:]]
        if list(given.shape) != expected:
            raise ValueError(
                f"{name} in {len(index)} environments has shape {expected}, not {list(given.shape)}"
            )
        held[index] = given

    def begin(self, rows: Sequence[int], seeds: Sequence[int]) -> None:
        """New episodes in these environments; ``seeds`` are all the randomness they have while they run."""

    def commit(self, rows: Sequence[int], changed: Collection[str]) -> None:
        """Make settings with these names take effect in these environments."""


def stream(seed: int, name: str) -> np.random.Generator:
    """Random numbers of one episode for one purpose, independent of every other purpose's."""
    word = name.encode()
    if len(word) > 8:
        word = hashlib.sha256(word).digest()[:8]
    return np.random.Generator(np.random.Philox(key=[seed, int.from_bytes(word.ljust(8), "little")]))
