"""How well answers fit: known values, missing answers, and intervals that hold for questions about the same episode."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.grounding import Box
from workbench.data.qa.held_out import (
    box_iou,
    box_rate,
    point_in_mask_rate,
    points_in_mask,
    trace_errors,
    trace_mae,
    within_rate,
)
from workbench.stats import mean_interval, wilson_interval

NAN = [np.nan] * 4
box = st.tuples(*[st.floats(0, 200)] * 2, *[st.floats(1, 80)] * 2).map(
    lambda x: (x[0], x[1], x[0] + x[2], x[1] + x[3])
)


@given(st.lists(st.tuples(box, box), min_size=1, max_size=6))
def test_overlap_is_that_of_the_policys_boxes(pairs):
    a, b = (np.array(x) for x in zip(*pairs, strict=True))
    expected = [Box("", tuple(p)).iou(Box("", tuple(q))) for p, q in pairs]
    np.testing.assert_allclose(box_iou(a, b), expected, atol=1e-12)


def test_boxes_at_the_threshold_count_and_missing_ones_are_wrong():
    annotated = [[0, 0, 10, 10]] * 4
    predicted = [[0, 0, 10, 10], [0, 0, 10, 5], [0, 0, 10, 4.9], NAN]
    rate = box_rate(predicted, annotated)
    assert (rate.right, rate.count, rate.missing) == (2, 4, 1)
    assert rate.rate == 0.5
    assert rate.interval == pytest.approx(wilson_interval(2, 4))
    assert box_rate(predicted, annotated, threshold=0.4).right == 3
    assert box_iou([[3, 3, 3, 3]], [[3, 3, 3, 3]]) == 0.0
    assert box_iou([[5, 5, 2, 2]], [[0, 0, 9, 9]]) == 0.0, "swapped corners have no area"


def test_a_point_lies_on_the_pixel_that_it_is_in():
    mask = np.zeros((3, 5), bool)
    mask[1, 4] = mask[2, 0] = True
    inside = [(4.0, 1.0), (4.99, 1.99), (5.0, 1.5), (0.0, 3.0)]
    outside = [(3.99, 1.5), (4.5, 2.0), (0.5, 3.01), (-0.01, 2.5), (np.nan, 1)]
    points = inside + outside
    right = [True] * 4 + [False] * 5
    assert points_in_mask(points, mask).tolist() == right
    rate = point_in_mask_rate(points, [mask] * len(points))
    assert (rate.right, rate.count, rate.missing) == (4, 9, 1)
    assert rate.interval == pytest.approx(wilson_interval(4, 9))


def test_the_error_of_a_trace_is_the_mean_absolute_error_of_its_coordinates():
    annotated = [[(0, 0), (10, 0), (20, 0)]] * 5
    predicted = [
        [(0, 0), (10, 0), (20, 0)],
        [(1, -2), (11, -2), (21, -2)],
        [],
        [(0, np.nan)],
        [(0, 0), (20, 0)],
    ]
    np.testing.assert_allclose(trace_errors(predicted, annotated), [0, 1.5, np.nan, np.nan, 0])
    error = trace_mae(predicted, annotated)
    assert (error.mean, error.count, error.missing) == (0.5, 3, 2)
    assert error.interval == mean_interval([0.0, 1.5, 0.0], bounds=(0.0, np.inf))


def test_a_trace_with_another_number_of_points_is_measured_along_its_way():
    true = np.stack((np.linspace(0, 30, 31), np.zeros(31)), -1)
    for way in ([(0, 0), (30, 0)], [(0, 0), (1, 0), (2, 0), (30, 0)], true[::5]):
        assert trace_errors([way], [true])[0] == pytest.approx(0)
    assert trace_errors([[(15, 0)]], [true])[0] == pytest.approx(np.abs(true[:, 0] - 15).mean() / 2)


def test_nothing_answered_is_no_error_of_zero():
    error = trace_mae([[], []], [[(0, 0)]] * 2)
    assert error.mean is None
    assert error.interval is None
    assert (error.count, error.missing) == (0, 2)


def test_questions_that_agree_within_their_group_count_as_one():
    right = np.repeat([1, 0, 1, 1, 0, 1, 0, 1, 1, 1], 6)
    boxes = np.where(right[:, None], [[0, 0, 10, 10]], [[50, 50, 60, 60]])
    groups = np.repeat(list("abcdefghij"), 6).tolist()
    rate = box_rate(boxes, [[0, 0, 10, 10]] * 60, groups)
    assert rate.rate == pytest.approx(0.7)
    # Groups of one mind have the variance p(1 - p)/(G - 1): nine questions' worth.
    assert rate.effective_count == pytest.approx(9)
    assert rate.interval == pytest.approx(wilson_interval(0.7 * 9, 9))
    low, high = box_rate(boxes, [[0, 0, 10, 10]] * 60).interval
    assert rate.interval[0] < low < high < rate.interval[1]


def test_groups_of_one_change_nothing_and_one_group_is_one_question():
    boxes = [[0, 0, 10, 10]] * 4 + [[50, 50, 60, 60]] * 3
    annotated = [[0, 0, 10, 10]] * 7
    assert box_rate(boxes, annotated, list(range(7))) == box_rate(boxes, annotated)
    assert box_rate(boxes, annotated, ["a"] * 7).interval == pytest.approx(wilson_interval(4 / 7, 1))
    all_right = box_rate(annotated, annotated, list("aabbccc"))
    assert all_right.interval == wilson_interval(3, 3), "nothing shows that they are more than three"


def test_the_interval_covers_where_questions_of_an_episode_go_together():
    """30 episodes of 8 questions each, whose rates vary by Beta(2, 1): the true rate is 2/3."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 8).tolist()
    covered = {"with groups": 0, "without": 0}
    for _ in range(200):
        right = rng.random((30, 8)) < rng.beta(2, 1, (30, 1))
        boxes = np.where(right.reshape(-1, 1), [[0, 0, 1, 1]], [[2, 2, 3, 3]])
        for name, of in (("with groups", groups), ("without", None)):
            low, high = box_rate(boxes, [[0, 0, 1, 1]] * 240, of).interval
            covered[name] += low <= 2 / 3 <= high
    assert covered["with groups"] >= 0.92 * 200, covered
    assert covered["without"] <= 0.90 * 200, "then groups would not be needed"


def test_the_mean_of_a_trace_error_has_wider_intervals_where_episodes_differ():
    rng = np.random.default_rng(1)
    level = np.repeat(rng.exponential(5, 12), 10)
    annotated = [[(0, 0), (10, 0)]] * 120
    predicted = [[(e, e), (10 + e, e)] for e in level]
    groups = np.repeat(np.arange(12), 10).tolist()
    alone, grouped = trace_mae(predicted, annotated), trace_mae(predicted, annotated, groups)
    assert alone.mean == grouped.mean == pytest.approx(level.mean())
    assert grouped.interval[0] < alone.interval[0] < alone.interval[1] < grouped.interval[1]
    assert trace_mae(predicted[:20], annotated[:20], groups[:20]).interval is None, "two episodes are too few"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: box_rate([[0, 0, 1, 1]], [NAN]), "leave such questions out"),
        (lambda: box_rate([], []), "at least one question"),
        (lambda: box_rate([[0, 0, 1]], [[0, 0, 1, 1]]), "shape"),
        (lambda: box_rate([[0, 0, 1, 1]] * 2, [[0, 0, 1, 1]]), "as many annotated"),
        (lambda: box_rate([[0, 0, 1, 1]], [[0, 0, 1, 1]], ["a", "b"]), "as many groups"),
        (lambda: point_in_mask_rate([[0, 0]], []), "as many masks"),
        (lambda: trace_mae([[(0, 0)]], []), "as many annotated"),
        (lambda: trace_mae([[(0, 0)]], [[]]), "no points"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_errors_count_up_to_the_threshold_and_missing_ones_are_wrong():
    found = within_rate([0.0, 15.0, 15.1, np.nan], 15.0)
    assert (found.right, found.count, found.missing) == (2, 4, 1)
