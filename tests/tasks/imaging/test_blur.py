"""Blur spreads a point as far as it says."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.imaging.blur import defocus, motion_blur

SIZE = 41


def point():
    image = torch.zeros(1, SIZE, SIZE, 3)
    image[0, SIZE // 2, SIZE // 2] = 1.0
    return image


def moments(image, angle=0.0):
    """Total, mean, and variance along the angle and across it, of a blurred point."""
    offset = torch.arange(SIZE, dtype=torch.float64) - SIZE // 2
    mass = image[0, :, :, 0].double()
    along = offset[None, :] * math.cos(angle) + offset[:, None] * math.sin(angle)
    across = offset[:, None] * math.cos(angle) - offset[None, :] * math.sin(angle)
    total = mass.sum()
    return [
        float(v) for v in (total, (mass * along).sum(), (mass * along**2).sum(), (mass * across**2).sum())
    ]


@settings(max_examples=40, deadline=None)
@given(st.floats(0.2, 16.0), st.floats(-4.0, 4.0))
def test_motion_spreads_a_point_evenly_over_its_length(length, angle):
    total, mean, along, across = moments(
        motion_blur(point(), torch.tensor([length]), torch.tensor([angle])), angle
    )
    assert total == pytest.approx(1.0, abs=1e-5)
    assert mean == pytest.approx(0.0, abs=1e-5)
    assert along == pytest.approx(length**2 / 12, rel=0.02, abs=2e-3), (
        "a line of length L has variance L^2 / 12"
    )
    assert across < 0.27, "across the line there is no more than the blur of interpolation"


def test_motion_to_the_right_and_motion_down_are_what_they_say():
    right, down = (motion_blur(point(), torch.tensor([9.0]), torch.tensor([a])) for a in (0.0, math.pi / 2))
    assert int((right[0, :, :, 0] > 1e-5).any(1).sum()) == 1
    assert int((down[0, :, :, 0] > 1e-5).any(0).sum()) == 1
    assert torch.allclose(right, down.transpose(1, 2), atol=1e-6)


def test_motion_at_45_degrees_goes_down_to_the_right():
    image = motion_blur(point(), torch.tensor([9.0]), torch.tensor([math.pi / 4]))[0, :, :, 0]
    c = SIZE // 2
    assert image[c + 2, c + 2] > 0.05
    assert image[c + 2, c - 2] < 1e-6


@settings(max_examples=20, deadline=None)
@given(st.floats(0.15, 3.5))
def test_defocus_has_the_standard_deviation_asked_for(sigma):
    total, mean, along, across = moments(defocus(point(), torch.tensor([sigma])))
    assert total == pytest.approx(1.0, abs=1e-5)
    assert mean == pytest.approx(0.0, abs=1e-5)
    assert along == pytest.approx(sigma**2, rel=0.04, abs=0.005)
    assert across == pytest.approx(along, rel=1e-4)


@pytest.mark.parametrize("blur", [lambda x: defocus(x, torch.full((2,), 1.7)),
                                  lambda x: motion_blur(x, torch.full((2,), 7.3), torch.full((2,), 0.4))])  # fmt: skip
def test_an_even_surface_stays_even_up_to_the_border(blur):
    even = torch.full((2, 20, 30, 3), 0.37)
    torch.testing.assert_close(blur(even), even)


def test_without_blur_the_image_is_returned_as_it_is():
    image, zero = torch.rand(2, 5, 5, 3), torch.zeros(2)
    assert defocus(image, zero) is image
    assert motion_blur(image, zero, torch.ones(2)) is image


def test_an_environment_does_not_depend_on_its_neighbours():
    image = torch.rand(5, 23, 37, 3, generator=torch.Generator().manual_seed(0))
    sigma, length = torch.tensor((0.0, 0.4, 1.1, 2.5, 0.0)), torch.tensor((5.0, 0.0, 0.7, 11.0, 3.0))
    angle = torch.tensor((0.0, 1.0, 2.0, 3.0, 4.0))
    out_of_focus, moved = defocus(image, sigma), motion_blur(image, length, angle)
    for i in range(5):
        row = slice(i, i + 1)
        assert torch.equal(defocus(image[row], sigma[row])[0], out_of_focus[i])
        assert torch.equal(motion_blur(image[row], length[row], angle[row])[0], moved[i])
    assert torch.equal(out_of_focus[0], image[0])
    assert torch.equal(moved[1], image[1])
