"""Regions of the factors in which a policy fails: a cut on one column, or a cut on each of two.

The region is the one under which "one success rate inside, another outside" is likeliest, inside being the worse. Two
things are said of it honestly. Its rates come from cross-fitting: each fold of the episodes is judged by the region
that the others chose, so the search does not flatter itself; and because those regions are chosen from fewer episodes,
thus a little worse, the interval of a rate reaches over what the region shows on the episodes that chose it, too
(`region_rate`). The interval of a threshold is the set of thresholds whose likelihood is within a factor of
``2 / (1 - confidence)`` of the best: for the true threshold that ratio is a nonnegative martingale to either side, so
by Ville's inequality it goes further with probability at most 1 - confidence (Siegmund 1988, Confidence sets in
change-point problems, treats the likelihood ratio likewise).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from workbench.attribution.columns import LEAST, Column
from workbench.stats import Interval, keyed_generator, wilson_interval

GRID = 24
"""Cuts of a numeric column that a search over pairs tries, at quantiles."""
FOLDS = 10


@dataclass(frozen=True)
class Cut:
    """Episodes on one side of a threshold, or with a word."""

    column: Column
    op: str
    """``<``, ``>`` or ``=``."""
    threshold: float | str
    interval: tuple[float, float] | None = None
    """Of the threshold; None for words."""

    def mask(self, column: Column | None = None) -> np.ndarray:
        """Which episodes are in, of the cut's column or of the same column for other episodes."""
        values = (column or self.column).values
        if self.op == "=":
            return np.asarray(values == self.threshold)
        return np.asarray(values < self.threshold if self.op == "<" else values > self.threshold)


def cuts(column: Column, most: int | None = GRID) -> tuple[list[Cut], np.ndarray]:
    """Cuts that leave `LEAST` episodes on either side, at all thresholds or at ``most``, and their masks ``[K, N]``."""
    values = column.values
    n = len(values)
    if column.words:
        distinct = np.unique(values)
        found = [Cut(column, "=", str(word)) for word in distinct]
        masks = values == distinct[:, None]
    else:
        ordered = np.sort(values)
        distinct = np.unique(ordered)
        between = (distinct[1:] + distinct[:-1]) / 2
        below = np.searchsorted(ordered, between)
        between = between[(below >= LEAST) & (below <= n - LEAST)]
        if most is not None and len(between) > most:
            between = between[np.unique(np.linspace(0, len(between) - 1, most).round().astype(int))]
        found = [Cut(column, op, float(t)) for op in "<>" for t in between]
        masks = np.concatenate([values < between[:, None], values > between[:, None]])
    count = masks.sum(1)
    kept = (count >= LEAST) & (count <= n - LEAST)
    return [cut for cut, keep in zip(found, kept, strict=True) if keep], masks[kept]


def worst_region(columns: Sequence[Column], success: np.ndarray, most: int | None = GRID) -> list[Cut] | None:
    """The region with the likeliest split, a cut a column; None where no region holds `LEAST` episodes."""
    options = [cuts(column, most) for column in columns]
    found = _likelihoods([masks for _, masks in options], success)
    if found is None:
        return None
    best = np.unravel_index(int(np.argmax(found)), found.shape)
    return [options[axis][0][int(k)] for axis, k in enumerate(best)]


def _likelihoods(options: Sequence[np.ndarray], success: np.ndarray) -> np.ndarray | None:
    """Log likelihood of the split by each region, ``[K]`` or ``[K, L]``; -inf where it is no worse inside.

    ``options`` are the masks of the cuts on each column, ``[K, N]`` and ``[L, N]``.
    """
    if not all(len(masks) for masks in options):
        return None
    y = np.asarray(success, np.float32)
    masks = [group.astype(np.float32) for group in options]
    inside = masks[0].sum(1) if len(masks) == 1 else masks[0] @ masks[1].T
    won = masks[0] @ y if len(masks) == 1 else (masks[0] * y) @ masks[1].T
    outside, won_outside = len(y) - inside, y.sum() - won
    with np.errstate(invalid="ignore", divide="ignore"):
        worse = won / inside < won_outside / outside
    enough = (inside >= LEAST) & (outside >= LEAST) & worse
    if not enough.any():
        return None
    return np.where(enough, log_likelihood(won, inside) + log_likelihood(won_outside, outside), -np.inf)


def log_likelihood(won: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Of ``won`` successes among ``count`` at their own rate."""
    rate = np.divide(won, count, out=np.zeros_like(np.asarray(won, float)), where=np.asarray(count) > 0)
    return np.asarray(scipy.special.xlogy(won, rate) + scipy.special.xlog1py(count - won, -rate))


def with_intervals(region: Sequence[Cut], success: np.ndarray, confidence: float) -> list[Cut]:
    """The region refined to all thresholds between the episodes, each with its interval."""
    options = [
        [cut] if cut.op == "=" else [c for c in cuts(cut.column, None)[0] if c.op == cut.op] for cut in region
    ]
    found = _likelihoods([np.stack([c.mask() for c in group]) for group in options], success)
    if found is None:
        return list(region)
    best = np.unravel_index(int(np.argmax(found)), found.shape)
    refined = []
    for axis, group in enumerate(options):
        chosen = group[int(best[axis])]
        if chosen.op == "=":
            refined.append(chosen)
            continue
        profile = found if found.ndim == 1 else found.max(axis=1 - axis)
        near = np.flatnonzero(profile >= profile.max() - math.log(2 / (1 - confidence)))
        low, high = float(group[int(near[0])].threshold), float(group[int(near[-1])].threshold)
        values = chosen.column.values
        # Between two neighbouring episodes, the data do not say where the threshold is.
        ends = (float(values[values < low].max()), float(values[values > high].min()))
        refined.append(Cut(chosen.column, chosen.op, chosen.threshold, ends))
    return refined


def cross_fitted(columns: Sequence[Column], success: np.ndarray, *, seed: int, name: str) -> np.ndarray:
    """For each episode and column, whether it lies inside by the cut that the other folds chose: ``[C, N]`` bool."""
    n = len(success)
    fold = keyed_generator(seed, f"attribution/folds/{name}").permutation(n) % FOLDS
    inside = np.zeros((len(columns), n), bool)
    for k in range(FOLDS):
        rest, here = fold != k, fold == k
        region = worst_region([subset(c, rest) for c in columns], success[rest])
        for axis, cut in enumerate(region or []):
            inside[axis, here] = cut.mask(subset(columns[axis], here))
    return inside


def region_rate(
    success: np.ndarray, fitted: np.ndarray, chosen: np.ndarray, confidence: float
) -> tuple[int, int, Interval | None]:
    """Successes and episodes inside by cross-fitting, and an interval of the true rate inside the region reported.

    The cross-fitted rate errs toward that outside, since regions of fewer episodes are worse placed; the rate among
    the episodes that chose the region errs away from it. The interval reaches from the lower to the upper end of both
    their Wilson intervals. Its coverage is in docs/statistics.md. None where no episode is inside.

    Args:
        success: ``[N]``, bool.
        fitted: whether each episode lies inside by the region that the other folds chose, ``[N]``.
        chosen: whether it lies inside the region that is reported, ``[N]``.
        confidence: of the interval.
    """
    counts = [(int(success[inside].sum()), int(inside.sum())) for inside in (fitted, chosen)]
    ends = [wilson_interval(k, n, confidence) for k, n in counts if n]
    if not counts[0][1]:
        return 0, 0, None
    return *counts[0], (min(low for low, _ in ends), max(high for _, high in ends))


def subset(column: Column, chosen: np.ndarray) -> Column:
    """The column for some of the episodes."""
    return Column(column.label, column.factor, column.values[chosen], column.nominal)
