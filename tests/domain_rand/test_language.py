"""Language factors: each changes how a task is asked, and never what is asked or where anything stands."""

from dataclasses import replace
from unittest.mock import Mock

import pytest

from domain_rand import draw_episode
from domain_rand.factor import REGISTRY
from domain_rand.sets import FactorSetError, build_set, explicit_set
from tasks.episode import EpisodeSpec
from tasks.language import Phrasing, phrase
from tasks.language.resolve import read
from tasks.pick_place.task import TASK
from tasks.tabletop.composition import random_scene, scene_facts
from tasks.tabletop.workspace import pool

N = 150
LANGUAGE = [name for name in REGISTRY if name.startswith("language.")]
LEGIBLE = [name for name in LANGUAGE if name != "language.typing_errors"]


def episodes(content, n=N):
    factor_set = build_set("some", content)
    return [draw_episode(EpisodeSpec("pick_place", i, 4), factor_set) for i in range(n)]


def silent(scene):
    """A scene without its words."""
    return replace(scene, instruction="not a word")


@pytest.fixture(scope="module")
def plain():
    return episodes({})


def test_every_field_of_a_phrasing_is_a_factor_with_the_same_nominal_value():
    fields = vars(Phrasing())
    assert {name.removeprefix("language."): REGISTRY[name].nominal for name in LANGUAGE} == fields


def test_with_nominal_language_the_scene_says_what_it_always_did(plain):
    for episode in plain:
        target, receptacle = (t.name for t in scene_facts(episode.scene).things[:2])
        word = "on" if receptacle[1] == "plate" else "in"
        said = f"put the {' '.join(target)} {word} the {' '.join(receptacle)}"
        assert episode.scene.instruction == said == replace(episode.scene, instruction="").instruction


@pytest.mark.parametrize("name", LANGUAGE)
def test_a_factor_alone_changes_most_texts_and_never_the_scene(plain, name):
    changed = 0
    for before, after in zip(plain, episodes({name: "default"}), strict=True):
        assert silent(after.scene) == silent(before.scene)
        nominal = after.factors[name] == REGISTRY[name].nominal
        assert not nominal or after.scene.instruction == before.scene.instruction
        changed += after.scene.instruction != before.scene.instruction
    assert changed > N / 2, f"{name} changed {changed} of {N} instructions"


@pytest.mark.parametrize("most", [0, 1, 4])
def test_the_instruction_fits_one_object_and_one_receptacle_with_few_and_many_distractors(most):
    content = dict.fromkeys(LEGIBLE, "default") | {"scene.distractor_count": {"lo": 0, "hi": most}}
    for episode in episodes(content):
        said = episode.scene.instruction
        reading = read(said, scene_facts(episode.scene))
        assert reading.objects == (frozenset({0}),), f"{said}: {episode.scene}"
        assert reading.receptacles == (frozenset({1}),), f"{said}: {episode.scene}"


def test_an_episode_of_recorded_values_is_asked_in_the_same_words():
    for episode in episodes(dict.fromkeys(LANGUAGE, "default"), 30):
        again = draw_episode(EpisodeSpec("pick_place", 999, 999), explicit_set("again", episode.factors))
        assert again.scene == episode.scene


def test_the_text_is_that_of_the_drawn_values():
    for episode in episodes(dict.fromkeys(LANGUAGE, "default"), 30):
        phrasing = Phrasing.of(episode.factors)
        assert episode.scene.instruction == phrase(scene_facts(episode.scene), phrasing)


def test_scenes_that_nobody_assigned_are_nominal():
    scene = random_scene(EpisodeSpec("pick_place", 3, 0))
    assert scene.instruction == phrase(scene_facts(scene), Phrasing())


def test_values_without_language_compose_the_nominal_text(plain):
    values = {"scene.distractor_count": 2, **plain[0].factors}
    assert not [name for name in values if name in LANGUAGE]
    assert TASK.compose(values) == plain[0].scene


def test_facts_are_those_of_the_bodies_on_the_table(plain):
    slots = pool()
    for scene in (episode.scene for episode in plain[:20]):
        for thing, p in zip(scene_facts(scene).things, scene.placements, strict=True):
            slot = slots[p.slot]
            assert " ".join(thing.name) == p.describe(slots)
            assert (thing.x, thing.y) == (p.x, p.y)
            assert (thing.radius, thing.height) == (slot.radius, slot.height)
            assert thing.is_receptacle == slot.is_receptacle


def test_a_scene_that_is_not_valid_is_refused_as_such_whatever_the_language():
    """By the check that says what is wrong, and not by a word that is not found."""
    values = {"scene.distractor_count": 2, **episodes({})[0].factors, "language.reference": "spatial"}
    with pytest.raises(ValueError, match="there is no colour 'beige'"):
        TASK.compose(values | {"scene.target_color": "beige"})


@pytest.mark.parametrize(
    "given",
    [
        {"language.paraphrase": {"hi": 10}},
        {"language.verb": {"options": ["put", "throw"]}},
        {"language.reference": {"value": "smell"}},
        {"language.typing_errors": {"hi": 7}},
        {"language.irrelevant_words": {"value": -1}},
    ],
)
def test_what_cannot_be_said_is_refused_when_a_set_is_read(given):
    with pytest.raises(FactorSetError, match=r"language\..* cannot be applied; possible is"):
        build_set("mine", given)


@pytest.mark.parametrize("name", LANGUAGE)
def test_language_touches_no_environment(name):
    env = Mock()
    REGISTRY[name]().apply(env, [0], [REGISTRY[name].nominal])
    assert env.mock_calls == []
