"""Claims about images: moved between sizes without loss, compared only where they speak of the same image."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.grounding import Box, Grounding, Point, box_iou, claimed_place, is_right, point_error_px

pixel = st.floats(-50, 2000)
sizes = st.tuples(st.integers(16, 2000), st.integers(16, 2000))


@st.composite
def boxes(draw, label="target"):
    u, v = draw(pixel), draw(pixel)
    return Box(label, (u, v, u + draw(st.floats(0.01, 500)), v + draw(st.floats(0.01, 500))))


@st.composite
def groundings(draw):
    uv = st.tuples(pixel, pixel)
    return Grounding(
        draw(st.sampled_from(("front", "wrist"))),
        draw(sizes),
        tuple(draw(st.lists(boxes(), max_size=3))),
        tuple(Point("grasp", p) for p in draw(st.lists(uv, max_size=3))),
        tuple(draw(st.lists(uv, max_size=5))),
    )


def numbers(claim):
    """Every pixel coordinate of a claim in a row."""
    return [x for b in claim.boxes for x in b.xyxy] + [x for p in (*points(claim), *claim.trace) for x in p]


def points(claim):
    return [p.uv for p in claim.points]


@given(groundings(), sizes)
def test_a_claim_survives_a_resize_there_and_back(claim, size):
    there = claim.resized(*size)
    assert there.image_size == size
    back = there.resized(*claim.image_size)
    assert back.image_size == claim.image_size
    assert numbers(back) == pytest.approx(numbers(claim), abs=1e-9, rel=1e-12)


def test_resizing_scales_the_two_axes_apart():
    claim = Grounding(
        "front", (200, 100), (Box("target", (10, 20, 30, 40)),), (Point("grasp", (200, 100)),), ((1, 1),)
    )
    half = claim.resized(100, 400)
    assert half.boxes[0].xyxy == (5, 80, 15, 160)
    assert half.points[0].uv == (100, 400), "the image's far corner must stay its far corner"
    assert half.trace == ((0.5, 4.0),)


@given(boxes(), boxes())
def test_overlap_is_symmetric_and_between_zero_and_one(a, b):
    assert 0.0 <= a.iou(b) <= 1.0 + 1e-9
    assert a.iou(b) == pytest.approx(b.iou(a))


@given(boxes(), st.floats(-100, 100), st.floats(-100, 100))
def test_overlap_with_itself_is_one_and_less_with_itself_moved(box, du, dv):
    assert box.iou(box) == pytest.approx(1.0)
    u0, v0, u1, v1 = box.xyxy
    moved = Box(box.label, (u0 + du, v0 + dv, u1 + du, v1 + dv))
    width, height = u1 - u0, v1 - v0
    common = max(0.0, width - abs(du)) * max(0.0, height - abs(dv))
    assert box.iou(moved) == pytest.approx(common / (2 * width * height - common), abs=1e-6)


@given(groundings(), groundings(), sizes)
def test_overlap_does_not_depend_on_the_size_of_the_image(a, b, size):
    a = Grounding("front", (640, 480), a.boxes, a.points)
    b = Grounding("front", (640, 480), b.boxes, b.points)
    before, after = box_iou(a, b, "target"), box_iou(a.resized(*size), b.resized(*size), "target")
    assert (before is None) == (not (a.boxes and b.boxes))
    assert after == (None if before is None else pytest.approx(before, abs=1e-6))


def test_known_overlaps():
    box = Box("target", (0, 0, 10, 10))
    assert box.iou(Box("target", (0, 0, 10, 5))) == pytest.approx(0.5)
    assert box.iou(Box("target", (5, 0, 15, 10))) == pytest.approx(1 / 3)
    assert box.iou(Box("target", (10, 0, 20, 10))) == 0.0, "boxes that only touch do not overlap"
    assert Box("empty", (3, 3, 3, 3)).iou(Box("empty", (3, 3, 3, 3))) == 0.0


def test_the_error_of_a_point_is_a_distance_in_pixels():
    said = Grounding("front", (224, 224), points=(Point("place", (0, 0)), Point("grasp", (13, 24))))
    true = Grounding("front", (224, 224), points=(Point("grasp", (10, 20)),))
    assert point_error_px(said, true, "grasp") == pytest.approx(5.0)
    assert point_error_px(said, true, "place") is None, "a missing truth must not read as a perfect claim"
    assert box_iou(said, true, "target") is None


@pytest.mark.parametrize("compare", [point_error_px, box_iou])
@pytest.mark.parametrize("other", [Grounding("wrist", (224, 224)), Grounding("front", (448, 448))])
def test_claims_about_different_images_cannot_be_compared(compare, other):
    with pytest.raises(ValueError, match="different images") as error:
        compare(Grounding("front", (224, 224)), other, "grasp")
    assert other.camera in str(error.value)
    assert str(other.image_size) in str(error.value)


@given(groundings())
def test_a_claim_comes_back_from_json_up_to_a_hundredth_of_a_pixel(claim):
    back = Grounding.from_dict(json.loads(json.dumps(claim.to_dict())))
    assert (back.camera, back.image_size) == (claim.camera, claim.image_size)
    assert [b.label for b in back.boxes] == [b.label for b in claim.boxes]
    assert numbers(back) == pytest.approx(numbers(claim), abs=0.005001)
    assert Grounding.from_dict(back.to_dict()) == back, "rounding twice must change nothing more"


TRUE = Grounding("front", (64, 48), (Box("target", (0, 0, 10, 10)), Box("receptacle", (30, 30, 40, 40))))


@pytest.mark.parametrize(
    ("boxes", "points", "right"),
    [
        ([("target", (2, 0, 12, 10)), ("receptacle", (30, 30, 40, 40))], [], True),
        ([("target", (2, 0, 12, 10)), ("receptacle", (36, 30, 46, 40))], [], False),
        ([("target", (2, 0, 12, 10))], [], True),
        ([("target", (4, 0, 14, 10))], [("grasp", (5, 5))], False),  # a box counts, whatever the point
        ([], [("grasp", (9, 9)), ("place", (31, 39))], True),
        ([], [("grasp", (9, 9)), ("place", (29, 39))], False),
        ([("lamp", (0, 0, 10, 10))], [], None),
        ([], [], None),
    ],
)
def test_a_claim_is_right_if_all_that_it_names_is(boxes, points, right):
    claim = Grounding("front", (64, 48), tuple(Box(*b) for b in boxes), tuple(Point(*p) for p in points))
    assert is_right(claim, TRUE) is right


def test_a_claim_says_where_to_act_by_its_point_or_else_by_its_box():
    box = Grounding("front", (64, 48), (Box("target", (0, 0, 10, 20)),))
    both = Grounding("front", (64, 48), box.boxes, (Point("grasp", (1.0, 2.0)),))
    assert claimed_place(box, "grasp") == (5, 10)
    assert claimed_place(both, "grasp") == (1.0, 2.0)
    assert claimed_place(both, "place") is None
