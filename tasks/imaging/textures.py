"""Solid procedural textures: patterns that fill space, evaluated where a body's surface is, in the body's frame.

So they need no texture coordinates, stick to a body that moves, and meet at its edges as in a block of wood. Each gives
a multiplier of the linear albedo with a mean of about 1, so that a red cube stays red.

Value noise is interpolated between the corners of a lattice of hashed integers that repeats after 32 cells; a seed
moves a body to another place in it. It is computed in integers, so it is the same on every device and for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch

from tasks.imaging.settings import Settings
from tasks.imaging.texture_kinds import KINDS

LEAST, MOST = 0.35, 1.6
"""Limits of the multiplier."""
PERIOD = 32
"""Cells after which the lattice of the noise repeats."""
EDGE = PERIOD + 1  # the first layer of cells is repeated behind the last, so that no corner index wraps


@dataclass
class Textures(Settings):
    """What each body of each environment is made of."""

    texture: torch.Tensor
    """Kind ``[N, B]``, an index into `KINDS`."""
    texture_seed: torch.Tensor
    """``[N, B]``, any integers: equal seeds look alike."""
    texture_scale: torch.Tensor
    """Size of a square, ring, grain or thread ``[N, B]`` [m]."""

    NOMINAL: ClassVar[Mapping[str, float | tuple[float, ...]]] = {
        "texture": 0,
        "texture_seed": 0,
        "texture_scale": 0.02,
    }
    ACCESSORY: ClassVar[frozenset[str]] = frozenset({"texture_seed", "texture_scale"})


def kind_number(kind: str | int) -> int:
    """Number of a kind given by name or number. ValueError if there is none."""
    if isinstance(kind, str) and kind in KINDS:
        return KINDS.index(kind)
    if kind in range(len(KINDS)):
        return int(kind)
    raise ValueError(f"no texture is called {kind!r}; there are {', '.join(KINDS)}")


def _hash(value: np.ndarray) -> np.ndarray:
    """Well mixed 32-bit numbers from unsigned 32-bit integers (Wellons' "lowbias32")."""
    value = (value ^ (value >> 16)) * np.uint32(0x7FEB352D)
    value = (value ^ (value >> 15)) * np.uint32(0x846CA68B)
    return value ^ (value >> 16)


def offset(seed: torch.Tensor) -> torch.Tensor:
    """Where in the lattice a seed's body stands: ``[..., 3]`` in [0, 32) cells, double precision, on the host."""
    mixed = _hash(seed.cpu().numpy().astype(np.uint32)[..., None])
    place = _hash(mixed + np.arange(1, 4, dtype=np.uint32)) >> 17
    return torch.from_numpy(place / 2**15 * PERIOD)


@lru_cache(maxsize=8)
def lattice(device: torch.device) -> torch.Tensor:
    """Values in [0, 1) of the corners of the cells ``[EDGE ** 3]``, z fastest."""
    x, y, z = np.meshgrid(*(np.arange(EDGE, dtype=np.uint32) % PERIOD,) * 3, indexing="ij")
    values = _hash((x * PERIOD + y) * PERIOD + z + 1).reshape(-1) / 2**32
    return torch.from_numpy(values).float().to(device)
