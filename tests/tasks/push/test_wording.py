"""How pushing is asked for: an independent reader finds the right bodies, whatever the words."""

import re
from itertools import product

import pytest

from tasks.episode import EpisodeSpec
from tasks.language import PushPhrasing, phrase
from tasks.language.resolve import read
from tasks.language.words import PUSHING, TEMPLATES, VERBS, all_words
from tasks.registry import find
from tasks.tabletop.composition import random_scene, scene_facts

SCENES = [random_scene(EpisodeSpec("push", index, 5)) for index in range(30)]


@pytest.mark.parametrize(("template", "verb"), list(product(range(len(PUSHING.templates)), PUSHING.verbs)))
def test_a_reader_finds_the_object_and_the_landmark(template, verb):
    for scene, reference in product(SCENES, PushPhrasing.OPTIONS["reference"]):
        facts = scene_facts(scene)
        text = phrase(facts, PushPhrasing(paraphrase=template, verb=verb, reference=reference))
        said = read(text, facts)
        assert set(said.objects) == {frozenset({0})}, f"{text!r} names {said.objects}"
        assert set(said.receptacles) == {frozenset({1})}, f"{text!r} names {said.receptacles}"


def test_no_wording_asks_to_hold_the_object_or_to_put_it_somewhere():
    asking = {"grasp", "pick", "hold", *VERBS} - {"move"}
    for text in PUSHING.templates:
        assert not asking & set(re.findall(r"[a-z]+", text.lower())), text


def test_there_are_as_many_ways_as_the_factor_of_wording_has():
    assert len(PUSHING.templates) == len(set(PUSHING.templates)) == len(TEMPLATES)


def test_other_ways_to_ask_stay_within_the_words_of_pushing():
    for scene in SCENES:
        for text in find("push").paraphrases(scene, 4, 1):
            assert set(re.findall(r"[a-z]+", text.lower())) <= all_words(PUSHING), text


def test_the_verb_is_one_of_pushing_in_every_set():
    from domain_rand import draw_episode, load_set

    for name in ("none", "heavy"):
        factor_set = load_set(name, task="push")
        for index in range(20):
            episode = draw_episode(EpisodeSpec("push", index, 0), factor_set)
            assert episode.factors.get("language.verb", "push") in PUSHING.verbs
