"""Solid procedural textures: patterns that fill space, evaluated where a body's surface is, in the body's frame.

So they need no texture coordinates, stick to a body that moves, and meet at its edges as in a block of wood. Each gives
a multiplier of the linear albedo with a mean of about 1, so that a red cube stays red.

Value noise is interpolated between the corners of a lattice of hashed integers that repeats after 32 cells; a seed
moves a body to another place in it. It is computed in integers, so it is the same on every device and for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch

from tasks.imaging.settings import Settings

KINDS = ("plain", "checker", "wood", "stone", "cloth", "noise")
"""Names of the patterns; a kind's number is its place here."""
LEAST, MOST = 0.35, 1.6
"""Limits of the multiplier."""
_PERIOD = 32
_EDGE = _PERIOD + 1  # the first layer of cells is repeated behind the last, so that no corner index wraps


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


def multiplier(
    points: torch.Tensor, kind: torch.Tensor, seed: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """Multipliers of the albedo ``[...]`` at points ``[..., 3]`` of bodies' frames [m].

    Args:
        points: in the frame of the body they belong to [m].
        kind: index into `KINDS` ``[...]``.
        seed: ``[...]``
        scale: size of a feature ``[...]`` [m].
    """
    local = (points / scale[..., None] + offset(seed).to(points)).reshape(-1, 3).T
    kind = kind.reshape(-1)
    result = torch.ones(kind.shape, dtype=points.dtype, device=points.device)
    for number in range(1, len(KINDS)):
        chosen = (kind == number).nonzero()[:, 0]
        if len(chosen):
            result[chosen] = pattern(number, local[:, chosen])
    return result.view(points.shape[:-1])


def _hash(value: np.ndarray) -> np.ndarray:
    """Well mixed 32-bit numbers from unsigned 32-bit integers (Wellons' "lowbias32")."""
    value = (value ^ (value >> 16)) * np.uint32(0x7FEB352D)
    value = (value ^ (value >> 15)) * np.uint32(0x846CA68B)
    return value ^ (value >> 16)


def offset(seed: torch.Tensor) -> torch.Tensor:
    """Where in the lattice a seed's body stands: ``[..., 3]`` in [0, 32) cells, double precision, on the host."""
    mixed = _hash(seed.cpu().numpy().astype(np.uint32)[..., None])
    place = _hash(mixed + np.arange(1, 4, dtype=np.uint32)) >> 17
    return torch.from_numpy(place / 2**15 * _PERIOD)


@lru_cache(maxsize=8)
def _corners(device: torch.device) -> tuple[torch.Tensor, ...]:
    """Values in [0, 1) at the eight corners of the cells: the lattice, shifted by x, y and z, z fastest."""
    x, y, z = np.meshgrid(*(np.arange(_EDGE, dtype=np.uint32) % _PERIOD,) * 3, indexing="ij")
    values = _hash((x * _PERIOD + y) * _PERIOD + z + 1).reshape(-1) / 2**32
    lattice = torch.from_numpy(values).float().to(device)
    return tuple(lattice[(i * _EDGE + j) * _EDGE + k :] for i in (0, 1) for j in (0, 1) for k in (0, 1))


def _cell_index(cell: torch.Tensor) -> torch.Tensor:
    """Place in the lattice ``[P]`` of each cell ``[3, P]``, whole numbers."""
    x, y, z = cell.to(torch.int32).bitwise_and_(_PERIOD - 1).unbind(0)
    return x.mul_(_EDGE).add_(y).mul_(_EDGE).add_(z)


def _value_noise(q: torch.Tensor) -> torch.Tensor:
    """Noise in [0, 1) ``[P]`` at points ``[3, P]``, one cell a unit."""
    cell = q.floor()
    index = _cell_index(cell)
    f = torch.sub(q, cell, out=cell)
    fx, fy, fz = torch.rsub(f, 3.0, alpha=2.0).mul_(f).mul_(f).unbind(0)  # smoothstep
    corner = [values.index_select(0, index) for values in _corners(q.device)]
    along_z = [near.lerp_(far, fz) for near, far in zip(corner[::2], corner[1::2], strict=True)]
    return along_z[0].lerp_(along_z[1], fy).lerp_(along_z[2].lerp_(along_z[3], fy), fx)


def _cell_noise(cell: torch.Tensor) -> torch.Tensor:
    """A number in [0, 1) ``[P]`` for each cell ``[3, P]``, whole numbers."""
    return _corners(cell.device)[0].index_select(0, _cell_index(cell))


def _stretched(q: torch.Tensor, x: float, y: float, z: float) -> torch.Tensor:
    return q * q.new_tensor((x, y, z))[:, None]


def _odd(number: torch.Tensor) -> torch.Tensor:
    """1 for odd whole numbers, else 0."""
    half = number * 0.5
    return half.sub_(half.floor()).mul_(2.0)


def _checker(q: torch.Tensor) -> torch.Tensor:
    return _odd(q.floor().sum(0)).mul_(0.6).add_(0.7)


def _wood(q: torch.Tensor) -> torch.Tensor:
    """Rings around the body's x axis, wobbling, each darker toward its end, and fibres along them."""
    wobble = _value_noise(_stretched(q, 0.11, 0.3, 0.3))
    ring = (q[1] * q[1]).addcmul_(q[2], q[2]).sqrt_().add_(wobble, alpha=2.5)
    ring -= ring.floor()
    late = torch.minimum(ring * 1.25, (1.0 - ring).mul_(5.0))
    fibre = _cell_noise(_stretched(q, 0.4, 5.0, 5.0).floor_())
    return late.mul_(late).mul_(-0.55).add_(fibre, alpha=0.2).add_(1.08)


def _stone(q: torch.Tensor) -> torch.Tensor:
    """Clouds of two sizes and grains, with dark veins where the coarse clouds cross their middle."""
    coarse = _value_noise(q * 0.6)
    vein = (coarse - 0.5).abs_().mul_(-12.0).add_(1.0).clamp_min_(0.0)
    grain = _cell_noise((q * 4.0).floor_())
    clouds = coarse.add_(_value_noise(q * 1.31), alpha=0.6).add_(grain, alpha=0.3)
    return clouds.mul_(0.7).add_(0.39).sub_(vein, alpha=0.35)


def _cloth(q: torch.Tensor) -> torch.Tensor:
    """Threads over and under each other, some paler than others."""
    cell = q.floor()
    f = q - cell
    bulge = torch.rsub(f, 1.0).mul_(f)  # 0 between threads, 1/4 on their backs
    over = _odd(cell.sum(0))
    thread = torch.lerp(bulge[1], bulge[0], over)
    return thread.mul_(2.4).add_(_cell_noise(cell), alpha=0.25).add_(0.47)


def _noise(q: torch.Tensor) -> torch.Tensor:
    """Soft blotches of two sizes."""
    return _value_noise(q).add_(_value_noise(q * 2.3), alpha=0.6).mul_(1.1).add_(0.12)


_PATTERNS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "checker": _checker,
    "wood": _wood,
    "stone": _stone,
    "cloth": _cloth,
    "noise": _noise,
}


def pattern(kind: int, q: torch.Tensor) -> torch.Tensor:
    """Multipliers ``[P]`` of one kind at points ``[3, P]`` in units of its features."""
    return _PATTERNS[KINDS[kind]](q).clamp_(LEAST, MOST)
