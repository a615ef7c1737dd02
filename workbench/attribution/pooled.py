"""Does success fall anywhere along a factor? One test over all levels of its ladders, on paired episodes.

If a factor does nothing, the outcomes of one episode, clean and at the levels, may be exchanged for each other; so
shuffling them within each episode gives the distribution of any statistic (Page 1963, Ordered hypotheses for multiple
treatments, JASA 58, and Cochran 1950, Biometrika 37, are of this form). The statistic is the largest of several
contrasts: for each level, what lies before it on its ladder against it and all beyond, which sees steps and steady
falls; for each level alone, the others of its ladder against it; and clean against everything. Each is divided by its
own spread over the episodes, so that the test keeps its level, as the episodes grow many, also where luck makes
neighbouring levels more alike than distant ones and outcomes are not exchangeable (Chung & Romano 2013, Exact and
asymptotically robust permutation tests, Ann. Statist. 41). Only falls count.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PERMUTATIONS = 9999
"""The smallest p-value is 1e-4, which survives Holm's correction over 500 factors."""
FIRST = 499
"""Permutations of a first look; a factor with a p-value of at least `SEEN_ENOUGH` there gets no more. The others are
judged by fresh ones alone, so the p-value stays valid."""
SEEN_ENOUGH = 0.2
_CHUNK = 500
_LEAST_SPREAD = 0.25
"""Added to the sum of squares: one episode that differs is not infinitely clear."""


def contrasts(ladders: Sequence[tuple[int, bool]]) -> np.ndarray:
    """Rows ``[M, 1 + K]`` of length 1 and sum 0 over clean and the levels of a factor's ladders, one after the other.

    Args:
        ladders: number of levels of each ladder, and whether they have an order.
    """
    size = 1 + sum(count for count, _ in ladders)
    rows = [_against([0], range(1, size), size)]
    start = 1
    for count, ordered in ladders:
        levels = list(range(start, start + count))
        for k, level in enumerate(levels):
            if ordered:
                rows.append(_against([0, *levels[:k]], levels[k:], size))
            rows.append(_against([0, *(x for x in levels if x != level)], [level], size))
        start += count
    return np.unique(np.round(np.stack(rows), 12), axis=0)


def _against(high: Sequence[int], low: Sequence[int] | range, size: int) -> np.ndarray:
    row = np.zeros(size)
    row[list(high)], row[list(low)] = 1 / len(high), -1 / len(low)
    return row / np.linalg.norm(row)


def fall(outcomes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The statistic ``[...]`` of outcomes ``[..., N, 1 + K]``, 1 success and 0 failure."""
    differences = outcomes @ rows.T
    spread = np.sqrt(np.sum(differences**2, axis=-2) + _LEAST_SPREAD)
    return np.asarray((differences.sum(-2) / spread).max(-1))


def pooled_p(
    outcomes: np.ndarray,
    ladders: Sequence[tuple[int, bool]],
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> float:
    """P-value that success falls nowhere along the factor; 1 where no complete episode differs between conditions.

    Args:
        outcomes: ``[1 + K, N]`` of clean and all levels, NaN where an episode did not run; only those count that
            ran everywhere.
        ladders: see `contrasts`.
        rng: of the permutations.
        permutations: their number.
    """
    table = outcomes[:, ~np.isnan(outcomes).any(axis=0)].T.astype(np.float32)
    table = table[(table != table[:, :1]).any(axis=1)]
    if len(table) == 0:
        return 1.0
    rows = contrasts(ladders).astype(np.float32)
    first = _share(table, rows, rng, min(FIRST, permutations))
    return first if first >= SEEN_ENOUGH else _share(table, rows, rng, permutations)


def _share(table: np.ndarray, rows: np.ndarray, rng: np.random.Generator, count: int) -> float:
    """Share of permutations, with the outcomes as they are for one, whose statistic is as great."""
    # A hair less, so that a shuffle that gives the same table counts as as great.
    seen = float(fall(table, rows)) - 1e-5
    as_great = 0
    for start in range(0, count, _CHUNK):
        many = min(_CHUNK, count - start)
        shuffled = rng.permuted(np.broadcast_to(table, (many, *table.shape)), axis=2)
        as_great += int((fall(shuffled, rows) >= seen).sum())
    return (1 + as_great) / (1 + count)
