"""References: each that is offered fits the target alone, by a margin, and each kind is offered where it should be."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from tasks.language import SceneFacts, Thing
from tasks.language.references import MARGIN, by_attribute, by_place
from tasks.language.resolve import read
from tasks.language.words import Vocabulary

PLAIN = Vocabulary()
TREMBLE = MARGIN / 4 - 1e-6
"""By so much every body may move at once: a comparison of two distances to a third body moves by four times that."""


def thing(noun, color, x, y, radius=0.03, height=0.05, receptacle=False):
    return Thing(noun, color, x, y, radius, height, receptacle)


def scene(*others, target=None):
    goal = thing("tray", "purple", 0.62, 0.0, 0.1, 0.02, True)
    return SceneFacts(target or thing("cube", "red", 0.40, 0.05), goal, others)


def said(references):
    return {text for _, text in references}


def test_all_references_of_all_scenes_are_clear(all_facts):
    for facts in all_facts:
        for _, text in (*by_attribute(facts, PLAIN), *by_place(facts, PLAIN)):
            assert read(text, facts).objects == (frozenset({0}),), f"{text} in {facts}"


def test_no_tremble_of_the_bodies_makes_another_one_right(all_facts):
    rng = np.random.default_rng(0)
    for facts in all_facts[:100]:
        spatial = said(by_place(facts, PLAIN))
        for _ in range(3):
            moved = [
                replace(t, x=t.x + TREMBLE * math.cos(a), y=t.y + TREMBLE * math.sin(a))
                for t, a in zip(facts.things, rng.uniform(0, 2 * np.pi, len(facts.things)), strict=True)
            ]
            trembled = SceneFacts(moved[0], moved[1], tuple(moved[2:]))
            for text in spatial:
                assert read(text, trembled).objects == (frozenset({0}),), f"{text} in {trembled}"


def test_a_colour_that_nothing_else_has_is_enough():
    assert said(by_attribute(scene(), PLAIN)) == {"the red object"}


def test_outline_size_and_what_it_is_not_set_apart_what_shares_the_colour():
    facts = scene(thing("cone", "red", 0.5, -0.1, 0.035, 0.06))
    assert said(by_attribute(facts, PLAIN)) == {
        "the angular red object",
        "the smaller red object",
        "the red object that is not a cone",
    }


def test_wider_and_lower_is_neither_larger_nor_smaller():
    facts = scene(thing("brick", "red", 0.5, -0.1, 0.04, 0.04))
    assert said(by_attribute(facts, PLAIN)) == {"the red object that is not a brick"}


def test_a_receptacle_counts_as_an_object_that_could_be_meant():
    facts = scene(
        thing("L-block", "red", 0.5, -0.1, 0.03, 0.05), thing("bowl", "red", 0.5, 0.15, 0.07, 0.038, True)
    )
    assert said(by_attribute(facts, PLAIN)) == {"the red object that is neither an L-block nor a bowl"}


def test_the_noun_is_kept_and_the_colour_left_out_where_nothing_else_will_do():
    red = [thing(noun, "red", 0.5, 0.0) for noun in ("brick", "cross", "hexagon")]
    facts = scene(*red, thing("cube", "green", 0.5, -0.15, 0.035, 0.06))
    assert said(by_attribute(facts, PLAIN)) == {"the smaller cube", "the cube that is not green"}


def test_left_is_the_robots_left():
    """y points to the left of a robot that looks along x."""
    facts = scene(thing("cube", "green", 0.40, -0.05), target=thing("cube", "red", 0.40, 0.05))
    texts = said(by_place(facts, PLAIN))
    assert "the cube that is farthest to the robot's left" in texts
    assert not [t for t in texts if "right" in t]


def test_places_are_compared_with_bodies_that_are_not_the_goal():
    facts = scene(
        thing("cube", "green", 0.60, -0.15),
        thing("cone", "blue", 0.50, -0.05),
        target=thing("cube", "red", 0.42, 0.05),
    )
    texts = said(by_place(facts, PLAIN))
    assert {
        "the cube that is nearest to the robot's base",
        "the object that is nearest to the robot's base",
        "the cube that is closer to the robot's base than the blue cone",
        "the cube that is farther to the robot's left than the blue cone",
    } <= texts
    assert not [t for t in texts if "tray" in t or (t.endswith("green cube") and t.startswith("the cube"))]


@pytest.mark.parametrize(("gap", "clear"), [(MARGIN + 1e-6, True), (MARGIN - 1e-6, False), (0.0, False)])
def test_the_margin_decides(gap, clear):
    facts = scene(thing("cube", "green", 0.40 + gap, 0.0), target=thing("cube", "red", 0.40, 0.0))
    assert ("the cube that is nearest to the robot's base" in said(by_place(facts, PLAIN))) == clear


def test_what_is_larger_must_be_farther_off():
    """So that edges tell the same as centres."""
    wide = scene(thing("cube", "green", 0.44, 0.0, radius=0.045), target=thing("cube", "red", 0.40, 0.0))
    assert "the cube that is nearest to the robot's base" not in said(by_place(wide, PLAIN))


def test_a_body_whose_name_another_one_has_is_no_landmark():
    twins = [thing("cone", "blue", 0.5, y) for y in (-0.15, 0.15)]
    facts = scene(thing("cube", "green", 0.6, -0.1), *twins)
    assert not [t for t in said(by_place(facts, PLAIN)) if "blue cone" in t]


def test_a_comparison_needs_something_to_compare_with():
    facts = scene(thing("cone", "blue", 0.5, -0.1))
    assert not [t for t in said(by_place(facts, PLAIN)) if t.startswith(("the cube", "the red object"))]


def test_every_kind_of_reference_occurs(all_facts):
    kinds = {p for facts in all_facts for p, _ in (*by_attribute(facts, PLAIN), *by_place(facts, PLAIN))}
    assert kinds >= {
        *("outline", "size", "noun excluded", "size of a noun", "color of a noun excluded"),
        *("nearest to the base", "farthest from the base", "farthest to a side", "nearest to a body"),
        *("closer than a body", "farther than a body", "beside a body"),
    }


def test_other_words_make_the_same_references(all_facts):
    """Pattern by pattern: the vocabulary fills in words and decides nothing."""
    other = Vocabulary(color_level=3, noun_level=2)
    for facts, find in itertools.product(all_facts[:100], (by_attribute, by_place)):
        assert [p for p, _ in find(facts, other)] == [p for p, _ in find(facts, PLAIN)]


@pytest.mark.parametrize("corner", list(itertools.product((-0.015, 0.015), repeat=3)))
def test_a_base_that_stands_a_little_off_makes_no_other_body_right(all_facts, corner):
    """By 15 mm along x and y, and turned by 0.015 rad."""
    dx, dy, turn = corner
    c, s = math.cos(turn), math.sin(turn)
    for facts in all_facts[:60]:
        seen = [
            replace(t, x=c * (t.x - dx) + s * (t.y - dy), y=c * (t.y - dy) - s * (t.x - dx))
            for t in facts.things
        ]
        displaced = SceneFacts(seen[0], seen[1], tuple(seen[2:]))
        for text in said(by_place(facts, PLAIN)):
            assert read(text, displaced).objects == (frozenset({0}),), f"{text} in {displaced}"
