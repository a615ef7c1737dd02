"""Display values and linear light."""

import numpy as np
import pytest
import torch

from tasks.imaging.color import decode, encode, linear_to_srgb, srgb_to_linear

CODES = torch.arange(256, dtype=torch.uint8).repeat(3).view(1, 16, 16, 3)


def test_the_curve_is_that_of_the_standard():
    """IEC 61966-2-1: 18 % grey is 46 % of the display's range, and the ends are the ends."""
    np.testing.assert_allclose(linear_to_srgb(torch.tensor((0.0, 0.18, 1.0))), (0.0, 0.4614, 1.0), atol=1e-4)
    value = torch.linspace(0, 1, 1001, dtype=torch.float64)
    np.testing.assert_allclose(srgb_to_linear(linear_to_srgb(value)), value, atol=1e-7)


def test_an_image_survives_the_way_to_light_and_back():
    assert torch.equal(encode(decode(CODES)), CODES)


def test_light_is_encoded_as_the_renderer_does_it():
    light = torch.rand(2, 50, 50, 3, generator=torch.Generator().manual_seed(0))
    exact = linear_to_srgb(light.double()) * 255
    codes = encode(light).double()
    assert ((codes <= exact + 0.05) & (codes > exact - 1.05)).all()
    assert (codes - exact.floor()).abs().mean() < 0.05


@pytest.mark.parametrize("gamma", [0.6, 1.0, 1.7])
def test_gamma_is_an_exponent_on_the_display_value(gamma):
    light = torch.linspace(0, 1, 3 * 1024).view(1, 32, 32, 3)
    codes = encode(light, torch.tensor([gamma]))
    np.testing.assert_allclose(codes, linear_to_srgb(light) ** gamma * 255, atol=1.1)


def test_every_environment_has_its_own_gamma():
    light = torch.rand(4, 7, 9, 3, generator=torch.Generator().manual_seed(0))
    gammas = torch.tensor((0.5, 1.0, 1.0, 2.0))
    together = encode(light, gammas)
    for i in range(4):
        assert torch.equal(encode(light[i : i + 1], gammas[i : i + 1])[0], together[i])


def test_light_beyond_the_range_is_clipped():
    light = torch.tensor((-0.5, 0.0, 1.0, 40.0)).view(1, 2, 2, 1).expand(-1, -1, -1, 3)
    assert encode(light)[..., 1].flatten().tolist() == [0, 0, 255, 255]
