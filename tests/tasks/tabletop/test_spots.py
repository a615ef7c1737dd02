"""Free places on the table."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.tabletop.spots import DIRECTIONS, Obstacle, first_free, is_free, way_out
from tasks.tabletop.workspace import LEAST_CLEARANCE, OBJECT_REGION

(X0, X1), (Y0, Y1) = OBJECT_REGION
RADIUS = 0.03
points = st.tuples(st.floats(X0, X1), st.floats(Y0, Y1))
ways = st.tuples(st.floats(0.0, 0.2), st.floats(-math.pi, math.pi)).map(
    lambda way: (way[0] * math.cos(way[1]), way[0] * math.sin(way[1]))
)
crowds = st.lists(st.builds(Obstacle, st.floats(X0, X1), st.floats(Y0, Y1), st.floats(0.02, 0.1)), max_size=8)
quick = settings(max_examples=200, deadline=None)


def gap(spot, obstacle):
    return math.hypot(spot[0] - obstacle.x, spot[1] - obstacle.y) - obstacle.radius - RADIUS


@given(points, ways, crowds)
@quick
def test_a_body_is_displaced_by_the_distance_to_a_place_that_is_free(start, wanted, crowd):
    spot = way_out(start, wanted, RADIUS, crowd)
    if spot is not None:
        assert math.dist(spot, start) == pytest.approx(math.hypot(*wanted), abs=1e-9)
        assert X0 <= spot[0] <= X1
        assert Y0 <= spot[1] <= Y1
        assert all(gap(spot, o) >= LEAST_CLEARANCE - 1e-9 for o in crowd)


@given(points, ways, crowds)
@quick
def test_it_goes_the_free_way_that_is_nearest_to_the_one_wanted(start, wanted, crowd):
    spot = way_out(start, wanted, RADIUS, crowd)
    distance, angle = math.hypot(*wanted), math.atan2(wanted[1], wanted[0])
    turns = [2 * math.pi * k / DIRECTIONS for k in range(DIRECTIONS)]
    spots = [
        (start[0] + distance * math.cos(angle + t), start[1] + distance * math.sin(angle + t)) for t in turns
    ]
    free = [min(t, 2 * math.pi - t) for t, s in zip(turns, spots, strict=True) if is_free(s, RADIUS, crowd)]
    assert (spot is None) == (not free)
    if spot is not None:
        assert math.dist(spot, (start[0] + wanted[0], start[1] + wanted[1])) == pytest.approx(
            2 * distance * math.sin(min(free) / 2), abs=1e-9
        )


def test_a_free_way_is_taken_as_it_is():
    spot = way_out((0.5, 0.0), (0.0, 0.1), RADIUS, [Obstacle(0.4, 0.0, 0.05)])
    assert spot == pytest.approx((0.5, 0.1))


def test_where_everything_is_taken_there_is_no_way():
    everywhere = [Obstacle(0.5, 0.0, 1.0)]
    assert way_out((0.5, 0.0), (0.05, 0.0), RADIUS, everywhere) is None
    assert first_free([(0.1, 0.1), (0.9, 0.9)], RADIUS, everywhere) is None


def test_the_first_free_place_is_taken():
    shares = [(0.5, 0.5), (0.25, 0.25), (0.75, 0.75)]
    spot = first_free(shares, RADIUS, [Obstacle(0.5, 0.0, 0.02)])
    assert spot == pytest.approx((X0 + 0.25 * (X1 - X0), Y0 + 0.25 * (Y1 - Y0)))
