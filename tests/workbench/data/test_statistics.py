"""Dataset statistics: numpy's own, whatever the pieces they came in."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data.quantile_sketch import BITS, EXACT
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


def episodes(count, rows=80, seed=0):
    rng = np.random.default_rng(seed)
    return [
        {"x": rng.normal(3, 1, (rows, 7)).astype(np.float32), "n": rng.integers(0, 9, rows)}
        for _ in range(count)
    ]


def test_memory_does_not_grow_with_the_rows():
    statistics, sizes = ColumnStatistics(), []
    for number in (400, 1600):
        for episode in episodes(number):
            statistics.add(episode)
        statistics.result()
        sizes.append(len(pickle.dumps(statistics)))
    assert sizes[1] < 1.5 * sizes[0], "four times the rows"
    assert sizes[1] < 0.5 * 2000 * 80 * 7 * 4


def test_who_computed_the_pieces_does_not_matter():
    alone, merged = ColumnStatistics(), ColumnStatistics()
    for episode in episodes(300):
        alone.add(episode)
        piece = ColumnStatistics()
        piece.add(episode)
        merged.merge(pickle.loads(pickle.dumps(piece)))
    assert json.dumps(alone.result()) == json.dumps(merged.result())


def test_a_piece_that_gave_its_result_is_as_small_to_send_as_before():
    piece = ColumnStatistics()
    piece.add(episodes(1)[0])
    before = len(pickle.dumps(piece))
    piece.result()
    assert len(pickle.dumps(piece)) == before


def test_halves_of_many_rows_merge_to_the_statistics_of_the_whole():
    made = episodes(600)
    halves, alone = (ColumnStatistics(), ColumnStatistics()), ColumnStatistics()
    for k, episode in enumerate(made):
        halves[k % 2].add(episode)
        alone.add(episode)
    halves[0].merge(halves[1])
    rows = np.concatenate([e["x"] for e in made]).astype(np.float64)
    found, whole = halves[0].result()["x"], alone.result()["x"]
    for name in ("min", "max", "count", *QUANTILES):
        assert found[name] == whole[name]
    np.testing.assert_allclose(found["mean"], rows.mean(0), rtol=1e-13)
    np.testing.assert_allclose(found["std"], rows.std(0), rtol=1e-12)
    for name, q in QUANTILES.items():
        np.testing.assert_allclose(found[name], np.quantile(rows, q, axis=0), rtol=2.0**-BITS)


def test_variance_survives_a_mean_that_is_far_away():
    values = 1e9 + np.random.default_rng(1).normal(0, 1e-2, (1000, 1))
    statistics = ColumnStatistics()
    for piece in np.array_split(values, 50):
        statistics.add({"x": piece})
    assert statistics.result()["x"]["std"] == pytest.approx(values.std(0).tolist(), rel=1e-6)


def test_numbers_that_are_not_finite_are_seen_in_the_statistics():
    statistics = ColumnStatistics()
    statistics.add({"x": np.array(((1.0, np.nan, 1.0), (2.0, 1.0, np.inf)))})
    statistics.add({"x": np.ones((1, 3))})
    found = statistics.result()["x"]
    assert np.isnan(found["mean"][1])
    assert found["max"][2] == np.inf
    assert found["q50"][0] == 1.0


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


def test_quantiles_of_many_rows_may_differ_by_the_sketch_and_no_more():
    rows = np.random.default_rng(0).normal(0, 1, (EXACT + 1, 2)) + 5
    true, statistics = column_statistics(rows), ColumnStatistics()
    statistics.add({"x": rows})
    assert not differences(true, statistics.result()["x"]), "of a dataset whose quantiles are exact"
    wrong = true | {"q99": [true["q99"][0] * 1.002, true["q99"][1]]}
    assert [n for n, _ in differences(wrong, statistics.result()["x"])] == ["q99"]
