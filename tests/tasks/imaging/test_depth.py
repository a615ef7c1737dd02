"""What a depth camera gets wrong, and that it never makes up a depth."""

import pytest
import torch
from scipy import ndimage

from tasks.imaging.depth import flying_pixels, holes, noise, quantisation, scale

H, W = 90, 120


def image(n=1):
    """Depth from 0.5 to 2.5 m, with a patch that is unknown and one that is infinitely far."""
    depth = torch.linspace(0.5, 2.5, W).repeat(n, H, 1)
    depth[:, 10:30, 40:60] = 0.0
    depth[:, 50:60, 40:60] = torch.inf
    return depth


def errors(depth, seed=0):
    """Everything at once."""
    one = torch.ones(len(depth))
    own = list(range(seed, seed + len(depth)))
    return holes(quantisation(noise(depth, 0.5 * one, own), 0.01 * one), 0.1 * one, own)


def test_what_is_unknown_stays_unknown_and_what_is_far_stays_far():
    out = errors(image())[0]
    assert (out[10:30, 40:60] == 0).all()
    far = out[50:60, 40:60]
    assert ((far == torch.inf) | (far == 0)).all()
    assert not out.isnan().any()
    assert (out >= 0).all()


def test_noise_and_steps_leave_every_known_depth_known():
    near = torch.full((1, H, W), 0.02)
    noisy = noise(near, torch.tensor([200.0]), [0])
    assert (quantisation(noisy, torch.tensor([0.5])) > 0).all()


def test_noise_grows_with_the_square_of_the_distance():
    for z in (0.5, 1.0, 3.0):
        even = torch.full((1, H, W), z)
        measured = noise(even, torch.tensor([0.004]), [1])
        assert measured.std() == pytest.approx(0.004 * z * z, rel=0.03)
        assert measured.mean() == pytest.approx(z, abs=0.0003 * z * z)


def test_depth_is_rounded_to_steps():
    out = quantisation(image(), torch.tensor([0.03]))
    known = (image() > 0) & image().isfinite()
    steps = out[known] / 0.03
    torch.testing.assert_close(steps, steps.round(), atol=1e-4, rtol=0)
    assert (out[known] - image()[known]).abs().max() <= 0.015 + 1e-6


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_share_of_holes_is_the_one_asked_for(share):
    out = holes(torch.ones(1, H, W), torch.tensor([share]), [2])
    assert (out == 0).double().mean() == pytest.approx(share, abs=1e-3)


def test_holes_are_blobs_of_a_few_pixels():
    out = holes(torch.ones(1, H, W), torch.tensor([0.05]), [2])
    _, count = ndimage.label(out[0].numpy() == 0)
    mean_area = float((out == 0).sum()) / count
    assert 3 < mean_area < 30, f"{mean_area:.1f} px on average"


def test_without_errors_the_image_is_returned_as_it_is():
    depth, zero = image(2), torch.zeros(2)
    assert noise(depth, zero, None) is depth
    assert quantisation(depth, zero) is depth
    assert holes(depth, zero, None) is depth


def test_an_environment_does_not_depend_on_its_neighbours():
    depth = image(3)
    together = errors(depth, seed=4)
    for i in range(3):
        assert torch.equal(errors(depth[i : i + 1], seed=4 + i)[0], together[i])


def step_edge():
    """Half a metre on the left, a metre on the right."""
    depth = torch.full((1, H, W), 0.5)
    depth[:, :, 60:] = 1.0
    return depth


@pytest.mark.parametrize("reach", [1, 2, 4])
def test_pixels_beside_an_edge_lie_between_its_sides_and_others_stay(reach):
    out = flying_pixels(step_edge(), torch.tensor([reach]))[0]
    mixed = (out > 0.5 + 1e-6) & (out < 1.0 - 1e-6)
    assert mixed.any(0).nonzero()[:, 0].tolist() == list(range(60 - reach, 60 + reach))
    assert torch.equal(out[~mixed], step_edge()[0][~mixed])


def test_a_slope_is_no_edge():
    slope = torch.linspace(0.5, 0.6, W).repeat(1, H, 1)
    assert torch.equal(flying_pixels(slope, torch.tensor([2])), slope)


def test_nothing_is_mixed_with_what_is_unknown_or_endlessly_far():
    out = flying_pixels(image(), torch.tensor([3]))
    assert torch.equal(out, image())


def test_a_scale_error_is_one_of_all_depths():
    out = scale(image(), torch.tensor([0.02]))
    known = (image() > 0) & image().isfinite()
    torch.testing.assert_close(out[known], 1.02 * image()[known])
    assert torch.equal(out[~known], image()[~known])
