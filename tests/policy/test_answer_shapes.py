"""Every literal shape in public use is read right, or refused by name: never silently wrong, whatever its numbers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.answer_parser import parse_answer
from policy.answers import Labelled, coordinates
from tests.policy.answer_shapes import BOX, POINT, REFUSED, SHAPES, TWO_BOXES, TWO_POINTS

SIZE = (448, 336)
WRAPPINGS = ("{}", "```json\n{}\n```", "Sure.\n{}", "\n  {}  \n")
LENGTH = {POINT: 2, BOX: 4, TWO_POINTS: 4, TWO_BOXES: 8}
IDS = [shape.name for shape in SHAPES]

sides = st.tuples(st.integers(2, SIZE[0] - 2), st.integers(2, SIZE[1] - 2))


@st.composite
def places(draw):
    """Two boxes with whole corners, as eight numbers."""
    numbers = []
    for _ in range(2):
        (u, v), (a, b) = draw(sides), draw(sides)
        numbers += [min(u, a), min(v, b), max(u, a) + 1, max(v, b) + 1]
    return numbers


def written(shape, numbers):
    """The shape with numbers in it, and which of them it says in its order."""
    names = ("u0", "v0", "u1", "v1", "U0", "V0", "U1", "V1")
    text = shape.text
    for name, number in zip(names, numbers, strict=True):
        text = text.replace("{" + name + "}", f"{number:g}")
    said = {
        BOX: numbers[:4],
        TWO_BOXES: numbers,
        POINT: numbers[:2],
        TWO_POINTS: [*numbers[:2], *numbers[4:6]],
    }
    return text, [float(x) for x in said.get(shape.holds, [])]


def check(shape, numbers, wrapping):
    text, said = written(shape, numbers)
    text = wrapping.replace("{}", text)
    reading = parse_answer(text, SIZE)
    if shape.holds == REFUSED:
        assert reading.answer is None, f"{text!r} was read as {reading.answer}"
        assert shape.kind in reading.reason, f"{text!r}: {reading.reason}"
        return
    assert reading.answer is not None, f"{text!r} was refused: {reading.reason}"
    assert coordinates(reading.answer) == said, f"{text!r} was read as {reading.answer}"
    assert reading.kind == shape.kind, text
    if isinstance(reading.answer, Labelled):
        labels = [entry.label for entry in (*reading.answer.boxes, *reading.answer.points)]
        assert tuple(labels) == shape.labels, text


@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
def test_it_is_read_right_or_refused_by_name(shape):
    check(shape, [10, 20, 60, 80, 200, 100, 320, 190], "{}")


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SHAPES), places(), st.sampled_from(WRAPPINGS))
def test_whatever_its_numbers_and_what_stands_around_it(shape, numbers, wrapping):
    if "bare numbers" in shape.name and wrapping.startswith("Sure"):
        wrapping = "{}"  # numbers in prose are no claim
    check(shape, numbers, wrapping)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([s for s in SHAPES if s.holds != REFUSED]), places())
def test_thousandths_are_refused_and_never_clamped(shape, numbers):
    """Numbers of 0 to 1000 for an image of 448 x 336, at least one of them well outside it."""
    is_box = shape.holds in (BOX, TWO_BOXES)
    numbers = [x if is_box and i % 4 < 2 else (990.0, 970.0)[i % 2] for i, x in enumerate(numbers)]
    reading = parse_answer(written(shape, numbers)[0], SIZE)
    assert reading.answer is None
    assert "far outside the image" in reading.reason


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([s for s in SHAPES if s.holds != REFUSED]), places())
def test_fractions_are_read_as_shares_of_the_sides(shape, numbers):
    shares = [round(x / SIZE[i % 2] * 0.9 + 0.001, 4) for i, x in enumerate(numbers)]
    text, said = written(shape, shares)
    reading = parse_answer(text, SIZE)
    assert reading.answer is not None, f"{text!r} was refused: {reading.reason}"
    expected = [x * SIZE[i % 2] for i, x in enumerate(said)]
    assert coordinates(reading.answer) == pytest.approx(expected)
    assert "numbers were taken for shares of the image's sides" in reading.repairs


def test_what_the_question_asked_for_decides_what_places_joined_by_to_are():
    text = "(166,36) to (381,180)"
    assert parse_answer(text, SIZE).answer is None
    assert parse_answer(text, SIZE, "trace").kind == "trace"
    assert coordinates(parse_answer(text, SIZE, "points").answer) == [166, 36, 381, 180]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Option (1): the box is [10, 20, 60, 80].", [10, 20, 60, 80]),
        ("There are 2 cubes (red and blue); the red one is at (10, 20).", [10, 20]),
        ("[10, 20, 450, 80]", [10, 20, 448, 80]),
    ],
)
def test_words_and_single_numbers_around_a_claim_do_no_harm(text, expected):
    assert coordinates(parse_answer(text, SIZE).answer) == expected
