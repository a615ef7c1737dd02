"""What lies in what: by name, and against an independent implementation on meshes."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from tasks.tabletop.body_table import BodyTable
from tasks.tabletop.containment import contained
from tasks.tabletop.workspace import pool
from tests.tasks.mesh_containment import Placed

pytestmark = pytest.mark.usefixtures("one_thread")

SLOTS = pool()
NAMES = list(SLOTS)
TABLE = BodyTable(SLOTS.values())
HOLDERS = [name for name in NAMES if SLOTS[name].is_receptacle]
THINGS = [name for name in NAMES if not SLOTS[name].is_receptacle]
UPRIGHT = Rotation.identity()
ON_SIDE = Rotation.from_euler("y", 90, degrees=True)


def judged(thing, receptacle, pose, holder):
    """Of one object and one receptacle at poses ``[n, 7]`` ``[n]``."""
    n = len(pose)
    poses = torch.zeros(n, len(NAMES), 7)
    poses[..., 6] = 1.0
    poses[:, NAMES.index(thing)], poses[:, NAMES.index(receptacle)] = torch.tensor(pose), torch.tensor(holder)
    active = torch.zeros(n, len(NAMES), dtype=torch.bool)
    active[:, [NAMES.index(thing), NAMES.index(receptacle)]] = True
    inside = contained(TABLE, poses.float(), active)
    there = inside[:, NAMES.index(thing), HOLDERS.index(receptacle)]
    assert int(inside.sum()) == int(there.sum()), "something else is in something"
    return there.numpy()


def standing(name):
    """A receptacle on the table, at the origin."""
    return np.array((0.0, 0.0, SLOTS[name].height / 2, 0, 0, 0, 1))


def laid(thing, receptacle, turn, x=0.0, y=0.0, raised=0.0):
    """An object, turned, its lowest point ``raised`` over the receptacle's floor, its origin at x, y [m]."""
    floor = SLOTS[receptacle].body.support_height
    lowest = (turn.apply(SLOTS[thing].body.vertices * SLOTS[thing].scale))[:, 2].min()
    return np.array((x, y, floor + raised - lowest, *turn.as_quat()))


def is_in(thing, receptacle, turn=UPRIGHT, **where):
    pose = laid(thing, receptacle, turn, **where)
    return bool(judged(thing, receptacle, pose[None], standing(receptacle)[None])[0])


# -- by name


@pytest.mark.parametrize("receptacle", HOLDERS)
@pytest.mark.parametrize("thing", THINGS)
def test_what_lies_on_the_floor_of_a_receptacle_is_in_it(thing, receptacle):
    assert is_in(thing, receptacle)
    assert is_in(thing, receptacle, ON_SIDE)


@pytest.mark.parametrize("receptacle", HOLDERS)
@pytest.mark.parametrize("under", THINGS)
def test_what_is_stacked_on_another_object_is_not(under, receptacle):
    assert not is_in("cone_small", receptacle, raised=SLOTS[under].height)


def test_a_brick_on_the_wall_of_the_tray_is_not_in_it():
    wall = 0.022 - 0.006  # [m] over the floor
    for y in (0.0, 0.03, 0.05, 0.053):
        assert not is_in("brick_large", "tray", y=y, raised=wall), "it lies on the wall's top"
    lean = Rotation.from_euler("x", math.atan2(wall, 0.03), degrees=False)
    assert not is_in("brick_large", "tray", lean, y=0.056), "it lies across the wall, most of it outside"


def test_a_brick_that_stands_in_the_corner_of_the_tray_is_in_it():
    half = 0.038 * 0.9 / 2, 0.04 * 0.9 / 2
    corner = (0.075 - 0.006 - half[1], 0.06 - 0.006 - half[0])
    assert math.hypot(*corner) > 0.06
    assert is_in("brick_small", "tray", ON_SIDE, x=corner[0], y=corner[1])


def test_what_leans_on_the_wall_with_its_end_on_the_floor_is_in_it():
    assert is_in("brick_large", "bowl", Rotation.from_euler("y", 40, degrees=True), x=0.01)


def test_what_hangs_over_the_rim_is_not():
    """Its middle is over the plate, its end on the table beside it."""
    assert not is_in(
        "brick_large", "plate", Rotation.from_euler("y", 30, degrees=True), x=0.06, raised=-0.006
    )


def test_what_is_upside_down_holds_nothing():
    over = np.array((0.0, 0.0, SLOTS["tray"].height / 2, 1, 0, 0, 0))
    pose = laid("cube_small", "tray", UPRIGHT)
    assert not judged("cube_small", "tray", pose[None], over[None])[0]


def test_bodies_that_are_not_in_use_are_in_nothing_and_hold_nothing():
    pose = torch.tensor(np.stack([laid("cube_small", "tray", UPRIGHT)] * len(NAMES)))[None].float()
    pose[0, NAMES.index("tray")] = torch.tensor(standing("tray")).float()
    active = torch.zeros(1, len(NAMES), dtype=torch.bool)
    for used in ("cube_small", "tray"):
        active[:] = False
        active[0, NAMES.index(used)] = True
        assert not contained(TABLE, pose, active).any()
    pose[0, NAMES.index("bowl")] = math.nan
    active[0, NAMES.index("cube_small")] = True
    assert int(contained(TABLE, pose, active).sum()) == 1


# -- against meshes


def placements(thing, receptacle, n, seed):
    """Poses ``[n, 7]`` of an object and a receptacle, any way, most of them where it is close."""
    rng = np.random.default_rng([seed, THINGS.index(thing), HOLDERS.index(receptacle)])
    lean = np.radians(rng.choice((0.0, 10.0, 19.0, 21.0, 60.0), n, p=(0.5, 0.2, 0.1, 0.1, 0.1)))
    lean, way = lean + rng.normal(0, 0.01, n), rng.uniform(0, 2 * np.pi, n)
    at = Rotation.from_rotvec(lean[:, None] * np.stack((np.cos(way), np.sin(way), 0 * way), 1))
    at = at * Rotation.from_euler("z", rng.uniform(-np.pi, np.pi, (n, 1)))
    turn = Rotation.random(n, random_state=rng)
    turn[::2] = Rotation.from_euler("z", rng.uniform(-np.pi, np.pi, (len(turn[::2]), 1)))
    corners = SLOTS[thing].body.vertices * SLOTS[thing].scale
    lowest = np.einsum("nj,pj->np", turn.as_matrix()[:, 2], corners).min(1)
    body, raised = (
        SLOTS[receptacle].body,
        rng.choice((0.0, -0.003, 0.006, 0.02), n) + rng.normal(0, 0.0015, n),
    )
    xy = rng.uniform(-1.25, 1.25, (n, 2)) * body.opening.half_size
    seen = np.column_stack((xy, body.support_height - body.height / 2 + raised - lowest))
    origin = rng.uniform(-0.5, 0.5, (n, 3))
    pose = np.column_stack((origin + at.apply(seen), (at * turn).as_quat()))
    return pose, np.column_stack((origin, at.as_quat()))


@pytest.mark.parametrize("receptacle", HOLDERS)
def test_ten_thousand_random_placements_are_judged_as_their_meshes_say(receptacle):
    """All but those nearer to a border than a facet of the round receptacles' 16-gons, 1.4 mm, which are few."""
    each = math.ceil(10_000 / len(THINGS) / len(HOLDERS))
    doubtful = inside = 0
    for thing in THINGS:
        pose, holder = placements(thing, receptacle, each, seed=5)
        said = judged(thing, receptacle, pose, holder)
        true = Placed(SLOTS[thing].body.name, SLOTS[thing].scale, pose, receptacle, holder)
        wrong = (said != true.inside) & ~true.doubtful
        assert not wrong.any(), (
            f"{thing}: {said[wrong]}, lowest {1e3 * true.lowest[wrong]} mm, tilt {true.tilt[wrong]} degrees"
        )
        doubtful, inside = doubtful + int(true.doubtful.sum()), inside + int(said.sum())
        assert said.any()
    total = each * len(THINGS)
    assert doubtful < 0.05 * total
    assert 0.15 * total < inside < 0.85 * total


def test_rows_are_independent_to_the_last_bit():
    pose, holder = placements("cube_large", "tray", 40, seed=1)
    together = judged("cube_large", "tray", pose, holder)
    alone = [judged("cube_large", "tray", pose[k : k + 1], holder[k : k + 1])[0] for k in range(len(pose))]
    assert together.tolist() == [bool(a) for a in alone]
