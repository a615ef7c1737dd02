"""The size at which Qwen2.5-VL sees an image is transformers' own; coordinates go there and come back."""

import ast
import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from policy.grounding import Grounding, Point
from policy.smart_resize import FACTOR, MAX_PIXELS, MIN_PIXELS, Resize, smart_size

side = st.integers(1, 3000)
sizes = st.tuples(side, side).filter(lambda s: max(s) <= 200 * min(s))


def transformers_function():
    """``smart_resize`` from transformers' source: importing the package would take longer than all these tests."""
    package = Path(importlib.util.find_spec("transformers").origin).parent
    tree = ast.parse((package / "models/qwen2_vl/image_processing_qwen2_vl.py").read_text())
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "smart_resize")
    names = {"math": math}
    exec(compile(ast.Module([function], []), "smart_resize", "exec"), names)
    return names["smart_resize"]


THEIRS = transformers_function()


@given(sizes, st.integers(1, 100_000), st.integers(0, 2_000_000))
def test_the_rule_is_that_of_transformers(size, min_pixels, more):
    width, height = size
    theirs = THEIRS(height, width, FACTOR, min_pixels, min_pixels + more)
    assert smart_size(width, height, min_pixels, min_pixels + more) == theirs[::-1]


@given(sizes)
def test_the_defaults_are_those_of_transformers(size):
    assert smart_size(*size) == THEIRS(size[1], size[0])[::-1]


@given(sizes)
def test_what_the_model_sees_is_seen_unchanged(size):
    seen = smart_size(*size)
    assume(max(seen) <= 200 * min(seen) and MIN_PIXELS <= seen[0] * seen[1] <= MAX_PIXELS)
    assert smart_size(*seen) == seen
    assert all(s % FACTOR == 0 for s in seen)


@pytest.mark.parametrize(
    ("size", "limits", "seen"),
    [
        ((224, 224), (784, 50176), (224, 224)),  # the policy's own size and limits
        ((640, 480), (784, 50176), (252, 168)),
        ((640, 480), (MIN_PIXELS, MAX_PIXELS), (644, 476)),
        ((42, 70), (1, 10**6), (56, 56)),  # halves go to the even multiple
        ((10, 10), (784, 50176), (28, 28)),
    ],
)
def test_known_sizes(size, limits, seen):
    assert smart_size(*size, *limits) == seen


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 10), "at least 1 px"),
        ((201, 1), "aspect ratio"),
        ((10, 10, 0), "min_pixels"),
        ((10, 10, 5, 4), "min_pixels"),
    ],
)
def test_impossible_sizes_and_limits_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        smart_size(*arguments)


@given(sizes, st.lists(st.tuples(*[st.floats(-100, 4000)] * 4), min_size=1, max_size=4))
def test_coordinates_survive_the_way_there_and_back(size, boxes):
    resize = Resize.smart(*size)
    back = resize.to_image(resize.to_seen(boxes))
    np.testing.assert_allclose(back, boxes, rtol=1e-12, atol=1e-9)


@given(sizes)
def test_corners_stay_corners(size):
    resize = Resize.smart(*size)
    np.testing.assert_allclose(resize.to_seen([[0, 0, *size]]), [[0, 0, *resize.seen]], rtol=1e-12)
    np.testing.assert_allclose(resize.to_image(resize.seen), size, rtol=1e-12)


@given(sizes, st.floats(0, 3000), st.floats(0, 3000))
def test_a_resized_claim_says_the_same(size, u, v):
    resize = Resize.smart(*size)
    claim = Grounding("front", size, points=(Point("grasp", (u, v)),)).resized(*resize.seen)
    np.testing.assert_allclose(resize.to_seen([u, v]), claim.points[0].uv, rtol=1e-9)


def test_a_rounding_error_where_the_model_sees_is_larger_in_the_image():
    resize = Resize.smart(640, 480, 784, 50176)
    off = resize.to_image(resize.to_seen([100.0, 100.0]) + 0.5) - 100
    np.testing.assert_allclose(off, (0.5 * 640 / 252, 0.5 * 480 / 168))


def test_no_points_stay_no_points_and_odd_numbers_are_refused():
    resize = Resize((640, 480), (224, 224))
    assert resize.to_seen(np.zeros((0, 2))).shape == (0, 2)
    with pytest.raises(ValueError, match="pairs"):
        resize.to_seen([1.0, 2.0, 3.0])
