"""Silhouettes have the areas that geometry says, and boxes are the bounds of marks."""

import numpy as np
import pytest

from workbench.data.generate.silhouette import convex_parts, label_boxes, silhouette_area


def square(side, at=(0.0, 0.0)):
    return np.array(((0, 0), (side, 0), (side, side), (0, side)), float) + at


def test_one_convex_part_has_its_exact_area():
    assert silhouette_area([square(10.0, (3.3, -50.2))]) == pytest.approx(100.0)


def test_overlapping_parts_count_once():
    cross = [square(1) * (30, 10) - (15, 5), square(1) * (10, 30) - (5, 15)]
    assert silhouette_area(cross) == pytest.approx(500.0, rel=0.03)


def test_what_reaches_behind_the_camera_has_no_area():
    part = square(10.0)
    part[0] = np.nan
    assert silhouette_area([part]) is None


def test_parts_of_a_cross_leave_its_corners_free():
    corners = np.concatenate(convex_parts("cross_large"))
    whole = np.prod(np.ptp(corners[:, :2], axis=0))
    from_above = silhouette_area([1000 * part[:, :2] for part in convex_parts("cross_large")])
    assert from_above < 0.8e6 * whole


def test_boxes_are_outer_edges_of_marks():
    labels = np.full((20, 30), -1)
    labels[4:9, 10:12] = 1
    labels[15, 20] = 5
    boxes, pixels = label_boxes(labels, 3)
    np.testing.assert_array_equal(boxes[1], (10, 4, 12, 9))
    assert np.isnan(boxes[[0, 2]]).all(), "body 5 is none of the three"
    np.testing.assert_array_equal(pixels, (0, 10, 0))
