"""The word lists: complete for the pool, and no word of one thing fits another."""

import re

import numpy as np
import pytest

from tasks.language.words import (
    COLOR_WORDS,
    NOUN_WORDS,
    ON,
    ROUND,
    TEMPLATES,
    Vocabulary,
    all_words,
)
from tasks.shapes import objects, receptacles
from tasks.tabletop.scene import COLORS

# What people call these colours: medians of the XKCD colour survey of 2010 (xkcd.com/color/rgb.txt, CC0).
SURVEY = {
    "cherry red": "f7022a",
    "crimson": "8c000f",
    "scarlet": "be0119",
    "grass green": "3f9b0b",
    "emerald": "01a049",
    "jade": "1fa774",
    "royal blue": "0504aa",
    "cobalt": "1e488f",
    "sapphire": "2138ab",
    "lemon yellow": "fdff38",
    "golden": "f5bf03",
    "mustard": "ceb301",
    "grape purple": "5d1451",
    "violet": "9a0eea",
    "amethyst": "9b5fc0",
    "tangerine": "ff9408",
    "pumpkin": "e17701",
}


def test_every_colour_and_every_body_of_the_pool_has_words():
    assert COLOR_WORDS.keys() == COLORS.keys()
    bodies = {body.noun for body in (objects() | receptacles()).values()}
    assert NOUN_WORDS.keys() == bodies
    assert bodies >= ROUND
    assert {body.noun for body in receptacles().values()} >= ON


@pytest.mark.parametrize("table", [COLOR_WORDS, NOUN_WORDS], ids=["colours", "nouns"])
def test_level_0_is_the_plain_word_and_every_word_has_as_many_levels(table):
    assert all(words[0] == plain for plain, words in table.items())
    assert len({len(words) for words in table.values()}) == 1


def test_no_word_is_said_of_two_things():
    words = [w for table in (COLOR_WORDS, NOUN_WORDS) for said in table.values() for w in said]
    assert len(set(words)) == len(words)


def test_no_phrase_contains_a_word_of_something_else():
    """ "Plum purple" would do, "orange red" would not."""
    tables = COLOR_WORDS | NOUN_WORDS
    for plain, said in tables.items():
        for phrase in said:
            parts = set(re.split(r"[ -]", phrase))
            others = {o for p, words in tables.items() if p != plain for o in words}
            assert not parts & others, f"{phrase!r} for {plain!r} contains {parts & others}"


def hue(rgb):
    """The angle about the grey axis in CIELAB [rad]."""
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(linear @ np.transpose(to_xyz) / (0.9505, 1.0, 1.089)).T
    return np.arctan2(200 * (y - z), 500 * (x - y))


@pytest.mark.parametrize("word", SURVEY)
def test_a_colour_word_is_twice_as_near_in_hue_to_its_own_colour_as_to_any_other(word):
    """Hue, not lightness: lamps change that."""
    own = next(plain for plain, words in COLOR_WORDS.items() if word in words)
    rgb = np.array([int(SURVEY[word][i : i + 2], 16) / 255 for i in (0, 2, 4)])
    turn = hue(rgb) - hue(np.array(list(COLORS.values())))
    apart = dict(zip(COLORS, np.abs((turn + np.pi) % (2 * np.pi) - np.pi), strict=True))
    assert apart.pop(own) < min(apart.values()) / 2, f"{word} is hardly {own}"


@pytest.mark.parametrize(
    ("noun", "level", "said"),
    [
        ("brick", 0, "a brick"),
        ("hexagon", 0, "a hexagon"),
        ("L-block", 0, "an L-block"),
        ("L-block", 1, "an L-shaped block"),
        ("L-block", 2, "a corner piece"),
        ("brick", 2, "an oblong block"),
        ("dome", 2, "a hemisphere"),
    ],
)
def test_articles_follow_the_sound(noun, level, said):
    assert Vocabulary(noun_level=level).one(noun) == said


def test_the_list_of_all_words_is_complete_in_lower_case():
    words = all_words()
    assert {"red", "crimson", "cube", "block", "l", "basin", "onto", "neither", "robot", "coffee"} <= words
    assert all(re.fullmatch("[a-z]+", w) for w in words)
    assert not {"object}", "verb", "receptacle"} & words
    assert len(TEMPLATES) == len(set(TEMPLATES))
