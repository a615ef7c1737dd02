"""Which two factors break a policy together, though neither does alone?

Two factors do *not* interact, here, where success is a product of what each leaves: S(x, y) = a(x) b(y), as for
independent causes of failure (Bliss 1939, The toxicity of poisons applied jointly). Draws are independent, so then

    S(bad, bad) S(good, good) = S(bad, good) S(good, bad)

however "bad" is cut on each factor. A pair is found where S(bad, bad) is shown to be less than that. The cuts are
chosen on one half of the episodes and the equality is tested on the other, by the signed root of the likelihood
ratio; so the search cannot fool the test. Which half is which is a lottery: many splits are made, and twice the median
of their p-values is again a p-value (Meinshausen, Meier & Buehlmann 2009, p-values for high-dimensional regression,
JASA 104). Holm corrects over the pairs.

Tested are pairs of a factor that the screening found with any whose own p-value is below `PARTNER`: whether a factor
matters alone says nothing, by chance, about its interactions (Dai et al. 2012, Two-stage testing procedures with
independent filtering, Biometrika 99). A pair of which neither matters alone, such as an exclusive or, is not looked
for: it would take all pairs and many more episodes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import optimize, special, stats

from workbench.attribution.columns import Column
from workbench.attribution.regions import subset, worst_region
from workbench.attribution.screening import FactorTest
from workbench.statistics import holm, keyed_generator

PARTNER = 0.2
"""Unadjusted p-value from which a factor is no candidate for a pair."""
SPLITS = 25
_SIGNS = np.array([1.0, -1.0, -1.0, 1.0])  # of the cells below in the constraint


@dataclass(frozen=True)
class PairTest:
    """Two columns and whether they break the policy together."""

    columns: tuple[Column, Column]
    p_value: float
    p_adjusted: float


def find_pairs(
    tests: Sequence[FactorTest], success: np.ndarray, *, alpha: float, seed: int = 0
) -> list[PairTest]:
    """Tests of all candidate pairs, strongest evidence first."""
    found = {t.factor for t in tests if t.p_adjusted < alpha}
    candidates = [t for t in tests if t.factor in found or t.p_value < PARTNER]
    pairs = [
        (_acting(a), _acting(b))
        for a, b in combinations(candidates, 2)
        if a.factor in found or b.factor in found
    ]
    p_values = [_p_value(pair, success, seed) for pair in pairs]
    result = [PairTest(c, p, q) for c, p, q in zip(pairs, p_values, holm(p_values), strict=True)]
    return sorted(result, key=lambda t: t.p_value)


def _acting(test: FactorTest) -> Column:
    """The column in which a factor acts: distance from nominal where both ends matter."""
    return test.column.away() if test.pattern == "both ends" else test.column


def _p_value(pair: tuple[Column, Column], success: np.ndarray, seed: int) -> float:
    n = len(success)
    rng = keyed_generator(seed, f"attribution/splits/{pair[0].label}/{pair[1].label}")
    p_values = []
    for _ in range(SPLITS):
        search = rng.permutation(n) < n // 2
        region = worst_region([subset(c, search) for c in pair], success[search])
        if region is None:
            p_values.append(1.0)
            continue
        test = ~search
        first, second = (cut.mask(subset(c, test)) for cut, c in zip(region, pair, strict=True))
        p_values.append(synergy_p(*cells(first, second, success[test])))
    return min(1.0, 2 * float(np.median(p_values)))


def cells(first: np.ndarray, second: np.ndarray, success: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Successes and episodes ``[4]`` where both, only the first, only the second and neither condition holds."""
    masks = [first & second, first & ~second, ~first & second, ~first & ~second]
    return np.array([success[m].sum() for m in masks], float), np.array([m.sum() for m in masks], float)


def synergy_p(won: np.ndarray, count: np.ndarray) -> float:
    """One-sided p-value of "together no worse than independent causes", from the four cells.

    Under the constraint log p0 - log p1 - log p2 + log p3 = 0 the likelihood is greatest at
    p_i = (k_i - c_i m) / (n_i - c_i m), with c the signs and m the Lagrange multiplier that meets it.
    """
    if count.min() < 1:
        return 1.0
    rate = won / count
    if rate[0] * rate[3] >= rate[1] * rate[2]:
        return 1.0

    def excess(m: float) -> float:
        return float(np.sum(_SIGNS * np.log((won - _SIGNS * m) / (count - _SIGNS * m))))

    # Together is too rare, so its rate must rise: m < 0, and as far as one of the single rates reaches 0.
    least = -min(won[1], won[2])
    edge = 1e-9 * max(1.0, -least)
    m = optimize.brentq(excess, least + edge, -1e-12) if excess(-1e-12) < 0 < excess(least + edge) else None
    if m is None:
        return 1.0
    fitted = (won - _SIGNS * m) / (count - _SIGNS * m)

    def log_likelihood(p: np.ndarray) -> float:
        return float(np.sum(special.xlogy(won, p) + special.xlog1py(count - won, -p)))

    deviance = 2 * (log_likelihood(rate) - log_likelihood(fitted))
    return float(stats.norm.sf(math.sqrt(max(0.0, deviance))))
