"""Between display values (sRGB, uint8) and linear light, by look-up tables.

Codes are cut off, not rounded, as the renderer does it (Newton, `warp_raytrace/tiling.py`: `pack_rgba_to_uint32`). So
the image of light as it was rendered is the rendered image, and small changes of light make small changes of the image.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import warp as wp

from tasks.imaging.kernels import launch, strips

_ENCODE_STEPS = 8192
"""Steps of the encoding table over the square root of light, in which sRGB is nearly straight: 0.03 codes each."""


def srgb_to_linear(value: torch.Tensor) -> torch.Tensor:
    """Display values in [0, 1] to linear light (IEC 61966-2-1)."""
    return torch.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(value: torch.Tensor) -> torch.Tensor:
    """Linear light in [0, 1] to display values."""
    return torch.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)


@lru_cache(maxsize=8)
def decode_table(device: torch.device) -> torch.Tensor:
    """Linear light of the codes 0 to 255: the middle of what each stands for, but 255 for full scale or more."""
    code = torch.arange(256, dtype=torch.float64) + 0.5
    return srgb_to_linear((code / 255).clamp(max=1.0)).float().to(device)


def decode(image: torch.Tensor) -> torch.Tensor:
    """Linear light in [0, 1], float32, of an sRGB image of uint8, any shape."""
    return decode_table(image.device).index_select(0, image.reshape(-1).int()).view(image.shape)


@lru_cache(maxsize=1024)
def _encode_table(gamma: float, device: torch.device) -> torch.Tensor:
    """Codes of the middles of equal steps of the square root of light, and of full scale."""
    root = (torch.arange(_ENCODE_STEPS + 1, dtype=torch.float64) + 0.5) / _ENCODE_STEPS
    codes = (
        linear_to_srgb(root.clamp(max=1.0) ** 2) ** gamma * 255 + 1e-9
    )  # so that 1 is 255 despite rounding
    return codes.to(torch.uint8).to(device)


def encode(linear: torch.Tensor, gamma: torch.Tensor | None = None) -> torch.Tensor:
    """Display codes ``[N, H, W, 3]`` uint8 of linear light: sRGB to the power of ``gamma`` ``[N]``.

    Light above 1 is clipped. ``encode(decode(image))`` is the image.
    """
    device = linear.device
    exponents = [1.0] * len(linear) if gamma is None else gamma.tolist()
    table_of = {exponent: i for i, exponent in enumerate(dict.fromkeys(exponents))}
    tables = torch.stack([_encode_table(exponent, device) for exponent in table_of])
    which = torch.tensor([table_of[exponent] for exponent in exponents], dtype=torch.int32, device=device)
    n, height, width, _ = linear.shape
    threads, strip = strips(height, width, device)
    codes = torch.empty(linear.shape, dtype=torch.uint8, device=device)
    launch(_encode, linear, tables, which, strip, codes, over=(n, *threads), device=device)
    return codes


@wp.kernel(enable_backward=False)
def _encode(
    linear: wp.array4d[wp.float32],
    tables: wp.array2d[wp.uint8],
    which: wp.array[wp.int32],
    strip: wp.int32,
    codes: wp.array4d[wp.uint8],
):
    env, row, part = wp.tid()
    table = which[env]
    for column in range(part * strip, wp.min((part + 1) * strip, linear.shape[2])):
        for channel in range(3):
            root = wp.sqrt(wp.clamp(linear[env, row, column, channel], 0.0, 1.0))
            codes[env, row, column, channel] = tables[table, wp.int32(root * wp.static(float(_ENCODE_STEPS)))]
