"""How much of success a factor decides: its first-order Sobol' index.

    S_f = Var(E[Y | x_f]) / Var(Y)

for success Y and independently drawn factors (Sobol' 1993; Saltelli et al. 2008, Global sensitivity analysis), from
the means of success in bins of x_f, without the part that chance alone puts between bins: epsilon squared, Kelley
(1935), An unbiased correlation ratio measure, PNAS 21. Factors that only matter together have small indices each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.attribution.columns import Column
from workbench.statistics import Interval, keyed_generator

BINS = 5
"""Bins of a numeric column, of equally many episodes."""
RESAMPLES = 1000


def shares(
    columns: Sequence[Column], success: np.ndarray, *, confidence: float, seed: int = 0
) -> list[tuple[float, Interval]]:
    """Index of each column and its interval, which may include 0.

    The interval is a bootstrap over episodes, reflected about the estimate (the basic interval, Davison & Hinkley
    1997, section 5.2): resampling puts chance between the bins a second time, which percentiles would count as effect.
    """
    y = np.asarray(success, float)
    n = len(y)
    rng = keyed_generator(seed, "attribution/importance")
    weights = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float32)  # [B, N]
    tail = (1 - confidence) / 2
    found = []
    for column in columns:
        bins = _bins(column).astype(np.float32)  # [N, K]
        value = float(_index(np.ones((1, n), np.float32), bins, y)[0])
        low, high = np.quantile(_index(weights, bins, y), (tail, 1 - tail))
        ends = (max(0.0, 2 * value - float(high)), min(1.0, max(0.0, 2 * value - float(low))))
        found.append((max(0.0, value), (min(ends[0], max(0.0, value)), max(ends[1], max(0.0, value)))))
    return found


def _index(weights: np.ndarray, bins: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Epsilon squared under each row of weights ``[B, N]``."""
    n = weights.sum(1)
    count = weights @ bins  # [B, K]
    mean = (weights @ (bins * y[:, None].astype(np.float32))) / np.maximum(count, 1)
    overall = weights @ y / n
    total = n * overall * (1 - overall)  # y is 0 or 1
    between = (count * (mean - overall[:, None]) ** 2).sum(1)
    groups = (count > 0).sum(1)
    chance = (groups - 1) * (total - between) / np.maximum(n - groups, 1)
    return np.where(total > 0, (between - chance) / np.maximum(total, 1e-12), 0.0)


def _bins(column: Column) -> np.ndarray:
    """Membership ``[N, K]``: words, whole numbers if they are few, or quantiles."""
    distinct = np.unique(column.values)
    if column.words or len(distinct) <= BINS:
        return column.values[:, None] == distinct[None]
    edges = np.unique(np.quantile(column.values, np.linspace(0, 1, BINS + 1)[1:-1]))
    index = np.searchsorted(edges, column.values, side="right")
    return index[:, None] == np.arange(len(edges) + 1)[None]
