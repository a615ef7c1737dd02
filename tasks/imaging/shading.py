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
import warp as wp

from tasks.imaging.color import decode_table
from tasks.imaging.kernels import launch, strips
from tasks.imaging.settings import Settings

# Newton 1.x, `newton/_src/sensors/warp_raytrace`: `render.py` (sky, ground, ambient intensity), `lighting.py`
# (`shadow_min_visibility`), `utils.py` (`create_default_light`: light travels along (-1, 1, -1)).
SKY = (0.4, 0.4, 0.45)
GROUND = (0.1, 0.1, 0.12)
AMBIENT = 0.5
SHADOW_VISIBILITY = 0.3
LAMP = (0.57735026, -0.57735026, 0.57735026)
"""Direction from the scene to the lamp, world frame."""
_EVEN = tuple(AMBIENT * (sky + ground) / 2 for sky, ground in zip(SKY, GROUND, strict=True))
"""Ambient light on a surface that stands upright, half sky and half ground; red, green and blue."""
_SLOPE = tuple(AMBIENT * (sky - ground) / 2 for sky, ground in zip(SKY, GROUND, strict=True))
"""What a surface that faces the sky has more."""


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
        albedo_scale: multiplier of the linear albedo ``[N, H, W, 1]``, or None.
        lighting: of the ``N`` environments.
    """
    lit = lighting.active()
    if not bool(lit.any()):
        return radiance if albedo_scale is None else radiance * albedo_scale
    if albedo is None or normals is None:
        raise ValueError("another lighting needs albedo and normals")
    n, height, width, _ = radiance.shape
    threads, strip = strips(height, width, radiance.device)
    # Colour planes one after the other in memory, which blur is faster on; a view of them has the usual shape.
    result = torch.empty(n, 3, height, width, device=radiance.device).permute(0, 2, 3, 1)
    launch(
        _relight,
        radiance,
        albedo,
        normals,
        None if albedo_scale is None else albedo_scale[..., 0],
        decode_table(radiance.device),
        lit.to(radiance.device),
        (lighting.key_color * lighting.key_intensity[:, None]).to(radiance),
        _fill(lighting).to(radiance),
        lighting.ambient_intensity.to(radiance),
        lighting.shadow_strength.to(radiance),
        strip,
        result,
        over=(n, *threads),
        device=radiance.device,
    )
    return result


def _fill(lighting: Lighting) -> torch.Tensor:
    """Direction x strength of the second lamp ``[N, 3]``."""
    # In double precision, whose last digit may depend on the number of rows without anyone seeing it.
    azimuth, elevation = lighting.fill_direction.double().unbind(-1)
    strength = lighting.fill_intensity.double()
    flat = strength * torch.cos(elevation)
    return torch.stack(
        (flat * torch.cos(azimuth), flat * torch.sin(azimuth), strength * torch.sin(elevation)), 1
    )


@wp.kernel(enable_backward=False)
def _relight(
    radiance: wp.array3d[wp.vec3f],
    albedo: wp.array4d[wp.uint8],
    normals: wp.array3d[wp.vec3f],
    albedo_scale: wp.array3d[wp.float32],
    decoded: wp.array[wp.float32],
    lit: wp.array[wp.bool],
    key: wp.array[wp.vec3f],
    fill: wp.array[wp.vec3f],
    ambient_intensity: wp.array[wp.float32],
    shadow_strength: wp.array[wp.float32],
    strip: wp.int32,
    result: wp.array4d[wp.float32],
):
    """New light over old light is a factor on the radiance; so is the texture."""
    env, row, part = wp.tid()
    key_light = key[env]
    fill_light = fill[env]
    sky = ambient_intensity[env]
    strength = shadow_strength[env]
    is_lit = lit[env]
    for column in range(part * strip, wp.min((part + 1) * strip, radiance.shape[2])):
        light = radiance[env, row, column]
        factor = wp.vec3f(1.0)
        if is_lit:
            normal = normals[env, row, column]
            lambert = wp.max(wp.dot(normal, wp.static(wp.vec3f(*LAMP))), 0.0)
            ambient = wp.static(wp.vec3f(*_EVEN)) + normal[2] * wp.static(wp.vec3f(*_SLOPE))
            # In shadow is what is darker than if the lamp were half visible.
            half = wp.vec3f(lambert * wp.static((1.0 + SHADOW_VISIBILITY) / 2.0))
            reflected = wp.vec3f(
                decoded[wp.int32(albedo[env, row, column, 0])],
                decoded[wp.int32(albedo[env, row, column, 1])],
                decoded[wp.int32(albedo[env, row, column, 2])],
            )
            excess = light[0] + light[1] + light[2] - wp.dot(reflected, ambient + half)
            lost = wp.where(excess < 0.0, wp.static(1.0 - SHADOW_VISIBILITY), 0.0)
            old_key = wp.vec3f(lambert * (1.0 - lost))
            new_key = lambert * (1.0 - lost * strength)
            second = wp.vec3f(wp.max(wp.dot(normal, fill_light), 0.0))
            factor = wp.cw_div(ambient * sky + second + new_key * key_light, ambient + old_key)
        if albedo_scale:
            factor = factor * albedo_scale[env, row, column]
        result[env, row, column, 0] = light[0] * factor[0]
        result[env, row, column, 1] = light[1] * factor[1]
        result[env, row, column, 2] = light[2] * factor[2]
