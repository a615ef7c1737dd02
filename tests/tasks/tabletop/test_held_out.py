"""What a task holds out: a split that overlaps, or that no scene could be drawn in, is refused where it is defined."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.language import Phrasing
from tasks.registry import find, names
from tasks.splits import SPLITS
from tasks.tabletop.held_out import HeldOut, Interval, SplitError

TASK = find("pick_place")
CUBES = tuple((color, "cube") for color in ("red", "green", "blue", "yellow", "purple"))


@pytest.mark.parametrize("name", names())
def test_the_tasks_that_ship_have_all_splits(name):
    assert find(name).held_out.splits() == SPLITS


@pytest.mark.parametrize(
    ("held_out", "said"),
    [
        (HeldOut(shapes=("torus",)), "no shape 'torus'"),
        (HeldOut(pairs=(("pink", "cube"),)), "no colour 'pink'"),
        (HeldOut(shapes=("cone",), pairs=(("red", "cone"),)), "the red cone is held out twice"),
        (HeldOut(shapes=("cone", "cross", "dome", "cube")), "4 shapes would be left"),
        (HeldOut(pairs=CUBES), "a cube would be left in 1 colours"),
        (
            HeldOut(wording={"language.verb": ("put",)}),
            "language.verb=put is held out and is what every set says",
        ),
        (HeldOut(wording={"language.verb": ("hurl",)}), "language.verb is never 'hurl'"),
        (HeldOut(wording={"language.paraphrase": (99,)}), "language.paraphrase is never 99"),
        (HeldOut(wording={"language.paraphrase": (0,)}), "is held out and is what every set says"),
        (HeldOut(wording={"language.accent": (1,)}), "language.accent cannot be held out"),
        (HeldOut(wording={"camera.gamma": (1,)}), "camera.gamma is no wording"),
        (HeldOut(looks={"camera.gamma": Interval(1, 2)}), "camera.gamma is no look"),
        (HeldOut(looks={"appearance.table_texture": ("plain",)}), "is held out and is what every set says"),
        (HeldOut(looks={"appearance.table_texture": ("lava",)}), "is never 'lava'"),
    ],
)
def test_what_would_overlap_is_refused_when_the_task_is_defined(held_out, said):
    with pytest.raises(SplitError, match="task 'pick_place' holds out what it cannot") as refusal:
        replace(TASK, held_out=held_out)
    assert said in str(refusal.value)


def test_a_template_that_says_the_same_under_another_number_is_an_overlap():
    class Repeating(Phrasing):
        WORDING = replace(
            Phrasing.WORDING, templates=(*Phrasing.WORDING.templates[:9], Phrasing.WORDING.templates[1])
        )

    with pytest.raises(SplitError, match="template 9 is held out and seen as another number"):
        replace(TASK, phrasing=Repeating, held_out=HeldOut(wording={"language.paraphrase": (9,)}))


def test_shapes_that_are_no_targets_of_a_task_cannot_be_held_out():
    with pytest.raises(SplitError, match="no shape 'brick' to hold out"):
        replace(find("stack"), held_out=HeldOut(shapes=("brick",)))


@pytest.mark.parametrize(("lo", "hi"), [(1.0, 1.0), (2.0, 1.0)])
def test_an_interval_has_two_ends(lo, hi):
    with pytest.raises(SplitError, match="needs lo < hi"):
        Interval(lo, hi)


def test_a_task_that_holds_nothing_out_has_no_splits():
    with pytest.raises(SplitError, match="holds nothing out, so it has no split 'seen'"):
        replace(TASK, held_out=None).check_split("seen")


def test_a_task_has_the_splits_of_what_it_holds_out():
    task = replace(TASK, held_out=HeldOut(shapes=("cone",)))
    assert task.held_out.splits() == ("seen", "unseen_object")
    with pytest.raises(SplitError, match="no split 'unseen_look': choose one of seen, unseen_object"):
        task.check_split("unseen_look")


def test_of_an_episode_it_says_what_is_held_out():
    held = HeldOut(
        shapes=("cone",),
        pairs=(("red", "cube"),),
        wording={"language.verb": ("set",)},
        looks={"appearance.light_intensity": Interval(0.5, 0.7)},
    )
    values = {"scene.target_shape": "cube", "scene.target_color": "red"}
    assert held.in_(values) == {"object": ["red cube"]}
    assert held.in_(values | {"scene.target_color": "blue"}) == {}
    assert held.in_({**values, "scene.target_color": "blue", "scene.distractors": ["red cone_small"]}) == {
        "object": ["cone"]
    }
    assert held.in_({"language.verb": "set", "appearance.light_intensity": 0.5}) == {
        "wording": ["language.verb=set"],
        "look": ["appearance.light_intensity=0.5..0.7"],
    }
    assert held.in_({"appearance.light_intensity": 0.71}) == {}
