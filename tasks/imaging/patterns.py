"""The patterns of `tasks.imaging.textures`, evaluated at points in units of their features."""

from __future__ import annotations

import torch
import warp as wp

from tasks.imaging.kernels import launch
from tasks.imaging.texture_kinds import KINDS
from tasks.imaging.textures import EDGE, LEAST, MOST, PERIOD, lattice, offset


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
    local = (points / scale[..., None] + offset(seed).to(points)).reshape(-1, 3).float()
    result = torch.empty(len(local), device=points.device)
    launch(
        _multiplier,
        local,
        kind.reshape(-1).to(points.device, torch.int32),
        lattice(points.device),
        result,
        over=(len(local),),
        device=points.device,
    )
    return result.view(points.shape[:-1])


@wp.kernel(enable_backward=False)
def _multiplier(
    points: wp.array[wp.vec3f],
    kinds: wp.array[wp.int32],
    values: wp.array[wp.float32],
    result: wp.array[wp.float32],
):
    i = wp.tid()
    result[i] = pattern(kinds[i], points[i], values)


@wp.func
def _floor(q: wp.vec3f) -> wp.vec3f:
    return wp.vec3f(wp.floor(q[0]), wp.floor(q[1]), wp.floor(q[2]))


@wp.func
def _corner(cell: wp.vec3f) -> wp.int32:
    """Place in the lattice of a cell, whole numbers."""
    x = wp.int32(cell[0]) & wp.static(PERIOD - 1)
    y = wp.int32(cell[1]) & wp.static(PERIOD - 1)
    z = wp.int32(cell[2]) & wp.static(PERIOD - 1)
    return (x * wp.static(EDGE) + y) * wp.static(EDGE) + z


@wp.func
def _along_z(i: wp.int32, f: wp.float32, values: wp.array[wp.float32]) -> wp.float32:
    return wp.lerp(values[i], values[i + 1], f)


@wp.func
def _value_noise(q: wp.vec3f, values: wp.array[wp.float32]) -> wp.float32:
    """Noise in [0, 1), one cell a unit."""
    cell = _floor(q)
    f = q - cell
    s = wp.cw_mul(wp.cw_mul(f, f), wp.vec3f(3.0) - 2.0 * f)  # smoothstep
    i = _corner(cell)
    j = i + wp.static(EDGE * EDGE)
    near = wp.lerp(_along_z(i, s[2], values), _along_z(i + wp.static(EDGE), s[2], values), s[1])
    far = wp.lerp(_along_z(j, s[2], values), _along_z(j + wp.static(EDGE), s[2], values), s[1])
    return wp.lerp(near, far, s[0])


@wp.func
def _cell_noise(cell: wp.vec3f, values: wp.array[wp.float32]) -> wp.float32:
    """A number in [0, 1) for each cell, whole numbers."""
    return values[_corner(cell)]


@wp.func
def _odd(number: wp.float32) -> wp.float32:
    """1 for odd whole numbers, else 0."""
    half = number * 0.5
    return (half - wp.floor(half)) * 2.0


@wp.func
def _checker(q: wp.vec3f) -> wp.float32:
    cell = _floor(q)
    return _odd(cell[0] + cell[1] + cell[2]) * 0.6 + 0.7


@wp.func
def _wood(q: wp.vec3f, values: wp.array[wp.float32]) -> wp.float32:
    """Rings around the body's x axis, wobbling, each darker toward its end, and fibres along them."""
    wobble = _value_noise(wp.cw_mul(q, wp.vec3f(0.11, 0.3, 0.3)), values)
    ring = wp.sqrt(q[1] * q[1] + q[2] * q[2]) + 2.5 * wobble
    ring = ring - wp.floor(ring)
    late = wp.min(ring * 1.25, (1.0 - ring) * 5.0)
    fibre = _cell_noise(_floor(wp.cw_mul(q, wp.vec3f(0.4, 5.0, 5.0))), values)
    return late * late * -0.55 + 0.2 * fibre + 1.08


@wp.func
def _stone(q: wp.vec3f, values: wp.array[wp.float32]) -> wp.float32:
    """Clouds of two sizes and grains, with dark veins where the coarse clouds cross their middle."""
    coarse = _value_noise(q * 0.6, values)
    vein = wp.max(1.0 - 12.0 * wp.abs(coarse - 0.5), 0.0)
    grain = _cell_noise(_floor(q * 4.0), values)
    return (coarse + 0.6 * _value_noise(q * 1.31, values) + 0.3 * grain) * 0.7 + 0.39 - 0.35 * vein


@wp.func
def _cloth(q: wp.vec3f, values: wp.array[wp.float32]) -> wp.float32:
    """Threads over and under each other, some paler than others."""
    cell = _floor(q)
    f = q - cell
    bulge = wp.cw_mul(f, wp.vec3f(1.0) - f)  # 0 between threads, 1/4 on their backs
    thread = wp.lerp(bulge[1], bulge[0], _odd(cell[0] + cell[1] + cell[2]))
    return thread * 2.4 + 0.25 * _cell_noise(cell, values) + 0.47


@wp.func
def _noise(q: wp.vec3f, values: wp.array[wp.float32]) -> wp.float32:
    """Soft blotches of two sizes."""
    return (_value_noise(q, values) + 0.6 * _value_noise(q * 2.3, values)) * 1.1 + 0.12


@wp.func
def pattern(kind: wp.int32, q: wp.vec3f, values: wp.array[wp.float32]) -> wp.float32:
    """Multiplier of a kind at a point in units of its features; ``values`` is the `lattice`."""
    result = wp.float32(1.0)
    if kind == wp.static(KINDS.index("checker")):
        result = _checker(q)
    elif kind == wp.static(KINDS.index("wood")):
        result = _wood(q, values)
    elif kind == wp.static(KINDS.index("stone")):
        result = _stone(q, values)
    elif kind == wp.static(KINDS.index("cloth")):
        result = _cloth(q, values)
    elif kind == wp.static(KINDS.index("noise")):
        result = _noise(q, values)
    return wp.clamp(result, wp.static(LEAST), wp.static(MOST))
