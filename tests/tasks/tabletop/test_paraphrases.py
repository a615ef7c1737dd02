"""Other ways to ask for the same: clear, different, and always the same ones."""

import re
from collections import Counter
from dataclasses import replace

import pytest

from tasks.episode import EpisodeSpec
from tasks.language import Phrasing, phrase
from tasks.language.resolve import read
from tasks.language.words import CLAUSES, TEMPLATES, all_words
from tasks.tabletop.composition import random_scene, scene_facts
from tasks.tabletop.paraphrases import paraphrases

COUNT = 6


@pytest.fixture(scope="module")
def scenes():
    return [random_scene(EpisodeSpec("pick_place", i, 3)) for i in range(80)]


def words(text):
    return re.findall(r"[a-z]+", text.lower())


def test_each_fits_the_target_and_the_receptacle_alone(scenes):
    for scene in scenes:
        facts = scene_facts(scene)
        for text in paraphrases(scene, COUNT, seed=1):
            reading = read(text, facts)
            assert reading.objects == (frozenset({0}),), f"{text!r} names {reading.objects} of {facts}"
            assert reading.receptacles == (frozenset({1}),), (
                f"{text!r} names {reading.receptacles} of {facts}"
            )


def test_they_differ_in_words_from_the_instruction_and_from_each_other(scenes):
    for scene in scenes:
        texts = paraphrases(scene, COUNT, seed=1)
        assert len(texts) == COUNT
        assert len({tuple(words(t)) for t in (*texts, scene.instruction)}) == COUNT + 1, texts


def test_whatever_the_instruction_is_it_does_not_return(scenes):
    for scene in scenes[:30]:
        said = replace(scene, instruction=paraphrases(scene, 1, seed=1)[0].upper())
        assert words(said.instruction) not in [words(t) for t in paraphrases(said, COUNT, seed=1)]
        other = replace(scene, instruction=phrase(scene_facts(scene), Phrasing(typing_errors=3)))
        assert len(paraphrases(other, COUNT, seed=1)) == COUNT


def test_no_word_is_mistyped_or_beside_the_point(scenes):
    for scene in scenes:
        for text in paraphrases(scene, COUNT, seed=1):
            assert set(words(text)) <= all_words(), text
            assert not any(clause in text for clause in CLAUSES), text


def test_they_are_always_the_same_and_more_of_them_begin_the_same(scenes):
    for scene in scenes[:20]:
        assert paraphrases(scene, 12, seed=4)[:5] == paraphrases(scene, 5, seed=4)
    assert paraphrases(scenes[0], 5, seed=0)[2] == (
        "The orange tray is where the cone that is farthest to the robot's left should go."
    ), "datasets made before would come out differently"
    assert paraphrases(scenes[0], 5, seed=4) != paraphrases(scenes[0], 5, seed=5)


def test_they_are_varied(scenes):
    texts = [text for scene in scenes for text in paraphrases(scene, COUNT, seed=1)]
    openings = Counter(text.split()[0].lower() for text in texts)
    assert len(openings) >= len(TEMPLATES) - 2, openings
    assert sum("object" in text for text in texts) > len(texts) / 5, "too few references other than by name"
    assert sum(text[0].isupper() for text in texts) > len(texts) / 3


def test_none_wanted_none_given_and_impossible_numbers_are_refused(scenes):
    assert paraphrases(scenes[0], 0, seed=1) == ()
    assert len(paraphrases(scenes[0], 100, seed=1)) == 100
    with pytest.raises(ValueError, match="at least 0"):
        paraphrases(scenes[0], -1, seed=1)
    with pytest.raises(ValueError, match="found"):
        paraphrases(scenes[0], 100_000, seed=1)
