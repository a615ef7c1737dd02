"""How much of success a factor decides: the share of its variance between bins of the factor's range.

    S_f = Var(E[Y | bin of x_f]) / Var(Y)

for success Y and independently drawn factors, with as many episodes in each of up to `BINS` bins. It is the
first-order Sobol' index (Sobol' 1993; Saltelli et al. 2008, Global sensitivity analysis) of which bin the factor falls
into, and so a lower bound of the factor's own: where success changes abruptly inside a tenth of the range, up to a
tenth of it is lost. Factors that only matter together have small shares each.

The estimate takes out what chance alone puts between bins: epsilon squared, Kelley (1935), An unbiased correlation
ratio measure, PNAS 21. Its variance comes from the estimate's influence function, and the interval inverts it as
Wilson's does: it holds the shares S that lie within z standard deviations, each computed at S. Coverage is in
docs/statistics.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy

from workbench.attribution.columns import Column
from workbench.stats import Interval

BINS = 10
"""Most bins of a numeric column, of equally many episodes."""
LEAST_PER_BIN = 10
"""Episodes that a bin must hold."""
_SMALL = 0.02
"""Share below which its own variance cannot be estimated: 4 S / n is taken, that of a factor that does little."""


def shares(
    columns: Sequence[Column], success: np.ndarray, *, confidence: float
) -> list[tuple[float, Interval]]:
    """Share of each column and its interval, which may include 0."""
    y = np.asarray(success, float)
    z = float(scipy.stats.norm.ppf(0.5 + confidence / 2))
    found = []
    for column in columns:
        value, linear, chance = _index(bins(column), y)
        slope = linear / _product(value) if value > _SMALL else 4 / len(y)
        low, high = _interval(value, slope, chance, z)
        value = min(max(value, 0.0), 1.0)
        found.append((value, (min(max(low, 0.0), value), max(min(high, 1.0), value))))
    return found


def _index(bins: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Epsilon squared, and its variance in two parts: from the influence function, and from chance between bins."""
    n = len(y)
    count = np.bincount(bins).astype(float)
    groups = len(count)
    overall = float(y.mean())
    total = overall * (1 - overall)  # y is 0 or 1
    if total == 0 or groups < 2:
        return 0.0, 0.0, 0.0
    mean = np.bincount(bins, y) / count
    between = float((count * (mean - overall) ** 2).sum()) / n
    effect = between - (groups - 1) * (total - between) / (n - groups)
    value = effect / total
    # Means of bins, drawn toward the overall one until they vary as much as the effect.
    shrunk = math.sqrt(max(effect, 0.0) / between) if between > 0 else 0.0
    deviation = (shrunk * (mean - overall))[bins]
    of_effect = 2 * (y - overall - deviation) * deviation + deviation**2 - max(effect, 0.0)
    of_total = (y - overall) ** 2 - total
    influence = (of_effect - max(value, 0.0) * of_total) / total
    return value, float((influence**2).mean()) / (n - groups), 2 * (groups - 1) / (n * n)


def _product(share: float) -> float:
    at = min(max(share, _SMALL), 1 - _SMALL)
    return at * (1 - at)


def _interval(value: float, slope: float, chance: float, z: float) -> Interval:
    """The shares S with ``(value - S)^2 <= z^2 (slope S (1 - S) + chance (1 - S)^2)``, between roots of a quadratic."""
    if chance == 0:
        return 0.0, 1.0
    a = 1 + z * z * (slope - chance)
    b = -2 * value - z * z * (slope - 2 * chance)
    root = math.sqrt(max(b * b - 4 * a * (value * value - z * z * chance), 0.0))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def bins(column: Column) -> np.ndarray:
    """Number of each episode's bin ``[N]``: words, whole numbers if they are few, or quantiles."""
    distinct, which = np.unique(column.values, return_inverse=True)
    if column.words or len(distinct) <= BINS:
        return np.asarray(which)
    most = max(2, min(BINS, len(column.values) // LEAST_PER_BIN))
    edges = np.unique(np.quantile(column.values, np.linspace(0, 1, most + 1)[1:-1]))
    index = np.searchsorted(edges, column.values, side="right")
    return np.asarray(np.unique(index, return_inverse=True)[1])
