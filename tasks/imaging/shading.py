"""Lighting of each environment, from one common rendering and what is known of how it was shaded.

The renderer shades matt surfaces, in linear light,

    radiance = albedo (0.5 ambient(n) + max(0, n . l) visible),

with a sky above and a ground below for ambient light, one directional lamp, and `visible` 1 or, in shadow, 0.3. All of
that but `visible` follows from the normal; `visible` from how bright the pixel is for its albedo. So a change of light
is a factor on the radiance, and rounding of the albedo to 8 bits does not reach the image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from tasks.imaging.color import decode_table
from tasks.imaging.settings import Settings

# Newton 1.x, `newton/_src/sensors/warp_raytrace`: `render.py` (sky, ground, ambient intensity), `lighting.py`
# (`shadow_min_visibility`), `utils.py` (`create_default_light`: light travels along (-1, 1, -1)).
SKY = (0.4, 0.4, 0.45)
GROUND = (0.1, 0.1, 0.12)
AMBIENT = 0.5
SHADOW_VISIBILITY = 0.3
LAMP = (0.57735026, -0.57735026, 0.57735026)
"""Direction from the scene to the lamp, world frame."""
_TINTS = tuple(zip(SKY, GROUND, strict=True))


@dataclass
class Lighting(Settings):
    """The light of each environment, against the renderer's."""

    key_intensity: torch.Tensor
    """Of the lamp ``[N]`` [x nominal]."""
    key_color: torch.Tensor
    """Red, green and blue of the lamp ``[N, 3]`` [x nominal]."""
    ambient_intensity: torch.Tensor
    """Of sky and ground ``[N]`` [x nominal]."""
    shadow_strength: torch.Tensor
    """``[N]``: 1 as rendered, 0 no shadows, 1 / 0.7 black ones."""
    fill_direction: torch.Tensor
    """From the scene to a second lamp ``[N, 2]``: azimuth from x to y, elevation above the table [rad]."""
    fill_intensity: torch.Tensor
    """Of the second lamp ``[N]`` [x the first one's nominal]. It casts no shadows."""

    NOMINAL: ClassVar[Mapping[str, float | tuple[float, ...]]] = {
        "key_intensity": 1.0,
        "key_color": (1.0, 1.0, 1.0),
        "ambient_intensity": 1.0,
        "shadow_strength": 1.0,
        "fill_direction": (0.0, math.pi / 2),
        "fill_intensity": 0.0,
    }
    ACCESSORY: ClassVar[frozenset[str]] = frozenset({"fill_direction"})


def relight(
    radiance: torch.Tensor,
    albedo: torch.Tensor | None,
    normals: torch.Tensor | None,
    albedo_scale: torch.Tensor | None,
    lighting: Lighting,
) -> torch.Tensor:
    """Radiance ``[N, H, W, 3]`` under other light. Nominal rows keep theirs, bit for bit.

    Where nothing was hit (normal zero) there is only sky, which the ambient intensity scales.

    Args:
        radiance: as rendered ``[N, H, W, 3]``, linear, unclipped.
        albedo: as rendered ``[N, H, W, 3 or 4]``, sRGB, uint8; None if the lighting is nominal.
        normals: world frame ``[N, H, W, 3]``; likewise.
        albedo_scale: multiplier of the linear albedo ``[N, H, W, 1 or 3]``, or None.
        lighting: of the ``N`` environments.
    """
    lit = bool(lighting.active().any())
    if not lit and albedo_scale is None:
        return radiance
    # Colour planes one after the other in memory, which is faster; a view of them has the usual shape.
    planes = radiance.permute(0, 3, 1, 2).contiguous()
    factors: list[torch.Tensor | None] = [None] * 3
    if lit:
        if albedo is None or normals is None:
            raise ValueError("another lighting needs albedo and normals")
        factors = list(_brightening(planes, albedo, normals.permute(0, 3, 1, 2).contiguous(), lighting))
    result = torch.empty_like(planes)
    for channel, factor in enumerate(factors):
        if albedo_scale is not None:
            scale = albedo_scale[..., min(channel, albedo_scale.shape[-1] - 1)]
            factor = scale if factor is None else factor.mul_(scale)
        torch.mul(planes[:, channel], factor, out=result[:, channel])
    return result.permute(0, 2, 3, 1)


def _brightening(
    radiance: torch.Tensor, albedo: torch.Tensor, normals: torch.Tensor, lighting: Lighting
) -> list[torch.Tensor]:
    """New light over old light on every pixel ``[N, H, W]``, for red, green and blue.

    Radiance and normals are ``[N, 3, H, W]`` here.
    """
    x, y, z = normals.unbind(1)
    lambert = (x * LAMP[0]).add_(y, alpha=LAMP[1]).add_(z, alpha=LAMP[2]).clamp_min_(0.0)
    ambient = {  # sky and ground in equal parts at n_z = 0; red and green are alike
        tint: (z * (AMBIENT * (tint[0] - tint[1]) / 2)).add_(AMBIENT * (tint[0] + tint[1]) / 2)
        for tint in dict.fromkeys(_TINTS)
    }
    lost = _in_shadow(radiance, albedo, ambient, lambert).to(lambert.dtype)
    lost.mul_(1.0 - SHADOW_VISIBILITY).mul_(lambert)
    old_key = lambert - lost
    new_key = lambert.sub_(lost.mul_(_per_env(lighting.shadow_strength, lambert)))
    old = {tint: plane + old_key for tint, plane in ambient.items()}
    fill, strength = _fill(x, y, z, lighting), _per_env(lighting.ambient_intensity, lambert)
    for plane in ambient.values():
        plane.mul_(strength)
        if fill is not None:
            plane.add_(fill)
    color = lighting.key_color.to(lambert) * lighting.key_intensity.to(lambert)[:, None]
    return [
        torch.addcmul(ambient[tint], new_key, color[:, channel, None, None]).div_(old[tint])
        for channel, tint in enumerate(_TINTS)
    ]


def _in_shadow(
    radiance: torch.Tensor,
    albedo: torch.Tensor,
    ambient: Mapping[tuple[float, float], torch.Tensor],
    lambert: torch.Tensor,
) -> torch.Tensor:
    """Which pixels ``[N, H, W]`` the lamp does not reach: those darker than if it were half visible."""
    table = decode_table(radiance.device)
    half = {
        tint: torch.add(plane, lambert, alpha=(1 + SHADOW_VISIBILITY) / 2) for tint, plane in ambient.items()
    }
    excess = (radiance[:, 0] + radiance[:, 1]).add_(radiance[:, 2])
    for channel, tint in enumerate(_TINTS):
        reflected = table.index_select(0, albedo[..., channel].int().view(-1)).view(lambert.shape)
        excess.addcmul_(reflected, half[tint], value=-1)
    return excess < 0


def _fill(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor, lighting: Lighting) -> torch.Tensor | None:
    """Light of the second lamp on every pixel ``[N, H, W]``; None if it is off everywhere."""
    if not bool(lighting.fill_intensity.any()):
        return None
    # In double precision, whose last digit may depend on the number of rows without anyone seeing it.
    azimuth, elevation = lighting.fill_direction.double().unbind(-1)
    strength = lighting.fill_intensity.double()
    flat = strength * torch.cos(elevation)
    lamp = (flat * torch.cos(azimuth), flat * torch.sin(azimuth), strength * torch.sin(elevation))
    fx, fy, fz = (_per_env(component, x) for component in lamp)
    return (x * fx).addcmul_(y, fy).addcmul_(z, fz).clamp_min_(0.0)


def _per_env(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return values.to(like)[:, None, None]
