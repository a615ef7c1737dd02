"""Cameras: from the world to pixels and back, and whether there is enough to see."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robots.registry import robot
from tasks.camera_spec import CameraSpec
from tasks.cameras import back_project, bounding_box, look_at, project
from tasks.tabletop.workspace import OBJECT_REGION, front_camera, pool, wrist_camera

LEAST_SPAN = 16  # [px] of the longer side of an object at 224 x 224, below which few models find it

coordinate = st.floats(-2, 2)
places = st.tuples(coordinate, coordinate, coordinate)


@st.composite
def cameras(draw):
    """A position and a target below it, far enough from straight down."""
    eye = draw(places)
    away = draw(st.floats(0.3, 2)) * np.exp(1j * draw(st.floats(0, 2 * math.pi)))
    down = draw(st.floats(0.2, 1.5))
    target = (eye[0] + away.real, eye[1] + away.imag, eye[2] - down)
    return [torch.tensor([p], dtype=torch.float64) for p in (eye, target)]


def calibration(focal=400.0, u=160.0, v=120.0):
    return torch.tensor(((focal, 0, u), (0, focal, v), (0, 0, 1)), dtype=torch.float64)


@given(cameras())
def test_a_camera_that_looks_at_something_has_right_handed_orthonormal_axes(camera):
    rotation = look_at(*camera)[0]
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-9)
    assert torch.linalg.det(rotation) == pytest.approx(1.0)


@given(cameras())
def test_what_a_camera_looks_at_is_in_the_middle_of_its_image_and_up_is_up(camera):
    eye, target = camera
    rotation, k = look_at(eye, target), calibration()
    above = target + torch.tensor([[0.0, 0.0, 0.05]], dtype=torch.float64)
    middle, higher = project(torch.stack((target, above), 1), eye, rotation, k)[0]
    np.testing.assert_allclose(middle, (160, 120), atol=1e-6)
    assert higher[1] < middle[1], "a higher point must have a smaller v"
    assert higher[0] == pytest.approx(float(middle[0]), abs=1e-6)


def test_right_in_the_world_is_right_in_the_image():
    eye, target = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[1.0, 0.0, 0.5]])
    right = torch.tensor([[[1.0, -0.1, 0.5]]])  # looking along x, y points to the left
    uv = project(right, eye, look_at(eye, target), calibration().float())[0, 0]
    assert uv[0] > 160


@given(cameras(), st.lists(places, min_size=1, max_size=5))
def test_a_point_is_found_again_from_its_pixel_and_its_height(camera, points):
    eye, target = camera
    rotation, k = look_at(eye, target), calibration()
    world = torch.tensor(points, dtype=torch.float64) * 0.1 + target
    uv = project(world[None], eye, rotation, k)[0]
    seen = ~torch.isnan(uv[:, 0]) & ((eye[:, 2] - world[:, 2]).abs() > 0.05)
    n = int(seen.sum())
    found = back_project(uv[seen], eye.expand(n, 3), rotation.expand(n, 3, 3), k, world[seen, 2])
    np.testing.assert_allclose(found, world[seen], atol=1e-6)


def test_rows_are_projected_by_their_own_cameras():
    torch.manual_seed(0)
    eye, target = torch.rand(4, 3), torch.rand(4, 3) - 2
    points, k = torch.rand(4, 6, 3) - 2, calibration().float()
    rotation = look_at(eye, target)
    together = project(points, eye, rotation, k)
    stacked = project(points, eye, rotation, k.expand(4, 3, 3))
    for i in range(4):
        alone = project(points[i : i + 1], eye[i : i + 1], rotation[i : i + 1], k)[0]
        torch.testing.assert_close(together[i], alone)
        torch.testing.assert_close(stacked[i], alone)


def test_a_point_behind_the_camera_has_no_pixel():
    eye, target = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[1.0, 0.0, 0.5]])
    behind = torch.tensor([[[-1.0, 0.0, 1.5], [0.5, 0.0, 0.75]]])
    uv = project(behind, eye, look_at(eye, target), calibration().float())[0]
    assert uv[0].isnan().all()
    assert uv[1].isfinite().all()


def test_pixels_are_counted_from_the_corner_of_the_image():
    """The renderer's ray of the first pixel goes through (0.5, 0.5), so the middle of the image is half its size."""
    spec = CameraSpec("any", 224, 100, 200.0)
    k = spec.intrinsics()
    assert (k[0, 2], k[1, 2]) == (112.0, 50.0)
    eye, straight = torch.zeros(1, 3), torch.eye(3)[None]
    corner = torch.tensor([[[-112 / 200, -50 / 200, 1.0]]])
    np.testing.assert_allclose(project(corner, eye, straight, k)[0, 0], (0, 0), atol=1e-4)


def test_a_bounding_box_stays_inside_the_image():
    pixels = torch.tensor([[[-5.0, 10.0], [30.0, 90.0]], [[200.0, 300.0], [400.0, 250.0]]])
    np.testing.assert_allclose(bounding_box(pixels, 224, 80), [(0, 10, 30, 80), (200, 80, 224, 80)])


def outline(slot, x, y, yaw, spec):
    """Pixels ``[V, 2]`` of a body that stands on the table, seen by a fixed camera."""
    c, s = math.cos(yaw), math.sin(yaw)
    turn = np.array(((c, -s, 0), (s, c, 0), (0, 0, 1)))
    points = slot.body.visual.vertices * slot.scale @ turn.T + (x, y, slot.height / 2)
    eye, target = torch.tensor([spec.eye]), torch.tensor([spec.target])
    points = torch.tensor(points, dtype=torch.float32)[None]
    return project(points, eye, look_at(eye, target), spec.intrinsics())[0]


PLACES = [
    (x, y) for x in np.linspace(*OBJECT_REGION[0], 5) for y in np.linspace(*OBJECT_REGION[1], 5)
]  # corners and edges included


@pytest.mark.parametrize("name", [name for name, slot in pool().items() if not slot.is_receptacle])
def test_every_object_is_large_enough_to_see_wherever_it_lies(name):
    slot, spec = pool()[name], front_camera()
    assert spec.width == 224
    spans = {}
    for (x, y), yaw in itertools.product(PLACES, np.linspace(0, math.pi, 8, endpoint=False)):
        pixels = outline(slot, x, y, yaw, spec)
        spans[x, y, yaw] = float((pixels.amax(0) - pixels.amin(0)).max())
    worst = min(spans, key=spans.__getitem__)
    assert spans[worst] >= LEAST_SPAN, f"{spans[worst]:.1f} px at x, y, yaw = {worst}"


@pytest.mark.parametrize("name", [name for name, slot in pool().items() if not slot.is_receptacle])
def test_the_front_camera_sees_the_whole_of_every_object_wherever_it_lies(name):
    slot, spec = pool()[name], front_camera()
    for (x, y), yaw in itertools.product(PLACES, np.linspace(0, math.pi, 8, endpoint=False)):
        pixels = outline(slot, x, y, yaw, spec)
        cut = max(-float(pixels.min()), float(pixels.max()) - spec.width)
        assert cut <= 0, f"{cut:.0f} px are cut off at x, y, yaw = {x:.2f}, {y:.2f}, {yaw:.2f}"


@pytest.mark.parametrize("name", [name for name, slot in pool().items() if slot.is_receptacle])
def test_the_front_camera_sees_the_room_in_every_receptacle_wherever_it_lies(name):
    """The outer rim may be cut off at the image's edge; where the middle of the narrowest object may lie may not."""
    slot, spec = pool()[name], front_camera()
    angle = torch.linspace(0, 2 * math.pi, 32)
    things = (s for s in pool().values() if not s.is_receptacle)
    narrowest = min(float(s.body.visual.extents.min()) * s.scale / 2 for s in things)
    rim = (max(slot.body.opening.half_size) - narrowest) * torch.stack(
        (angle.cos(), angle.sin(), 0 * angle), 1
    )
    eye = torch.tensor([spec.eye])
    rotation = look_at(eye, torch.tensor([spec.target]))
    for x, y in PLACES:
        place = torch.tensor((x, y, slot.body.support_height), dtype=torch.float32)
        pixels = project((place + rim)[None], eye, rotation, spec.intrinsics())[0]
        cut = max(-float(pixels.min()), float(pixels.max()) - spec.width)
        assert cut <= 0, f"{cut:.0f} px are cut off at x, y = {x:.2f}, {y:.2f}"


@pytest.mark.parametrize("make", [front_camera, wrist_camera])
def test_a_larger_image_shows_the_same(make):
    small, large = make(224).intrinsics(), make(448).intrinsics()
    np.testing.assert_allclose(large[:2], 2 * small[:2])


def test_the_front_camera_stands_where_its_description_says():
    """1.1 m from the workspace, 35 degrees above it."""
    spec = front_camera()
    offset = np.subtract(spec.eye, spec.target)
    assert np.linalg.norm(offset) == pytest.approx(1.1, abs=0.06)
    assert math.degrees(math.asin(offset[2] / np.linalg.norm(offset))) == pytest.approx(35, abs=1)


def test_the_wrist_camera_has_right_handed_axes_and_looks_past_the_fingers():
    axes = torch.from_numpy(robot().wrist_camera.axes)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-6)
    assert torch.linalg.det(axes) == pytest.approx(1.0, abs=1e-6)
    assert axes[2, 2] > 0.9, "it looks along the hand's z"
    assert axes[0, 2] < 0, "in front of the hand, it tilts back"
