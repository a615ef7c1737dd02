"""What falls onto the table in mid-episode."""

from collections import Counter

from scipy import stats

from tasks.episode import EpisodeSpec
from tasks.tabletop.composition import random_scene
from tasks.tabletop.dropped import dropped
from tasks.tabletop.scene import COLORS
from tasks.tabletop.workspace import pool

SLOTS = pool()
SCENES = [random_scene(EpisodeSpec("pick_place", k, 3)) for k in range(400)]
P_LEAST = 1e-4


def test_it_is_an_object_that_nothing_on_the_table_can_be_mistaken_for():
    for scene in SCENES:
        name, color = dropped(scene)
        noun = SLOTS[name].body.noun
        assert not SLOTS[name].is_receptacle
        assert noun != SLOTS[scene.target.slot].body.noun
        assert color in COLORS
        assert color != scene.target.color
        assert name not in [p.slot for p in scene.placements]
        assert f"{color} {noun}" not in [p.describe(SLOTS) for p in scene.placements]


def test_it_is_the_same_each_time_and_whatever_is_said():
    for scene in SCENES[:20]:
        other_words = type(scene)(scene.target, scene.receptacle, scene.distractors, "do it")
        assert dropped(scene) == dropped(scene) == dropped(other_words)


def test_every_body_and_colour_falls_about_as_often():
    drawn = [dropped(scene) for scene in SCENES]
    for values, count in ((SLOTS, 16), (COLORS, 6)):
        seen = Counter(d[values is COLORS] for d in drawn)
        assert len(seen) == count
        assert stats.chisquare(list(seen.values())).pvalue > P_LEAST
