"""The reader that the other tests trust: sentences written by hand, and what they mean."""

import pytest

from tasks.language import SceneFacts, Thing
from tasks.language.resolve import Reading, read

FACTS = SceneFacts(
    Thing("cube", "red", 0.40, 0.10, 0.032, 0.045),
    Thing("plate", "blue", 0.60, 0.00, 0.074, 0.014, is_receptacle=True),
    (
        Thing("brick", "red", 0.50, -0.10, 0.046, 0.05),
        Thing("cube", "green", 0.60, -0.15, 0.039, 0.055),
        Thing("bowl", "red", 0.36, -0.17, 0.07, 0.038, is_receptacle=True),
    ),
)
CUBE, PLATE, BRICK, GREEN, BOWL = range(5)


@pytest.mark.parametrize(
    ("phrase", "fits"),
    [
        ("the red cube", {CUBE}),
        ("the cube", {CUBE, GREEN}),
        ("the scarlet square block", {CUBE}),
        ("the yellow cube", set()),
        ("the L-block", set()),
        ("the red object", {CUBE, BRICK, BOWL}),
        ("the angular red object", {CUBE, BRICK}),
        ("the round red object", {BOWL}),
        ("the smallest red object", {CUBE}),
        ("the larger cube", {GREEN}),
        ("the red object that is not a brick", {CUBE, BOWL}),
        ("the red object that is neither a brick nor a bowl", {CUBE}),
        ("the cube that is not green", {CUBE}),
        ("the object that is nearest to the robot's base", {CUBE, BOWL}),  # the bowl, if it is an object
        ("the cube that is farthest from the robot's base", {GREEN}),
        ("the object that is farthest to the robot's left", {CUBE}),
        ("the object that is farthest to the robot's right", {GREEN, BOWL}),
        ("the cube that is nearest to the red brick", {GREEN}),
        ("the cube that is closer to the robot's base than the red brick", {CUBE}),
        ("the cube that is farther from the robot's base than the red brick", {GREEN}),
        ("the cube that is farther to the robot's right than the red bowl", set()),
        ("the object that is farther to the robot's left than the red brick", {CUBE, PLATE}),
    ],
)
def test_a_noun_phrase_fits(phrase, fits):
    reading = read(f"pick up {phrase} and put it on the blue plate", FACTS)
    assert reading == Reading((frozenset(fits),), (frozenset({PLATE}),))
    assert read(phrase.upper(), FACTS).objects == (frozenset(fits),)
    assert read(phrase.replace("-", " ").replace("'", ""), FACTS).objects == (frozenset(fits),)


def test_bodies_that_are_only_compared_with_are_not_asked_for():
    said = "on the blue plate, put the cube that is farther to the robot's left than the red bowl"
    assert read(said, FACTS) == Reading((frozenset({CUBE, GREEN}),), (frozenset({PLATE}),))


def test_every_noun_phrase_is_read():
    said = "put the red cube and the red brick in the red bowl or on the plate"
    assert read(said, FACTS) == Reading(
        (frozenset({CUBE}), frozenset({BRICK})), (frozenset({BOWL}), frozenset({PLATE}))
    )


def test_words_of_no_body_are_passed_over():
    assert read("while the coffee is brewing, the meeting starts", FACTS) == Reading((), ())


def test_a_landmark_must_be_clear_itself():
    with pytest.raises(AssertionError, match="yellow cone is the name of 0 bodies"):
        read("the cube that is nearest to the yellow cone", FACTS)
