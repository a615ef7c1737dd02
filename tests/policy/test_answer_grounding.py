"""Answers become groundings of the camera's image: the right labels, and the resize undone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.answer_grounding import answer_grounding
from policy.answer_parser import parse_answer
from policy.answers import Boxes, Labelled, PickPlace, Plan, Points, Sentence, Trace
from policy.grounding import Box, Point
from policy.smart_resize import Resize

A, B = (10.0, 20.0, 60.0, 80.0), (100.0, 100.0, 120.0, 190.0)
SEEN = (224, 224)
NAMES = {"red cube": "target", "blue plate": "receptacle"}


def labels(answer, names=None):
    found = answer_grounding(answer, "front", SEEN, SEEN, names)
    return {box.label: box.xyxy for box in found.boxes}


@pytest.mark.parametrize(
    "answer",
    [
        PickPlace(A, B),
        Boxes((A, B)),
        Labelled((Box("target", A), Box("receptacle", B))),
        Labelled((Box("receptacle", B), Box("what you asked for", A))),
        Sentence("Put the red cube<box> on the blue plate<box>.", ((A,), (B,))),
        Sentence("On the blue plate <box>, put the red cube <box>", ((B,), (A,))),
        Plan("Sure", Sentence("put a red cube<box> into the bowl<box>", ((A,), (B,)))),
    ],
)
def test_boxes_get_their_labels(answer):
    assert labels(answer) == {"target": A, "receptacle": B}


def test_the_place_alone_is_not_taken_for_the_object():
    assert labels(Plan("", Sentence("Put the red cube on the blue plate<box>", ((B,),)))) == {"receptacle": B}
    assert labels(PickPlace(None, B)) == {"receptacle": B}


def test_names_decide_before_order_and_place():
    said = Labelled((Box("Blue  Plate", B), Box("the red cube", A)))
    assert labels(said, NAMES) == {"target": A, "receptacle": B}
    said = Sentence("Grasp what is to the left of a red cube<box>", ((A,),))
    assert labels(said, NAMES) == {"target": A}


def test_what_has_no_label_left_keeps_its_words():
    three = Labelled((Box("one", A), Box("two", B), Box("three", A)))
    assert list(labels(three)) == ["target", "receptacle", "three"]


def test_points_and_traces():
    found = answer_grounding(Points(((1, 2), (3, 4))), "front", SEEN, SEEN)
    assert found.points == (Point("grasp", (1, 2)), Point("place", (3, 4)))
    found = answer_grounding(Labelled(points=(Point("place", (3, 4)),)), "front", SEEN, SEEN)
    assert found.points == (Point("place", (3, 4)),)
    found = answer_grounding(Points(((3, 4),)), "front", SEEN, SEEN, point_labels=("place",))
    assert found.points == (Point("place", (3, 4)),)
    assert answer_grounding(Trace(((1, 2), (3, 4))), "front", SEEN, SEEN).trace == ((1, 2), (3, 4))


sizes = st.tuples(st.integers(100, 2000), st.integers(100, 2000))


@given(sizes, st.data())
def test_a_claim_written_where_the_model_sees_comes_back_within_half_a_pixel_of_it(size, data):
    resize = Resize.smart(*size, 784, 50176)
    side = [data.draw(st.floats(0, 0.7)) for _ in range(2)]
    exact = [side[0] * size[0], side[1] * size[1], (side[0] + 0.25) * size[0], (side[1] + 0.25) * size[1]]
    seen = resize.to_seen(exact).tolist()
    reading = parse_answer(PickPlace(tuple(seen), None).text(), resize.seen)
    box = answer_grounding(reading.answer, "front", resize.seen, size)
    assert box.image_size == size
    half_u, half_v = (0.5 * s / t + 1e-9 for s, t in zip(size, resize.seen, strict=True))
    for x, y, half in zip(box.boxes[0].xyxy, exact, (half_u, half_v) * 2, strict=True):
        assert abs(x - y) <= half
