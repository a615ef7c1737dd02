"""The things on the table: solid, graspable, and small enough for what they are put into."""

import itertools

import numpy as np
import pytest
import trimesh
from scipy.spatial import ConvexHull, cKDTree
from shapely import LineString

from robots.franka import PALM_ROOM, PANDA
from tasks.rigid_asset import mass_properties
from tasks.shapes import OBJECTS, RECEPTACLES, objects, receptacles
from tasks.tabletop.workspace import SIZES, pool
from tests.tasks.mesh_containment import FACET, rim_opening

BODIES = objects() | receptacles()
LARGEST = max(SIZES.values())
SPARE = 0.008  # [m] of the open gripper, both sides together
FINGERTIP = 0.009  # [m] that a fingertip reaches below the tool, as in tasks/pick_place/expert.py

every_body = pytest.mark.parametrize("name", BODIES)
every_object = pytest.mark.parametrize("name", objects())
every_grasp = pytest.mark.parametrize(
    ("name", "k"), [(name, k) for name, body in objects().items() for k in range(len(body.grasps))]
)


def chord(body, grasp, height):
    """Ends ``(low, high)`` [m] of the solid on the grasp's closing line at a height above the base; None for air.

    Measured from where the fingers meet, in the direction in which they close.
    """
    start = np.array((*grasp.offset, height - body.height / 2))
    direction = np.array((np.cos(grasp.yaw), np.sin(grasp.yaw), 0.0))
    ends = []
    for part in body.parts:
        planes = ConvexHull(part.vertices).equations  # inside: normal @ x + d <= 0
        speed, gap = planes[:, :3] @ direction, -(planes[:, :3] @ start + planes[:, 3])
        if (gap[np.abs(speed) < 1e-12] < 0).any():
            continue
        low = (gap[speed < -1e-12] / speed[speed < -1e-12]).max()
        high = (gap[speed > 1e-12] / speed[speed > 1e-12]).min()
        if low < high:
            ends.append((low, high))
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None


def test_there_are_enough_kinds_to_choose_from():
    assert len(objects()) >= 8
    assert len(receptacles()) >= 3


def test_names_and_nouns_are_distinct():
    """Two bodies with one noun would make instructions ambiguous."""
    assert len({body.noun for body in BODIES.values()}) == len(BODIES)
    assert all(name == body.name for name, body in BODIES.items())
    assert not any(" " in name for name in BODIES), "scenes write a body as 'colour name'"


@every_body
def test_every_part_is_a_convex_solid(name):
    for i, part in enumerate(BODIES[name].parts):
        assert part.is_watertight, f"part {i} has holes"
        assert part.volume > 0, f"part {i} is inside out"
        assert part.is_convex, f"part {i} is not convex"
        assert part.volume == pytest.approx(part.convex_hull.volume, rel=1e-6)


@every_body
def test_the_origin_is_the_middle_of_the_bounding_box(name):
    np.testing.assert_allclose(BODIES[name].visual.bounds.sum(0), 0, atol=1e-9)


@every_body
def test_collision_parts_and_visible_surface_cover_the_same_space(name):
    body = BODIES[name]
    corners = np.vstack([part.vertices for part in body.parts])
    np.testing.assert_allclose((corners.min(0), corners.max(0)), body.visual.bounds, atol=1e-9)


@every_body
def test_a_body_lies_inside_its_stated_cylinder(name):
    body = BODIES[name]
    corners = np.vstack([part.vertices for part in body.parts])
    assert np.hypot(*corners[:, :2].T).max() <= body.radius + 1e-9
    assert np.ptp(corners[:, 2]) == pytest.approx(body.height)


# -- grasps


def test_every_object_can_be_held_and_no_receptacle_is_meant_to_be():
    assert all(body.grasps for body in objects().values())
    assert not any(body.grasps for body in receptacles().values())


@every_grasp
def test_the_open_gripper_goes_around_the_object_with_room_to_spare(name, k):
    body = objects()[name]
    grasp = body.grasps[k]
    room = PANDA.gripper_max_width - grasp.width * LARGEST
    assert room >= SPARE, f"only {1e3 * room:.1f} mm to spare"
    for height in np.linspace(max(0.0, grasp.height - FINGERTIP), grasp.height, 7):
        low, high = chord(body, grasp, height)
        free = PANDA.gripper_max_width / 2 - LARGEST * max(-low, high)
        assert free >= SPARE / 2, f"a finger has {1e3 * free:.1f} mm at height {height:.3f} m"


@every_grasp
def test_fingers_meet_in_the_middle_of_what_they_hold(name, k):
    body = objects()[name]
    grasp = body.grasps[k]
    low, high = chord(body, grasp, grasp.height)
    assert low + high == pytest.approx(0, abs=2e-3), "one finger touches first and pushes the object aside"


@every_grasp
def test_a_grasps_width_is_the_distance_between_the_contact_faces(name, k):
    """Within 2 mm, at the height of the contact or, where sides lean, somewhere along the fingertip below it."""
    body = objects()[name]
    grasp = body.grasps[k]
    heights = np.linspace(max(1e-6, grasp.height - FINGERTIP), grasp.height, 7)
    widths = [np.ptp(chord(body, grasp, h)) for h in heights]
    assert min(widths) - 2e-3 <= grasp.width <= max(widths) + 2e-3, (
        f"stated {1e3 * grasp.width:.1f} mm, the solid measures "
        f"{1e3 * min(widths):.1f} to {1e3 * max(widths):.1f} mm there"
    )


@every_grasp
def test_a_grasped_body_stays_below_the_palm(name, k):
    body = objects()[name]
    assert (body.height - body.grasps[k].height) * LARGEST < PALM_ROOM - 0.003


@every_grasp
def test_a_grasp_keeps_the_fingertips_off_the_table(name, k):
    assert objects()[name].grasps[k].height * min(SIZES.values()) > FINGERTIP


# -- receptacles


@pytest.mark.parametrize(("thing", "receptacle"), list(itertools.product(objects(), receptacles())))
def test_every_object_fits_into_every_receptacle(thing, receptacle):
    radius, room = objects()[thing].radius * LARGEST, min(receptacles()[receptacle].opening.half_size)
    assert radius < room, f"radius {1e3 * radius:.1f} mm, room {1e3 * room:.1f} mm"


@pytest.mark.parametrize("name", receptacles())
def test_the_supporting_surface_is_where_it_is_said_to_be(name):
    body = receptacles()[name]
    top = 0.0
    for part in body.parts:
        planes = ConvexHull(part.vertices).equations
        rising = planes[:, 2] > 1e-9
        walls = np.abs(planes[:, 2]) <= 1e-9
        if (planes[walls, 3] <= 0).all():  # the vertical through the origin passes this part
            top = max(top, (-planes[rising, 3] / planes[rising, 2]).min() + body.height / 2)
    assert top == pytest.approx(body.support_height, abs=1e-4)


def test_receptacles_have_an_opening_and_objects_have_none():
    assert all(body.opening for body in receptacles().values())
    assert not any(body.opening for body in objects().values())


@pytest.mark.parametrize("name", receptacles())
def test_the_opening_is_what_the_rim_encloses(name):
    """Seen from above, between the inside of the walls' tops; a round one is a 16-gon's circumscribed circle."""
    body = receptacles()[name]
    outline = rim_opening(body)
    way = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    for at in np.stack((np.cos(way), np.sin(way)), 1):
        reach = np.linalg.norm(outline.boundary.intersection(LineString([(0, 0), at])).coords[0])
        low, high = (reach - 1e-6, reach + FACET[name])
        assert body.opening.contains(*at * (low - 1e-5))
        assert not body.opening.contains(*at * (high + 1e-5))


# -- surfaces


@every_object
@pytest.mark.parametrize("spacing", [0.003, 0.01])
def test_points_of_the_surface_lie_on_it_and_cover_it(name, spacing):
    """What one part hides in another is no surface."""
    body = objects()[name]
    points = body.surface(spacing)
    drawn = trimesh.sample.sample_surface(body.visual, 5000, seed=1)[0]
    for part in body.parts if len(body.parts) > 1 else ():
        drawn = drawn[trimesh.proximity.signed_distance(part, drawn) < 1e-6]
    gap = cKDTree(points).query(drawn)[0].max()
    assert gap <= spacing
    assert gap > spacing / 3, "many more points than are needed"
    assert trimesh.proximity.closest_point(body.visual, points[::7])[1].max() < 1e-9
    corners = cKDTree(points).query(body.vertices)[0]
    assert corners.max() < spacing


@every_body
def test_the_lowest_point_of_a_body_is_one_of_its_corners(name):
    body = BODIES[name]
    drawn = trimesh.sample.sample_surface(body.visual, 2000, seed=2)[0]
    for way in np.random.default_rng(0).normal(size=(20, 3)):
        assert (body.vertices @ way).min() <= (drawn @ way).min() + 1e-12


def test_the_pool_holds_each_object_in_each_size_and_each_receptacle_once():
    slots = pool()
    assert len(slots) == len(objects()) * len(SIZES) + len(receptacles())
    for name, slot in slots.items():
        assert slot.name == name
        assert slot.is_receptacle == (slot.body.name in receptacles())
        assert slot.height == pytest.approx(slot.body.visual.extents[2] * slot.scale)


# -- mass


@pytest.mark.parametrize("name", pool())
def test_inertia_is_that_of_something_that_can_exist(name):
    slot = pool()[name]
    mass, centre, inertia = mass_properties(slot.body, slot.scale)
    a, b, c = np.linalg.eigvalsh(inertia)
    assert mass > 0
    assert a > 0
    assert a + b >= c, "the principal moments break the triangle inequality"
    np.testing.assert_allclose(inertia, inertia.T, atol=1e-15)
    corners = slot.body.visual.bounds * slot.scale
    assert (corners[0] < centre).all()
    assert (centre < corners[1]).all()
    assert c < mass * (np.linalg.norm(np.ptp(corners, axis=0)) / 2) ** 2, "more than all mass at the corners"


@pytest.mark.parametrize("scale", SIZES.values())
def test_a_cube_has_the_inertia_of_a_cube(scale):
    mass, centre, inertia = mass_properties(objects()["cube"], scale)
    assert mass == pytest.approx(0.08 * scale**3)
    np.testing.assert_allclose(centre, 0, atol=1e-12)
    np.testing.assert_allclose(inertia, np.eye(3) * mass * (0.05 * scale) ** 2 / 6, atol=1e-12)


@every_body
def test_inertia_grows_with_the_fifth_power_of_the_size(name):
    mass, centre, inertia = mass_properties(BODIES[name], 1.0)
    twice = mass_properties(BODIES[name], 2.0)
    assert twice[0] == pytest.approx(8 * mass)
    np.testing.assert_allclose(twice[1], 2 * centre, atol=1e-9)
    np.testing.assert_allclose(twice[2], 32 * inertia, rtol=1e-9, atol=1e-12)


def test_measuring_a_body_does_not_change_it():
    before = objects()["cross"].parts[0].vertices.copy()
    mass_properties(objects()["cross"], 1.1)
    np.testing.assert_array_equal(objects()["cross"].parts[0].vertices, before)


def test_bodies_are_known_by_their_own_names():
    assert {name: body.name for name, body in {**objects(), **receptacles()}.items()} == {
        name: name for name in (*OBJECTS, *RECEPTACLES)
    }
