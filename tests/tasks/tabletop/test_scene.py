"""`Scene`: what makes one valid, said in sentences, and the instruction it gives."""

from dataclasses import replace

import pytest

from tasks.tabletop.scene import COLORS, Placement, Scene
from tasks.tabletop.workspace import CLEARANCE, LEAST_CLEARANCE, OBJECT_REGION, pool

(X0, X1), (Y0, Y1) = OBJECT_REGION
CUBE = Placement("cube_small", "red", 0.40, -0.10, 0.0)
PLATE = Placement("plate", "blue", 0.55, 0.08, 0.0)
CONE = Placement("cone_large", "green", 0.40, 0.12, 1.0)


def refusal(target=CUBE, receptacle=PLATE, *distractors):
    """What building this scene is refused with."""
    with pytest.raises(ValueError, match="this scene is not valid") as error:
        Scene(target, receptacle, distractors)
    return str(error.value)


def test_a_good_scene_has_no_problems():
    scene = Scene(CUBE, PLATE, (CONE,))
    assert scene.problems(pool()) == []
    assert scene.placements == (CUBE, PLATE, CONE)


@pytest.mark.parametrize(
    ("receptacle", "words"),
    [("plate", "on the blue plate"), ("bowl", "in the blue bowl"), ("tray", "in the blue tray")],
)
def test_the_instruction_names_both_by_colour_and_kind(receptacle, words):
    assert Scene(CUBE, replace(PLATE, slot=receptacle)).instruction == f"put the red cube {words}"


def test_the_instruction_uses_the_noun_and_not_the_name_in_the_pool():
    assert Scene(replace(CUBE, slot="l_block_large"), PLATE).instruction.startswith("put the red L-block on")


def test_a_given_instruction_is_kept():
    assert Scene(CUBE, PLATE, instruction="tidy up").instruction == "tidy up"


def test_unknown_bodies_and_colours_are_named():
    said = refusal(replace(CUBE, slot="teapot"), replace(PLATE, color="beige"))
    assert "there is no body 'teapot'" in said
    assert "there is no colour 'beige'" in said


def test_two_bodies_that_the_instruction_fits_are_ambiguous():
    """The same noun and colour in the other size."""
    said = refusal(CUBE, PLATE, replace(CONE, slot="cube_large", color="red"))
    assert "ambiguous: more than one red cube" in said


@pytest.mark.parametrize("color", [c for c in COLORS if c != "red"])
def test_the_same_shape_in_another_colour_is_not_ambiguous(color):
    assert Scene(CUBE, PLATE, (replace(CONE, slot="cube_large", color=color),)).problems(pool()) == []


def test_a_second_receptacle_of_another_kind_in_the_same_colour_is_not_ambiguous():
    assert Scene(CUBE, PLATE, (Placement("bowl", "blue", 0.38, 0.1, 0.0),)).problems(pool()) == []


def test_a_body_of_the_pool_can_stand_in_one_place_only():
    assert "a body is used twice" in refusal(CUBE, PLATE, replace(CONE, slot="cube_small"))


@pytest.mark.parametrize(
    ("target", "receptacle"), [(PLATE, CUBE), (CUBE, CONE), (PLATE, replace(PLATE, slot="bowl"))]
)
def test_objects_and_receptacles_are_not_exchanged(target, receptacle):
    assert "the target must be an object" in refusal(target, replace(receptacle, x=0.4, y=0.15))


@pytest.mark.parametrize(("x", "y"), [(X0 - 0.001, 0), (X1 + 0.001, 0), (0.5, Y0 - 0.001), (0.5, Y1 + 0.001)])
def test_a_body_outside_the_region_is_named_with_its_place(x, y):
    said = refusal(CUBE, replace(PLATE, x=0.5, y=-0.02), replace(CONE, x=x, y=y))
    assert f"cone_large at ({x:.3f}, {y:.3f}) is outside the region" in said


def test_the_edge_of_the_region_belongs_to_it():
    assert Scene(replace(CUBE, x=X0, y=Y0), replace(PLATE, x=X1, y=Y1)).problems(pool()) == []


@pytest.mark.parametrize("gap", [LEAST_CLEARANCE - 0.001, 0.012, 0.001, -0.02])
def test_bodies_too_close_to_each_other_are_named_with_their_gap(gap):
    slots = pool()
    distance = slots["cube_small"].radius + slots["cone_large"].radius + gap
    said = refusal(CUBE, PLATE, replace(CONE, x=CUBE.x, y=CUBE.y + distance))
    assert f"cone_large and cube_small are {gap:.3f} m apart" in said


@pytest.mark.parametrize("gap", [LEAST_CLEARANCE, CLEARANCE])
def test_bodies_may_stand_as_close_as_the_least_clearance(gap):
    slots = pool()
    distance = slots["cube_small"].radius + slots["cone_large"].radius + gap
    assert Scene(CUBE, PLATE, (replace(CONE, x=CUBE.x, y=CUBE.y + distance),)).problems(slots) == []


def test_colours_are_told_apart_by_more_than_a_tint():
    """The default tint shifts each channel by 0.06 at most."""
    names = list(COLORS)
    for i, a in enumerate(names):
        for b in names[:i]:
            apart = max(abs(x - y) for x, y in zip(COLORS[a], COLORS[b], strict=True))
            assert apart > 0.3, f"{a} and {b} differ by {apart:.2f} only"
