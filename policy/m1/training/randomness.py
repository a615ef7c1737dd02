"""Chance in training as a function of where training is, never of what was drawn before.

Every draw is keyed by the seed and by what it is for: the order of an epoch by its number, a sample's noise by the
sample's position in the stream, dropout by the step. So there is no state of a generator to save: a run that was killed
and resumed, and one that gathers its batches on eight devices, draws what an uninterrupted one on one device draws
(dropout apart, which also depends on the device).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import torch


def key(seed: int, *names: object) -> int:
    """A whole number below 2^63 for ``(seed, names)``, the same on every machine."""
    digest = hashlib.sha256(":".join(map(str, (seed, *names))).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def numpy_generator(seed: int, *names: object) -> np.random.Generator:
    """Random numbers that depend on ``(seed, names)`` only."""
    return np.random.Generator(np.random.Philox(key=key(seed, *names)))


def torch_generator(seed: int, *names: object) -> torch.Generator:
    """The same on the CPU for torch."""
    return torch.Generator().manual_seed(key(seed, *names))


@lru_cache(maxsize=8)
def _epoch_order(size: int, seed: int, name: str, epoch: int) -> np.ndarray:
    return numpy_generator(seed, "order", name, epoch).permutation(size)


def item_at(position: int, size: int, seed: int, name: str) -> tuple[int, int]:
    """Row and epoch of the ``position``-th sample of a stream of ``size`` rows: each row once an epoch.

    ValueError for a stream without rows.
    """
    if size < 1:
        raise ValueError(f"there is nothing to draw {name} from")
    epoch, place = divmod(position, size)
    return int(_epoch_order(size, seed, name, epoch)[place]), epoch
