"""Which episodes `dr check in=task` compares: nominal but for one factor, at the ends of its range."""

import pytest

from domain_rand import draw_episode
from domain_rand.factor import REGISTRY
from domain_rand.sets import build_set
from tasks.episode import EpisodeSpec
from workbench.randomisation.in_task import (
    ANOTHER,
    BESIDE,
    EPISODE_STEPS,
    content_for,
    levels_of,
    steps_for,
    varied,
)

SPECS = [EpisodeSpec("pick_place", index, 0) for index in range(4)]
CHECKED = [name for name, cls in REGISTRY.items() if name != "scene.table_size"]


@pytest.mark.parametrize("name", CHECKED)
def test_each_level_is_a_valid_episode_that_differs_in_the_factor_from_the_nominal_one(name):
    nominal = [draw_episode(spec, build_set("check", BESIDE.get(name, {}))) for spec in SPECS]
    for level in levels_of(REGISTRY[name]):
        episodes = [varied(name, level, spec) for spec in SPECS]
        for episode in episodes:
            assert level == ANOTHER or episode.factors[name] == level
        before = [episode.factors.get(name, REGISTRY[name].nominal) for episode in nominal]
        assert [episode.factors[name] for episode in episodes] != before


def test_a_range_is_tried_at_both_ends_and_not_at_its_nominal_value():
    assert levels_of(REGISTRY["dynamics.object_mass"]) == (0.5, 2.0)
    assert levels_of(REGISTRY["disturbance.object_push"]) == (0.06,)
    assert levels_of(REGISTRY["camera.white_balance"]) == ([0.85, 0.85], [1.18, 1.18])
    assert levels_of(REGISTRY["scene.target_shape"]) == (ANOTHER,)
    assert levels_of(REGISTRY["language.verb"])[0] != REGISTRY["language.verb"].nominal


def test_other_draws_stay_where_a_factor_is_drawn_anew():
    for spec in SPECS:
        plain, other = draw_episode(spec, build_set("check", {})), varied("scene.poses", ANOTHER, spec)
        assert {n for n in plain.factors if plain.factors[n] != other.factors[n]} == {"scene.poses"}


def test_pictures_are_taken_for_what_is_seen_alone():
    assert steps_for("camera.exposure")[1]
    assert not steps_for("dynamics.object_mass")[1]
    assert steps_for("language.verb") == (1, ())


def test_a_factor_of_an_unknown_family_is_looked_at_in_every_way_and_to_the_end():
    steps, shots = steps_for("bottles.filling")
    assert shots
    assert steps == EPISODE_STEPS


def test_pictures_are_taken_when_what_is_to_be_seen_may_be_there():
    for name in ("disturbance.hand_in_view", "camera.frame_loss"):
        steps, shots = steps_for(name)
        assert steps == max(shots) + 1


def test_what_must_vary_beside_a_factor_varies():
    assert content_for(["scene.clearance"]) == dict.fromkeys(
        ("scene.clearance", "scene.distractor_count"), "default"
    )
    assert (
        content_for(["scene.distractor_count", "scene.clearance"]).keys()
        == content_for(["scene.clearance"]).keys()
    )
