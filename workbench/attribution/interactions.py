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
import scipy

from workbench.attribution.columns import Column
from workbench.attribution.patterns import acting
from workbench.attribution.regions import subset, worst_region
from workbench.attribution.screening import FactorTest
from workbench.stats import holm, keyed_generator

PARTNER = 0.2
"""Unadjusted p-value from which a factor is no candidate for a pair."""
SPLITS = 25
CORRECTION = 0.5
"""Half an episode for continuity. Without it a test at 0.05 errs in up to 0.13 where a handful of episodes fail, with
it in up to 0.07; the median over the splits makes a pair's p-value conservative besides."""
_SIGNS = np.array([1.0, -1.0, -1.0, 1.0])  # of the cells below in the constraint
_NEVER = -700.0
"""Log of a rate that is 0, finite so that roots can be bracketed."""


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
    candidates = [t for t in tests if t.factor in found or (t.p_value < PARTNER and not t.goes_with)]
    pairs = [(a, b) for a, b in combinations(candidates, 2) if a.factor in found or b.factor in found]
    p_values = [_p_value(pair, success, seed) for pair in pairs]
    result = [
        PairTest((acting(a.column, a.pattern, success), acting(b.column, b.pattern, success)), p, q)
        for (a, b), p, q in zip(pairs, p_values, holm(p_values), strict=True)
    ]
    return sorted(result, key=lambda t: t.p_value)


def _p_value(tests: tuple[FactorTest, FactorTest], success: np.ndarray, seed: int) -> float:
    n = len(success)
    rng = keyed_generator(seed, f"attribution/splits/{tests[0].column.label}/{tests[1].column.label}")
    p_values = []
    for _ in range(SPLITS):
        search = rng.permutation(n) < n // 2
        pair = [acting(t.column, t.pattern, success, search) for t in tests]
        region = worst_region([subset(c, search) for c in pair], success[search])
        if region is None:
            p_values.append(1.0)
            continue
        test = ~search
        first, second = (cut.mask(subset(c, test)) for cut, c in zip(region, pair, strict=True))
        p_values.append(synergy_p(*cells(first, second, success[test]), CORRECTION))
    return min(1.0, 2 * float(np.median(p_values)))


def cells(first: np.ndarray, second: np.ndarray, success: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Successes and episodes ``[4]`` where both, only the first, only the second and neither condition holds."""
    masks = [first & second, first & ~second, ~first & second, ~first & ~second]
    return np.array([success[m].sum() for m in masks], float), np.array([m.sum() for m in masks], float)


def synergy_p(won: np.ndarray, count: np.ndarray, correction: float = 0.0) -> float:
    """One-sided p-value of "together no worse than independent causes", from the four cells.

    The null is p0 p3 >= p1 p2, with p the success rates of the four cells, and the statistic the signed root of the
    likelihood ratio against its boundary. Cells in which every episode succeeds or fails are as good as any: see
    `_constrained`. 1 where a cell is empty or the rates found keep to the null. Where both conditions hold,
    ``correction`` successes are added: the likelihood ratio of few failures is no normal deviate yet.
    """
    won, count = np.array(won, float), np.asarray(count, float)
    if count.min() < 1:
        return 1.0
    won[0] = min(won[0] + correction, count[0])
    rate = won / count
    if rate[0] * rate[3] >= rate[1] * rate[2]:
        return 1.0
    deviance = 2 * (_log_likelihood(rate, won, count) - _log_likelihood(_constrained(won, count), won, count))
    return float(scipy.special.ndtr(-math.sqrt(max(0.0, deviance))))


def _constrained(won: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Rates ``[4]`` under which the cells are likeliest where log p0 - log p1 - log p2 + log p3 = 0.

    The likelihood is concave in log p and the constraint linear, so there is one maximum. Inside, it is at
    p_i = (k_i - c_i m) / (n_i - c_i m), with c the signs and m the Lagrange multiplier; together is too rare, so its
    rate must rise: m < 0. A cell in which all succeed stays at p = 1 as long as its weight k_i - c_i m is positive.
    Where that weight reaches 0 before the constraint is met, the cell's rate costs nothing more and meets it alone.
    """
    perfect = won == count
    least = -min(won[1], won[2])

    def log_rates(m: float) -> np.ndarray:
        weight, total = won - _SIGNS * m, count - _SIGNS * m
        partly = ~perfect & (weight > 0)
        logs = np.where(perfect, 0.0, _NEVER)
        logs[partly] = np.log(weight[partly] / total[partly])
        return logs

    def excess(m: float) -> float:
        return float(_SIGNS @ log_rates(m))

    if excess(least) >= 0:
        return np.exp(log_rates(float(scipy.optimize.brentq(excess, least, 0.0))))
    logs = log_rates(least)
    free = next(i for i in (1, 2) if won[i] == -least and perfect[i])
    logs[free] += excess(least)
    return np.exp(logs)


def _log_likelihood(rates: np.ndarray, won: np.ndarray, count: np.ndarray) -> float:
    return float(np.sum(scipy.special.xlogy(won, rates) + scipy.special.xlog1py(count - won, -rates)))
