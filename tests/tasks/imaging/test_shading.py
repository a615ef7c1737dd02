"""Relighting, against pictures shaded directly in the light that is asked for."""

import importlib.util
import math
from pathlib import Path

import pytest
import torch

from tasks.imaging.color import linear_to_srgb
from tasks.imaging.shading import AMBIENT, GROUND, LAMP, SHADOW_VISIBILITY, SKY, Lighting, relight

N, H, W = 3, 24, 31


class Scene:
    """Matt surfaces of all directions and colours, some in shadow, and a strip of background."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.normals = torch.nn.functional.normalize(torch.randn(N, H, W, 3, generator=generator), dim=-1)
        self.albedo = torch.rand(N, H, W, 3, generator=generator) * 0.95 + 0.05
        self.shadow = torch.rand(N, H, W, generator=generator) < 0.4
        self.normals[:, :2] = 0.0
        self.albedo[:, :2] = 0.0
        self.radiance = self.shade()
        self.radiance[:, :2] = 0.2

    @property
    def codes(self):
        """Albedo as the renderer delivers it."""
        return (linear_to_srgb(self.albedo) * 255).to(torch.uint8)

    def shade(self, key=1.0, color=(1.0, 1.0, 1.0), ambient=1.0, strength=1.0, fill=(0.0, 0.0, 0.0)):
        """Radiance as the renderer would shade it; ``fill`` is direction x intensity of a second lamp."""
        up = (self.normals[..., 2:] + 1) / 2
        sky = AMBIENT * (torch.tensor(SKY) * up + torch.tensor(GROUND) * (1 - up))
        lit = 1 - strength * (1 - SHADOW_VISIBILITY) * self.shadow.float()
        lamp = (self.normals @ torch.tensor(LAMP)).clamp_min(0) * lit
        second = (self.normals @ torch.tensor(fill)).clamp_min(0)
        light = ambient * sky + key * torch.tensor(color) * lamp[..., None] + second[..., None]
        return self.albedo * light

    def relit(self, scale=None, **settings):
        lighting = Lighting.nominal(N)
        for name, value in settings.items():
            getattr(lighting, name)[:] = torch.as_tensor(value)
        return relight(self.radiance, self.codes, self.normals, scale, lighting)


@pytest.fixture(scope="module")
def scene():
    return Scene()


def assert_shaded(relit, expected):
    """Equal on all surfaces but where a pixel is too dark to tell whether it lies in shadow."""
    wrong = ((relit - expected).abs() > 1e-4 + 1e-4 * expected).any(-1)[:, 2:]
    assert wrong.float().mean() < 0.01, f"{wrong.float().mean():.1%} of the surfaces are shaded wrongly"
    assert (relit - expected)[:, 2:].abs().max() < 0.02


def test_nominal_light_leaves_the_image_as_it_is(scene):
    assert scene.relit() is scene.radiance


def test_a_nominal_row_keeps_its_light_bit_for_bit_beside_one_that_changes(scene):
    relit = scene.relit(key_intensity=(1.0, 0.5, 1.0), fill_intensity=(0.0, 0.4, 0.0))
    assert torch.equal(relit[0], scene.radiance[0])
    assert torch.equal(relit[2], scene.radiance[2])
    assert not torch.equal(relit[1], scene.radiance[1])


@pytest.mark.parametrize("key", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("ambient", [0.3, 1.0, 2.0])
def test_lamp_and_sky_change_as_if_rendered_anew(scene, key, ambient):
    relit = scene.relit(key_intensity=key, ambient_intensity=ambient)
    assert_shaded(relit, scene.shade(key=key, ambient=ambient))


def test_the_lamp_has_a_colour(scene):
    color = (1.2, 0.9, 0.6)
    assert_shaded(scene.relit(key_color=color), scene.shade(color=color))


@pytest.mark.parametrize("strength", [0.0, 0.6, 1.2])
def test_shadows_become_weaker_or_darker_and_nothing_else_changes(scene, strength):
    relit = scene.relit(shadow_strength=strength)
    assert_shaded(relit, scene.shade(strength=strength))
    turned_away = (scene.normals @ torch.tensor(LAMP) <= 0) | ~scene.shadow
    torch.testing.assert_close(relit[turned_away], scene.radiance[turned_away])


@pytest.mark.parametrize(("azimuth", "elevation"), [(0.0, 0.0), (2.0, 0.7), (-1.0, -0.5), (0.3, math.pi / 2)])
def test_a_second_lamp_shines_from_where_it_is_put(scene, azimuth, elevation):
    relit = scene.relit(fill_direction=(azimuth, elevation), fill_intensity=0.7)
    flat = math.cos(elevation)
    lamp = [0.7 * c for c in (flat * math.cos(azimuth), flat * math.sin(azimuth), math.sin(elevation))]
    assert_shaded(relit, scene.shade(fill=lamp))


def test_light_adds_up(scene):
    """Lamp alone and everything else alone make the whole."""
    lamp = scene.relit(ambient_intensity=0.0)
    rest = scene.relit(key_intensity=0.0)
    torch.testing.assert_close(lamp + rest, scene.radiance)


def test_the_background_is_as_bright_as_the_sky(scene):
    relit = scene.relit(ambient_intensity=1.5, key_intensity=3.0, fill_intensity=1.0)
    torch.testing.assert_close(relit[:, :2], 1.5 * scene.radiance[:, :2])


@pytest.mark.parametrize("key", [1.0, 0.5])
def test_a_texture_multiplies_the_light(scene, key):
    scale = torch.rand(N, H, W, 1) + 0.5
    torch.testing.assert_close(scene.relit(scale, key_intensity=key), scene.relit(key_intensity=key) * scale)


def test_an_alpha_channel_of_the_albedo_is_ignored(scene):
    lighting = Lighting.nominal(N)
    lighting.key_intensity[:] = 0.5
    four = torch.nn.functional.pad(scene.codes, (0, 1), value=255)
    relit = relight(scene.radiance, four, scene.normals, None, lighting)
    assert torch.equal(relit, scene.relit(key_intensity=0.5))


def test_other_light_without_normals_is_refused(scene):
    lighting = Lighting.nominal(N)
    lighting.key_intensity[:] = 0.5
    with pytest.raises(ValueError, match="normals"):
        relight(scene.radiance, scene.codes, None, None, lighting)


def test_the_renderer_shades_as_is_assumed_here():
    """The constants are the renderer's; a version that changes them must be noticed."""
    spec = importlib.util.find_spec("newton")
    if spec is None or spec.origin is None:
        pytest.skip("Newton is not installed")
    folder = Path(spec.origin).parent / "_src" / "sensors" / "warp_raytrace"
    render, lighting, utils = (
        (folder / f"{name}.py").read_text() for name in ("render", "lighting", "utils")
    )
    assert f"sky = wp.vec3f{SKY}" in render
    assert f"ground = wp.vec3f{GROUND}" in render
    assert f"ambient_intensity = {AMBIENT}" in render
    assert "hemispheric = 0.5 * (wp.dot(n, up) + 1.0)" in render
    assert f"shadow_min_visibility = wp.float32({SHADOW_VISIBILITY})" in lighting
    assert "return ndotl * attenuation * visible" in lighting
    assert f"wp.vec3f({-LAMP[0]}, {-LAMP[1]}, {-LAMP[2]})" in utils
