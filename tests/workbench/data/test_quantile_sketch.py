"""Quantiles from counts: exact while they are few, within a stated error beyond, whatever order they came in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data.quantile_sketch import BITS, EXACT, QuantileSketch

SHARES = np.array((0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 1.0))
MANY = 20 * EXACT
DRAWS = {
    "about zero": lambda rng, n: rng.laplace(0, 1e-3, n),
    "single precision": lambda rng, n: rng.normal(0, 1, n).astype(np.float32),
    "an angle": lambda rng, n: rng.normal(2, 0.3, n),
    "two places": lambda rng, n: rng.choice((-1.0, 1.0), n) * rng.uniform(0.9, 1, n),
    "heavy tails": lambda rng, n: rng.standard_cauchy(n),
    "far away": lambda rng, n: 1.7e9 + rng.uniform(0, 1000, n),
    "mostly zero": lambda rng, n: np.where(rng.uniform(size=n) < 0.7, 0.0, rng.normal(0, 1, n)),
}


def sketch_of(*pieces):
    sketch = QuantileSketch()
    for piece in pieces:
        sketch.add(piece)
    return sketch


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=50),
    st.integers(0, 50),
)
def test_few_numbers_have_the_quantiles_that_numpy_gives(values, cut):
    values = np.array(values)
    found = sketch_of(values[:cut], values[cut:]).quantiles(SHARES)
    np.testing.assert_allclose(found, np.quantile(values, SHARES), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_many_numbers_have_quantiles_within_the_stated_error(draw):
    values = np.asarray(draw(np.random.default_rng(3), MANY), np.float64)
    assert len(np.unique(values)) > EXACT, "or nothing is tested"
    sketch = sketch_of(*np.array_split(values, 7))
    truth = np.quantile(values, SHARES)
    # Both numbers that a quantile lies between are displaced by less than that.
    assert (np.abs(sketch.quantiles(SHARES) - truth) <= 2.0**-BITS * np.abs(truth) + 1e-12).all()
    assert sketch.count == MANY


def test_numbers_that_spread_little_are_resolved_finer_than_their_size():
    values = 1.7e9 + np.random.default_rng(3).uniform(0, 1000, MANY)
    found = sketch_of(values).quantiles(SHARES)
    np.testing.assert_allclose(found, np.quantile(values, SHARES), rtol=0, atol=0.2)


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_order_and_pieces_do_not_matter(draw):
    rng = np.random.default_rng(4)
    values = np.asarray(draw(rng, 4 * EXACT), np.float64)
    expected = sketch_of(values)
    shuffled = rng.permutation(values)
    left, right = sketch_of(*np.array_split(shuffled[: EXACT // 2], 3)), sketch_of(shuffled[EXACT // 2 :])
    for merged, other in ((left, right), (right, sketch_of(shuffled[: EXACT // 2]))):
        merged.merge(other)
        np.testing.assert_array_equal(merged._patterns, expected._patterns)
        np.testing.assert_array_equal(merged._counts, expected._counts)


def test_a_hundred_times_as_many_numbers_take_hardly_more_room():
    rng, sketch, sizes = np.random.default_rng(5), QuantileSketch(), []
    for _ in range(100):
        sketch.add(rng.normal(0, 1, EXACT).astype(np.float32))
        sizes.append(sketch.size)
    assert max(sizes) < 2 * EXACT


def test_of_nothing_there_are_no_quantiles():
    with pytest.raises(ValueError, match="no numbers"):
        QuantileSketch().quantiles(SHARES)
