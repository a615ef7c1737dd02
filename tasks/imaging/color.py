"""Between display values (sRGB, uint8) and linear light, by look-up tables.

Codes are cut off, not rounded, as the renderer does it (Newton, `warp_raytrace/tiling.py`: `pack_rgba_to_uint32`). So
the image of light as it was rendered is the rendered image, and small changes of light make small changes of the image.
"""

from __future__ import annotations

from functools import lru_cache

import torch

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
    """Display codes ``[N, H, W, C]`` uint8 of linear light: sRGB to the power of ``gamma`` ``[N]``.

    Light above 1 is clipped. ``encode(decode(image))`` is the image.
    """
    exponents = [1.0] if gamma is None else gamma.tolist()
    planes = linear.permute(0, 3, 1, 2)
    index = planes.clamp(0.0, 1.0).sqrt_().mul_(_ENCODE_STEPS).int().contiguous()
    if len(set(exponents)) == 1:
        table = _encode_table(exponents[0], linear.device)
    else:
        table = torch.cat([_encode_table(exponent, linear.device) for exponent in exponents])
        first = torch.arange(len(exponents), dtype=torch.int32, device=linear.device) * (_ENCODE_STEPS + 1)
        index += first[:, None, None, None]
    codes = table.index_select(0, index.view(-1)).view(index.shape)
    return torch.stack(codes.unbind(1), -1)  # faster than a permuted copy
