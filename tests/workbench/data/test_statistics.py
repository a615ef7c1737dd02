"""Dataset statistics: numpy's own, whatever the pieces they came in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data.statistics import (
    QUANTILES,
    ColumnStatistics,
    PictureStatistics,
    column_statistics,
    differences,
)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 2**31))
def test_pieces_give_what_numpy_gives_on_the_whole(sizes, seed):
    rng = np.random.default_rng(seed)
    pieces = [rng.normal(3, 10, (n, 2, 3)).astype(np.float32) for n in sizes]
    statistics = ColumnStatistics()
    for piece in pieces:
        statistics.add({"x": piece})
    found = statistics.result()["x"]
    whole = np.concatenate(pieces).astype(np.float64).reshape(-1, 6)
    expected = {"mean": whole.mean(0), "std": whole.std(0), "min": whole.min(0), "max": whole.max(0)}
    expected |= {name: np.quantile(whole, q, axis=0) for name, q in QUANTILES.items()}
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-12, err_msg=name)
    assert found["count"] == [len(whole)]


def test_what_is_added_may_be_overwritten_afterwards():
    buffer, statistics = np.zeros((2, 1)), ColumnStatistics()
    for value in (1.0, 3.0):
        buffer[:] = value
        statistics.add({"x": buffer})
    assert statistics.result()["x"]["mean"] == [2.0]


def test_a_column_that_changes_its_width_is_refused():
    statistics = ColumnStatistics()
    statistics.add({"x": np.zeros((2, 3))})
    with pytest.raises(ValueError, match="x has 4 numbers a row"):
        statistics.add({"x": np.zeros((2, 4))})


@given(st.integers(1, 5), st.integers(0, 2**31))
def test_pictures_give_what_numpy_gives_on_all_pixels(count, seed):
    rng = np.random.default_rng(seed)
    pictures = rng.integers(rng.integers(0, 100), rng.integers(101, 256), (count, 5, 7, 3)).astype(np.uint8)
    halves = PictureStatistics(), PictureStatistics()
    for k, picture in enumerate(pictures):
        halves[k % 2].add(picture)
    halves[0].merge(halves[1])
    found = halves[0].result()
    pixels = pictures.reshape(-1, 3) / 255
    expected = {"mean": pixels.mean(0), "std": pixels.std(0), "min": pixels.min(0), "max": pixels.max(0)}
    expected |= {name: np.quantile(pixels, q, axis=0) for name, q in QUANTILES.items()}
    for name, value in expected.items():
        assert np.shape(found[name]) == (3, 1, 1)
        np.testing.assert_allclose(np.ravel(found[name]), value, atol=1e-12, err_msg=name)
    assert found["count"] == [count]


def test_a_changed_statistic_is_found_and_named():
    true = column_statistics(np.random.default_rng(0).normal(0, 1, (50, 3)))
    assert not differences(true, true)
    for name in ("mean", "q99", "count"):
        wrong = true | {name: [*true[name][:-1], true[name][-1] + 0.01]}
        assert [n for n, _ in differences(wrong, true)] == [name]
    assert differences(true | {"std": [1.0]}, true)[0][0] == "std"
    assert differences(true | {"mean": [np.nan] * 3}, true)[0][0] == "mean"
