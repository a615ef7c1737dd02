"""Drawn scenes: valid, and such that the instruction must be read to its end."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.episode import EpisodeSpec
from tasks.pick_place.task import TASK
from tasks.shapes import objects, receptacles
from tasks.tabletop.composition import (
    MAX_DISTRACTORS,
    draw_distractors,
    draw_other_receptacle,
    draw_poses,
    placed_names,
    random_scene,
)
from tasks.tabletop.scene import COLORS
from tasks.tabletop.workspace import CLEARANCE, OBJECT_REGION, SIZES, pool

SEEDS = 300
SLOTS = pool()

generators = st.integers(0, 2**32).map(np.random.default_rng)
targets = st.tuples(*(st.sampled_from(list(choice)) for choice in (objects(), SIZES, COLORS)))


@pytest.fixture(scope="module")
def scenes():
    return [random_scene(EpisodeSpec("pick_place", i, 1)) for i in range(SEEDS)]


def noun(placement):
    return SLOTS[placement.slot].body.noun


def test_drawn_scenes_are_valid(scenes):
    """Building a scene checks it; this says so of the description and of the count as well."""
    for scene in scenes:
        assert scene.problems(SLOTS) == []
        things = [p for p in scene.distractors if not SLOTS[p.slot].is_receptacle]
        assert 2 <= len(things) <= MAX_DISTRACTORS
        assert len(scene.distractors) - len(things) <= 1, "more than one second receptacle"


def test_the_instruction_fits_exactly_one_object_and_one_receptacle(scenes):
    for scene in scenes:
        words = [p.describe(SLOTS) for p in scene.placements]
        named = [w for w in words if f"the {w} " in f"{scene.instruction} "]
        assert sorted(named) == sorted(words[:2]), f"{scene.instruction}: {words}"


def test_neither_the_colour_nor_the_shape_alone_finds_the_target(scenes):
    for scene in scenes:
        first, second = scene.distractors[:2]
        assert first.color == scene.target.color, scene
        assert noun(first) != noun(scene.target), scene
        assert noun(second) == noun(scene.target), scene
        assert second.color != scene.target.color, scene


def test_further_distractors_share_neither(scenes):
    for scene in scenes:
        for p in scene.distractors[2:]:
            if not SLOTS[p.slot].is_receptacle:
                assert p.color != scene.target.color
                assert noun(p) != noun(scene.target)


def test_over_many_scenes_everything_occurs(scenes):
    assert {s.target.color for s in scenes} == set(COLORS)
    assert {s.target.slot for s in scenes} == {name for name, slot in SLOTS.items() if not slot.is_receptacle}
    assert {s.receptacle.slot for s in scenes} == set(receptacles())
    counts = Counter(sum(SLOTS[p.slot].is_receptacle for p in s.distractors) for s in scenes)
    assert 0.4 < counts[1] / SEEDS < 0.6, "a second receptacle stands there half of the time"  # 3.5 sigma


def test_bodies_stand_all_over_the_region_and_in_every_direction(scenes):
    (x0, x1), (y0, y1) = OBJECT_REGION
    spread = np.array(
        [
            ((p.x - x0) / (x1 - x0), (p.y - y0) / (y1 - y0), p.yaw / np.pi)
            for s in scenes
            for p in s.placements
        ]
    )
    assert (spread.min(0) < (0.05, 0.05, -0.95)).all()
    assert (spread.max(0) > (0.95, 0.95, 0.95)).all()


def test_a_scene_is_drawn_again_the_same(scenes):
    assert random_scene(EpisodeSpec("pick_place", 7, 1)) == scenes[7]
    assert random_scene(EpisodeSpec("pick_place", 7, 2)) != scenes[7]


@given(st.integers(0, 2**32), targets)
@settings(max_examples=60)
def test_fewer_distractors_are_the_first_of_more(seed, target):
    """The number of distractors is a factor of its own: it must not change which they are."""
    drawn = [draw_distractors(np.random.default_rng(seed), *target, n) for n in range(MAX_DISTRACTORS + 1)]
    assert [len(d) for d in drawn] == list(range(MAX_DISTRACTORS + 1))
    for fewer in drawn:
        assert fewer == drawn[-1][: len(fewer)]


@given(generators, targets)
@settings(max_examples=100)
def test_distractors_are_different_bodies_and_none_is_the_target(rng, target):
    shape, size, _ = target
    slots = [name.split(" ")[1] for name in draw_distractors(rng, *target, MAX_DISTRACTORS)]
    assert len({*slots, f"{shape}_{size}"}) == MAX_DISTRACTORS + 1
    assert set(slots) <= set(SLOTS)


@given(generators, st.sampled_from(list(receptacles())), st.sampled_from(list(COLORS)))
@settings(max_examples=100)
def test_a_second_receptacle_is_of_another_kind(rng, kind, color):
    other = draw_other_receptacle(rng, kind, color)
    assert other == "none" or other.split(" ")[1] in set(receptacles()) - {kind}


def test_a_second_receptacle_shares_the_colour_half_of_the_time():
    drawn = [draw_other_receptacle(np.random.default_rng(i), "bowl", "red") for i in range(1000)]
    shown = [d for d in drawn if d != "none"]
    assert 0.43 < sum(d.startswith("red ") for d in shown) / len(shown) < 0.57  # 3 sigma


@given(generators, st.lists(st.sampled_from(list(SLOTS)), min_size=1, max_size=7, unique=True))
@settings(max_examples=60, deadline=None)
def test_poses_are_apart_and_inside_whatever_is_placed(rng, slots):
    poses = np.reshape(draw_poses(rng, slots), (-1, 3))
    (x0, x1), (y0, y1) = OBJECT_REGION
    assert ((poses[:, 0] >= x0) & (poses[:, 0] <= x1) & (poses[:, 1] >= y0) & (poses[:, 1] <= y1)).all()
    for i, p in enumerate(poses):
        for j, q in enumerate(poses[:i]):
            gap = np.hypot(*(p - q)[:2]) - SLOTS[slots[i]].radius - SLOTS[slots[j]].radius
            assert gap >= CLEARANCE - 1e-9, f"{slots[i]} and {slots[j]} are {gap:.3f} m apart"


def test_a_table_too_full_is_an_error_and_not_an_endless_search(monkeypatch):
    monkeypatch.setattr("tasks.tabletop.composition._TRIES", 3)
    with pytest.raises(RuntimeError, match="no room on the table for bowl"):
        draw_poses(np.random.default_rng(0), ["bowl"] * 12)


def test_values_are_placed_in_the_order_of_the_poses():
    values = {
        "scene.target_color": "red",
        "scene.target_shape": "cube",
        "scene.target_size": "small",
        "scene.receptacle_color": "blue",
        "scene.receptacle": "bowl",
        "scene.distractors": ["green cone_small"],
        "scene.other_receptacle": "red plate",
        "scene.poses": [0.35, -0.18, 0.1, 0.62, 0.1, 0.2, 0.36, 0.15, 0.3, 0.62, -0.1, 0.4],
    }
    assert placed_names(values) == ["red cube_small", "blue bowl", "green cone_small", "red plate"]
    placed = [(p.color, p.slot, p.x, p.y, p.yaw) for p in TASK.compose(values).placements]
    assert placed == [
        ("red", "cube_small", 0.35, -0.18, 0.1),
        ("blue", "bowl", 0.62, 0.1, 0.2),
        ("green", "cone_small", 0.36, 0.15, 0.3),
        ("red", "plate", 0.62, -0.1, 0.4),
    ]
