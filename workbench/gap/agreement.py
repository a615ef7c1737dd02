"""How well simulated success rates say what real ones are: rank violations, correlations, bias.

Rates are ``[N]`` in [0, 1], one of each policy on each task, or ``[D, N]`` for ``D`` draws at once; real and simulated
ones are given by keyword, so that they are not mixed up. Where a measure is undefined it is NaN, never a number that
looks good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

LEAST_FOR_CORRELATION = 4
"""Rates from which on a correlation is told: with three, any is likely by chance."""
_EQUAL = 1e-12


@dataclass(frozen=True)
class Measure:
    """One way to say how well rates agree."""

    name: str
    help: str
    perfect: float
    """What it is where rates are equal."""
    least: float
    """Nothing is below it; 1 is the most of all of them."""


MEASURES = (
    Measure(
        "mmrv",
        "mean maximum rank violation: real success lost by trusting the order in simulation",
        0.0,
        0.0,
    ),
    Measure("mmrv_strict", "the same with SIMPLER's rule, by which a tie on one side alone counts", 0.0, 0.0),
    Measure("pearson", "linear correlation", 1.0, -1.0),
    Measure("spearman", "correlation of ranks", 1.0, -1.0),
    Measure("kendall", "tau-b: pairs in the same order minus pairs in the other", 1.0, -1.0),
    Measure("bias", "simulated minus real, mean", 0.0, -1.0),
    Measure("rmse", "root of the mean squared difference", 0.0, 0.0),
)


def mmrv(
    *, real: Sequence[float] | np.ndarray, sim: Sequence[float] | np.ndarray, strict: bool = False
) -> np.ndarray:
    """Mean maximum rank violation: ``mean_i max_j |R_i - R_j|`` over pairs that simulation puts in the other order.

    Li et al. (2024), Evaluating real-world robot manipulation policies in simulation (SIMPLER), arXiv:2405.05941. A
    pair is violated where ``(S_i - S_j) (R_i - R_j) < 0``: a tie says nothing about order. With ``strict``, SIMPLER's
    own rule: where ``S_i < S_j`` is not what ``R_i < R_j`` is, by which a tie in simulation counts, from one side.
    """
    r, s = _pairs(real, sim)
    dr, ds = (x[..., :, None] - x[..., None, :] for x in (r, s))
    violated = (ds < 0) != (dr < 0) if strict else ds * dr < 0
    return (np.abs(dr) * violated).max(-1).mean(-1)


def measures(
    *, real: Sequence[float] | np.ndarray, sim: Sequence[float] | np.ndarray
) -> dict[str, np.ndarray]:
    """Every measure of `MEASURES` by name, ``[]`` or ``[D]``; NaN where it is undefined (see `why_undefined`)."""
    r, s = _pairs(real, sim)
    told = {"mmrv": mmrv(real=r, sim=s), "mmrv_strict": mmrv(real=r, sim=s, strict=True)}
    told["pearson"] = _correlation(r, s)
    told["spearman"] = _correlation(scipy.stats.rankdata(r, axis=-1), scipy.stats.rankdata(s, axis=-1))
    sr, ss = (np.sign(x[..., :, None] - x[..., None, :]) for x in (r, s))
    with np.errstate(invalid="ignore", divide="ignore"):
        untied = np.sqrt((sr**2).sum((-2, -1)) * (ss**2).sum((-2, -1)))
        told["kendall"] = np.where(untied > 0, (sr * ss).sum((-2, -1)) / untied, np.nan)
    if r.shape[-1] < LEAST_FOR_CORRELATION:
        for name in ("pearson", "spearman", "kendall"):
            told[name] = np.full(r.shape[:-1], np.nan)
    told["bias"] = (s - r).mean(-1)
    told["rmse"] = np.sqrt(((s - r) ** 2).mean(-1))
    return told


def why_undefined(*, real: Sequence[float] | np.ndarray, sim: Sequence[float] | np.ndarray) -> str | None:
    """Why no correlation of rates ``[N]`` can be told; None where one can."""
    r, s = _pairs(real, sim)
    if len(r) < LEAST_FOR_CORRELATION:
        return f"{len(r)} pairs of rates are fewer than {LEAST_FOR_CORRELATION}"
    for name, rates in (("real", r), ("simulated", s)):
        if np.ptp(rates) < _EQUAL:
            return f"all {name} rates are {rates[0]:.2f}"
    return None


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = (x - x.mean(-1, keepdims=True) for x in (a, b))
    spread = np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > _EQUAL, (a * b).sum(-1) / spread, np.nan)


def _pairs(
    real: Sequence[float] | np.ndarray, sim: Sequence[float] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    r, s = np.asarray(real, float), np.asarray(sim, float)
    if r.shape != s.shape or r.ndim < 1 or not r.shape[-1]:
        raise ValueError(f"real rates of shape {r.shape} and simulated ones of {s.shape} are no pairs")
    if not (((r >= 0) & (r <= 1)).all() and ((s >= 0) & (s <= 1)).all()):
        raise ValueError("rates are numbers from 0 to 1")
    return r, s
