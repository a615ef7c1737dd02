"""What is said of a scene as a whole follows from its factors."""

from __future__ import annotations

import math

import pytest

from tasks.tabletop.layout_facts import COUNT, layout_facts

VALUES = {
    "scene.target_shape": "cube",
    "scene.target_size": "small",
    "scene.target_color": "red",
    "scene.receptacle": "plate",
    "scene.receptacle_color": "blue",
    "scene.distractors": ["red cone_small", "blue cube_large"],
    "scene.other_receptacle": "none",
    "scene.poses": [0.3, 0.4, 1.0, 0.6, 0.0, -2.0, 0.3, 0.3, 0.0, 0.5, 0.5, 0.0],
}


def values_of(**changed):
    facts = layout_facts(VALUES | {f"scene.{name}": value for name, value in changed.items()})
    return {name.removeprefix("layout."): fact.value for name, fact in facts.items()}


def test_places_turns_and_distances_are_those_of_the_bodies():
    facts = values_of()
    assert (facts["target_x"], facts["target_y"], facts["target_yaw"]) == (0.3, 0.4, 1.0)
    assert (facts["receptacle_x"], facts["receptacle_y"], facts["receptacle_yaw"]) == (0.6, 0.0, -2.0)
    assert facts["target_reach"] == pytest.approx(0.5)
    assert facts["target_to_receptacle"] == pytest.approx(0.5)
    assert facts["target_to_nearest"] == pytest.approx(0.1)
    assert layout_facts(VALUES)["layout.target_yaw"].kind == "angle"


def test_what_bodies_have_in_common_is_said():
    facts = values_of()
    assert facts["receptacle_has_target_color"] == "no"
    assert facts["distractor_has_target_color"] == "yes"
    assert facts["distractor_has_target_shape"] == "yes"
    assert facts["distractor_has_receptacle_color"] == "yes"
    assert values_of(receptacle_color="red")["receptacle_has_target_color"] == "yes"
    assert (
        values_of(distractors=["red cone_small", "green cone_large"])["distractor_has_target_shape"] == "no"
    )
    poses = [*VALUES["scene.poses"], 0.1, 0.1, 0.0]
    assert values_of()["second_receptacle"] == "none"
    assert values_of(other_receptacle="blue bowl", poses=poses)["second_receptacle"] == "same colour"
    assert values_of(other_receptacle="red bowl", poses=poses)["second_receptacle"] == "other colour"


def test_a_record_without_a_scene_has_no_layout():
    assert layout_facts({name: v for name, v in VALUES.items() if name != "scene.poses"}) == {}


def test_what_hangs_on_the_number_of_distractors_says_so():
    facts = layout_facts(VALUES)
    assert COUNT in facts["layout.distractor_has_receptacle_color"].given
    assert facts["layout.target_x"].given == ()
    assert all(math.isfinite(f.value) for f in facts.values() if f.kind != "word")
