"""Lenses: what the image shows is where the calibration says, to a tenth of a pixel."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tasks.cameras import look_at, project
from tasks.imaging.lens import (
    Lens,
    calibration,
    distort,
    overscan_needed,
    project_distorted,
    resample,
    source_pixels,
    undistort,
)

SIZE, FOCAL = 128, 120.0
NOMINAL_K = torch.tensor(((FOCAL, 0.0, SIZE / 2), (0.0, FOCAL, SIZE / 2), (0.0, 0.0, 1.0)))
DOT = 1.5  # [px] standard deviation of a painted dot

distortions = st.floats(-0.3, 0.3)
coordinates = st.floats(-1.0, 1.0)


def lens(n=1, focal_scale=1.0, shift=(0.0, 0.0), k1=0.0):
    held = Lens.nominal(n)
    held.focal_scale[:] = torch.as_tensor(focal_scale)
    held.shift[:] = torch.as_tensor(shift)
    held.k1[:] = torch.as_tensor(k1)
    return held


def overscanned(overscan):
    k = NOMINAL_K.clone()
    k[(0, 1), (0, 1)] /= overscan
    return k


@given(distortions, coordinates, coordinates)
def test_undistorting_a_distorted_point_gives_it_back(k1, x, y):
    point, k1 = torch.tensor([[[x, y]]], dtype=torch.float64), torch.tensor([k1], dtype=torch.float64)
    assume(abs(1 + 3 * k1 * (x * x + y * y)) > 0.01)  # where the map folds, there is no telling
    np.testing.assert_allclose(undistort(distort(point, k1), k1), point, atol=1e-9)


@given(distortions, st.floats(-0.45, 0.45), st.floats(-0.45, 0.45))
def test_single_precision_is_good_for_a_millionth(k1, x, y):
    point, k1 = torch.tensor([[[x, y]]]), torch.tensor([k1])
    np.testing.assert_allclose(undistort(distort(point, k1), k1), point, atol=1e-6)


@given(st.floats(-2.0, 2.0), st.floats(0.0, 5.0), st.floats(0.001, 5.0))
def test_what_is_farther_from_the_axis_appears_farther_from_it(k1, radius, more):
    """So nothing far outside reappears in the image, however strong the barrel."""
    points = torch.tensor([[[radius, 0.0], [radius + more, 0.0]]], dtype=torch.float64)
    near, far = distort(points, torch.tensor([k1], dtype=torch.float64))[0, :, 0]
    assert far > near


def test_a_barrel_draws_points_inward_and_a_pincushion_pushes_them_out():
    point = torch.tensor([[[0.5, 0.0]], [[0.5, 0.0]]])
    barrel, pincushion = distort(point, torch.tensor([-0.2, 0.2]))[:, 0, 0]
    assert (barrel, pincushion) == (pytest.approx(0.5 - 0.2 * 0.125), pytest.approx(0.5 + 0.2 * 0.125))


def test_calibration_scales_the_focal_length_and_shifts_the_principal_point():
    k = calibration(NOMINAL_K, lens(2, focal_scale=(1.0, 1.1), shift=((0.0, 0.0), (3.0, -2.0))))
    torch.testing.assert_close(k[0], NOMINAL_K)
    assert k[1, 0, 0] == k[1, 1, 1] == pytest.approx(FOCAL * 1.1)
    assert k[1, :2, 2].tolist() == [SIZE / 2 + 3, SIZE / 2 - 2]


def test_without_distortion_points_are_where_a_pinhole_camera_has_them():
    torch.manual_seed(0)
    eye, points = torch.rand(3, 3), torch.rand(3, 20, 3) - 2
    rotation, k = look_at(eye, torch.rand(3, 3) - 2), calibration(NOMINAL_K, lens(3))
    seen = project_distorted(points, eye, rotation, k, torch.zeros(3))
    torch.testing.assert_close(seen, project(points, eye, rotation, k), equal_nan=True, atol=1e-3, rtol=1e-5)
    one_for_all = project_distorted(points, eye, rotation, NOMINAL_K, torch.zeros(3))
    torch.testing.assert_close(one_for_all, seen, equal_nan=True)


def test_a_point_behind_the_camera_has_no_pixel():
    points = torch.tensor([[[0.1, 0.0, -1.0], [0.1, 0.0, 1.0]]])
    seen = project_distorted(points, torch.zeros(1, 3), torch.eye(3)[None], NOMINAL_K, torch.tensor([-0.1]))[
        0
    ]
    assert seen[0].isnan().all()
    assert seen[1].isfinite().all()


def painted(pixels):
    """An image ``[SIZE, SIZE, D]`` for each dot ``[D, 2]``."""
    centre = torch.arange(SIZE, dtype=torch.float64) + 0.5
    across = torch.exp(-((centre[None] - pixels[:, :1]) ** 2) / (2 * DOT**2))
    down = torch.exp(-((centre[None] - pixels[:, 1:]) ** 2) / (2 * DOT**2))
    return torch.einsum("dy,dx->yxd", down, across).float()


def centroids(image):
    """``[D, 2]`` of images ``[SIZE, SIZE, D]``."""
    centre = torch.arange(SIZE, dtype=torch.float64) + 0.5
    image = image.double()
    mass = image.sum((0, 1))
    return (
        torch.stack((torch.einsum("yxd,x->d", image, centre), torch.einsum("yxd,y->d", image, centre)), -1)
        / (mass[:, None])
    )


@settings(max_examples=15, deadline=None)
@given(
    st.floats(0.85, 1.15),
    st.tuples(st.floats(-8, 8), st.floats(-8, 8)),
    st.floats(-0.12, 0.25),
    st.floats(0.0, 6.0),
)
def test_points_in_space_are_found_in_the_image_where_the_lens_projects_them(focal_scale, shift, k1, turn):
    """Dots painted where an ideal camera sees points, then seen through the lens, are where its calibration says."""
    overscan = overscan_needed(0.85, 8.0, -0.12, 0.25, SIZE, FOCAL)
    rendered_k, one = overscanned(overscan), lens(1, focal_scale, shift, k1)
    eye = torch.tensor([[1.2 * math.cos(turn), 1.2 * math.sin(turn), 0.9]], dtype=torch.float64)
    rotation = look_at(eye, torch.tensor([[0.05, 0.0, 0.0]], dtype=torch.float64))
    grid = torch.linspace(-0.45, 0.45, 5, dtype=torch.float64)
    x, y = torch.meshgrid(grid, grid, indexing="ij")
    points = torch.stack((x.reshape(-1), y.reshape(-1), 0.2 * x.reshape(-1) * y.reshape(-1)), -1)[None]

    dots = painted(project(points, eye, rotation, rendered_k.double())[0])
    image = resample(dots[None], source_pixels(one, NOMINAL_K, rendered_k, (SIZE, SIZE)))[0]
    expected = project_distorted(
        points, eye, rotation, calibration(NOMINAL_K, one).double(), one.k1.double()
    )[0]

    whole = ((expected > 9) & (expected < SIZE - 9)).all(-1)
    assert int(whole.sum()) >= 8, "the pattern must be in the image"
    error = (centroids(image[..., whole]) - expected[whole]).norm(dim=-1)
    assert error.max() < 0.1, f"{error.max():.3f} px off"


def test_looking_at_every_pixel_in_its_middle_changes_nothing():
    torch.manual_seed(0)
    image = torch.rand(1, 12, 20, 3)
    v, u = torch.meshgrid(torch.arange(12) + 0.5, torch.arange(20) + 0.5, indexing="ij")
    centres = torch.stack((u, v), -1)[None]
    torch.testing.assert_close(resample(image, centres), image, atol=2e-6, rtol=0)
    halfway = resample(image, centres + torch.tensor((0.5, 0.0)))[0, :, :-1]
    torch.testing.assert_close(halfway, (image[0, :, :-1] + image[0, :, 1:]) / 2, atol=2e-6, rtol=0)


def test_labels_are_looked_up_unmixed_whatever_their_type():
    labels = torch.tensor([[[2**40, 2**40 + 1], [7, -1]]])[..., None]
    places = torch.tensor([[[[0.99, 0.5], [1.01, 0.5]], [[0.5, 1.5], [5.0, 9.0]]]])
    assert resample(labels, places, "nearest")[..., 0].tolist() == [[[2**40, 2**40 + 1], [7, -1]]]
    with pytest.raises(ValueError, match="cubic"):
        resample(labels, places, "cubic")


def test_a_nominal_lens_looks_at_the_middle_of_the_overscanned_image():
    source = source_pixels(lens(), NOMINAL_K, overscanned(1.25), (SIZE, SIZE))[0]
    low, high = SIZE / 2 - (SIZE / 2 - 0.5) / 1.25, SIZE / 2 + (SIZE / 2 - 0.5) / 1.25
    np.testing.assert_allclose(source[0, 0], (low, low), atol=1e-4)
    np.testing.assert_allclose(source[-1, -1], (high, high), atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    st.floats(0.9, 1.2),
    st.floats(0.0, 3.0),
    st.tuples(st.floats(-0.12, 0.4), st.floats(0.0, 0.4)),
    st.sampled_from((32, 20)),
)
def test_overscan_is_enough_for_every_corner_of_the_ranges_and_no_more(focal_low, shift, k1, height):
    width, focal = 32, 30.0
    ranges = (focal_low, shift, k1[0], k1[0] + k1[1])
    overscan = overscan_needed(*ranges, width, focal, height=height)
    nominal_k = torch.tensor(((focal, 0.0, width / 2), (0.0, focal, height / 2), (0.0, 0.0, 1.0)))
    rendered_k = nominal_k.clone()
    rendered_k[(0, 1), (0, 1)] /= overscan
    corners = [
        (f, (across, down), k)
        for f in (focal_low, focal_low * 1.1)
        for across in (-shift, shift)
        for down in (-shift, shift)
        for k in ranges[2:]
    ]
    all_lenses = lens(len(corners), *(torch.tensor(column) for column in zip(*corners, strict=True)))
    source = source_pixels(all_lenses, nominal_k, rendered_k, (width, height))
    size = torch.tensor((width, height))
    outside = torch.maximum(-source, source - size).amax()
    assert outside <= 0.01, f"a lens looks {outside:.2f} px beyond the rendered image"
    if overscan > 1:
        spare = torch.minimum(source, size - source).amin()
        assert spare < 1.5, f"{spare:.1f} px of the rendered image are never seen"


def test_a_barrel_that_bends_the_image_back_on_itself_is_refused():
    with pytest.raises(ValueError, match="must be above"):
        overscan_needed(1.0, 0.0, -0.5, 0.0, SIZE, 80.0)


def test_an_environment_does_not_depend_on_its_neighbours():
    torch.manual_seed(1)
    lenses = lens(5, torch.rand(5) * 0.2 + 0.9, torch.rand(5, 2) * 8 - 4, torch.rand(5) * 0.3 - 0.15)
    image = torch.rand(5, 33, 47, 3)
    source = source_pixels(lenses, NOMINAL_K, overscanned(1.2), (47, 33))
    together = resample(image, source)
    for i in range(5):
        alone = source_pixels(lenses.rows([i]), NOMINAL_K, overscanned(1.2), (47, 33))
        assert torch.equal(alone[0], source[i])
        assert torch.equal(resample(image[i : i + 1], alone)[0], together[i])
