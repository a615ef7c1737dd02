"""Random numbers that depend on what they are for."""

from __future__ import annotations

import hashlib

import numpy as np


def keyed_generator(seed: int, name: str) -> np.random.Generator:
    """Counter-based random numbers that depend on ``(seed, name)`` only."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
