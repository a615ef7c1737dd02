"""The sensor: gains, noise and compression."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from tasks.imaging.sensor import JPEG_OFF, Sensor, expose, jpeg, standard_normal

CPU = torch.device("cpu")


def sensors(n, **values):
    """Cameras that are nominal but for some settings."""
    settings = Sensor.nominal(n)
    for name, value in values.items():
        getattr(settings, name)[:] = torch.as_tensor(value)
    return settings


def test_exposure_and_white_balance_are_gains_of_light():
    light = torch.rand(2, 4, 5, 3)
    out = expose(light, sensors(2, exposure=(2.0, 0.5), white_balance=((1.0, 1.0), (1.2, 0.8))))
    torch.testing.assert_close(out[0], light[0] * 2)
    torch.testing.assert_close(out[1], light[1] * torch.tensor((0.6, 0.5, 0.4)))


def test_what_is_nominal_costs_nothing():
    light, codes = torch.rand(2, 4, 5, 3), torch.zeros(2, 4, 5, 3, dtype=torch.uint8)
    assert expose(light, sensors(2)) is light
    assert jpeg(codes, torch.tensor((JPEG_OFF, 200))) is codes


@pytest.mark.parametrize("light", [0.0, 0.1, 0.9])
@pytest.mark.parametrize(("shot", "read"), [(0.05, 0.0), (0.0, 0.02), (0.04, 0.03)])
def test_the_variance_of_noise_is_that_of_reading_plus_that_of_photons(light, shot, read):
    even = torch.full((1, 150, 150, 3), light)
    noise = expose(even, sensors(1, shot_noise=shot, read_noise=read), [0]) - even
    expected = read**2 + shot**2 * light
    assert noise.mean() == pytest.approx(0.0, abs=4 * (expected / noise.numel()) ** 0.5 + 1e-9)
    assert noise.var() == pytest.approx(expected, rel=0.03, abs=1e-12)


def test_noise_is_normal_and_white():
    z = standard_normal([1], [0], (200, 201), CPU)[0].double()
    assert z.mean() == pytest.approx(0.0, abs=0.02)
    assert z.var() == pytest.approx(1.0, abs=0.03)
    assert (z**4).mean() == pytest.approx(3.0, abs=0.15)
    assert (z.abs() > 2).double().mean() == pytest.approx(0.0455, abs=0.004)
    for neighbour in (z[:, 1:] * z[:, :-1], z[1:] * z[:-1], z[:, 4:] * z[:, :-4]):
        assert neighbour.mean() == pytest.approx(0.0, abs=0.02)


def test_noise_comes_from_the_environments_own_seed_alone():
    light = torch.rand(4, 9, 7, 3, generator=torch.Generator().manual_seed(0))
    noisy = sensors(4, shot_noise=(0.1, 0.0, 0.05, 0.0), read_noise=(0.0, 0.0, 0.01, 0.02))
    together = expose(light, noisy, [5, 6, 7, 8])
    for i, seed in enumerate((5, 6, 7, 8)):
        assert torch.equal(expose(light[i : i + 1], noisy.rows([i]), [seed])[0], together[i])
    assert torch.equal(together[1], light[1])


def test_neither_colours_nor_neighbours_nor_seeds_share_their_noise():
    noise = expose(torch.zeros(2, 100, 100, 3), sensors(2, read_noise=1.0), [3, 4])
    pairs = {
        "colours": (noise[..., 0], noise[..., 1]),
        "columns": (noise[:, :, 1:], noise[:, :, :-1]),
        "rows": (noise[:, 1:], noise[:, :-1]),
        "seeds": (noise[0], noise[1]),
    }
    for name, (a, b) in pairs.items():
        assert abs(np.corrcoef(a.flatten(), b.flatten())[0, 1]) < 0.03, name


def test_noise_without_seeds_is_refused():
    with pytest.raises(ValueError, match="seeds"):
        expose(torch.zeros(1, 2, 2, 3), sensors(1, shot_noise=1.0))


def scene(n=1):
    """Smooth shades, edges and some grain."""
    generator = torch.Generator().manual_seed(2)
    v, u = torch.meshgrid(torch.linspace(0, 6, 64), torch.linspace(0, 6, 80), indexing="ij")
    image = torch.stack((u.sin(), v.cos(), (u * v).sin()), -1) * 80 + 128
    image[20:40, 30:50] = torch.tensor((200.0, 30.0, 30.0))
    return (image + torch.randn(n, 64, 80, 3, generator=generator) * 4).clamp(0, 255).to(torch.uint8)


def test_better_compression_is_closer_to_the_image():
    image = scene()
    errors = [
        (jpeg(image, torch.tensor([q])).double() - image).square().mean().item() for q in (5, 20, 50, 80, 95)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 4 * errors[-1] > 0


def test_compression_is_that_of_a_jpeg_file_of_this_quality():
    image = scene()
    packed = io.BytesIO()
    Image.fromarray(image[0].numpy()).save(packed, "JPEG", quality=35, subsampling="4:2:0")
    np.testing.assert_array_equal(jpeg(image, torch.tensor([35]))[0], np.array(Image.open(packed)))


def test_only_those_environments_are_compressed_that_ask_for_it():
    image = scene(3)
    before = image.clone()
    out = jpeg(image, torch.tensor((10, 100, 60)))
    assert torch.equal(out[1], image[1])
    assert torch.equal(out[2], jpeg(image[2:], torch.tensor([60]))[0])
    assert not torch.equal(out[0], image[0])
    assert torch.equal(image, before), "the input must stay as it is"
