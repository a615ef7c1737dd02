"""Scenes of pushing: a way to go, and nothing in it."""

from dataclasses import replace

import numpy as np
import pytest

from tasks.episode import EpisodeSpec
from tasks.push.arrangement import BEHIND, draw_poses, in_lane
from tasks.push.judge import APART
from tasks.tabletop.composition import random_scene
from tasks.tabletop.scene import Placement, Scene
from tasks.tabletop.workspace import CLEARANCE, pool

SLOTS = pool()
CUBE = Placement("cube_small", "red", 0.42, -0.05, 0.0)
PLATE = Placement("plate", "blue", 0.62, 0.0, 0.0)


@pytest.fixture(scope="module")
def scenes():
    return [random_scene(EpisodeSpec("push", index, 3)) for index in range(100)]


def test_object_and_landmark_begin_apart(scenes):
    for scene in scenes:
        far = np.hypot(scene.target.x - scene.receptacle.x, scene.target.y - scene.receptacle.y)
        assert far - SLOTS[scene.target.slot].radius - SLOTS[scene.receptacle.slot].radius >= APART


def test_nothing_stands_where_the_object_and_the_hand_behind_it_go(scenes):
    for scene in scenes:
        start = np.array((scene.target.x, scene.target.y))
        end = np.array((scene.receptacle.x, scene.receptacle.y))
        way = (end - start) / np.linalg.norm(end - start)
        radius = SLOTS[scene.target.slot].radius
        lane = np.linspace(start - way * (radius + BEHIND), end, 200)
        for p in scene.distractors:
            gap = np.linalg.norm(lane - (p.x, p.y), axis=1).min() - SLOTS[p.slot].radius - radius
            assert gap > 0, f"{p.slot} is in the way of {scene.instruction}"


def test_a_scene_is_drawn_again_the_same(scenes):
    assert random_scene(EpisodeSpec("push", 7, 3)) == scenes[7]


def test_the_fullest_table_has_room():
    slots = ["l_block_large", "tray", "brick_large", "cross_large", "cube_large", "hexagon_large", "plate"]
    poses = np.reshape(draw_poses(np.random.default_rng(1), slots, CLEARANCE), (-1, 3))
    assert len(poses) == len(slots)


def test_a_landmark_too_near_and_a_body_in_the_way_are_refused():
    near = replace(PLATE, x=0.54)
    with pytest.raises(ValueError, match=r"object and landmark are 0\.0\d\d m apart, less than 0\.06 m"):
        Scene(CUBE, near, task="push")
    between = Placement("cone_small", "green", 0.50, -0.03, 0.0)
    assert in_lane(np.array((0.50, -0.03)), np.array((0.42, -0.05)), np.array((0.62, 0.0)), 0.032) < 0
    with pytest.raises(ValueError, match="cone_small is in the way of the cube_small"):
        Scene(CUBE, PLATE, (between,), task="push")


def test_the_instruction_says_what_to_push_where():
    assert Scene(CUBE, PLATE, task="push").instruction == "push the red cube to the blue plate"
