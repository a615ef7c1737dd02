"""`score`: measures of agreement with intervals, tests and the noise floor that so many trials leave.

*Intervals* are of a nested bootstrap: policies are drawn anew with all their tasks, and within each the trials (from
the Beta posterior of the rate under Jeffreys' prior, which unlike resampled trials also varies at 0 and n). They are
percentile intervals, shifted by what the draws within policies add to a measure, since noise on rates alone raises a
rank violation and lowers a correlation. Observed rates hold the chance of their trials already, and the draws within
policies add it once more: intervals of correlations and rank violations are therefore wider than they need be. Without
those draws they would be far too narrow with so few policies (docs/gap.md has both, measured).

*Tests* permute which simulated rate belongs to which policy, within tasks: how often would chance agree as well?

*The noise floor* is what a perfect simulator would get, one whose rates are the real ones, with as many trials on both
sides: the mean, and the share of such simulators that do no better than the one at hand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.gap.agreement import MEASURES, measures, why_undefined
from workbench.stats import CONFIDENCE, Interval, keyed_generator

DRAWS = 2000
"""Of the bootstrap, of permutations and of perfect simulators, each."""
LEAST_TRIALS = 5
"""Real trials below which a rate is refused: its interval is wider than half of all rates."""
LEAST_POLICIES = 3
"""Policies (or policies on tasks) from which on an order means something."""


class GapError(ValueError):
    """What is given cannot show a gap; the message says why and what would."""


@dataclass(frozen=True)
class Cell:
    """One policy on one task, tried on the robot and in simulation."""

    policy: str
    task: str
    real: tuple[int, int]
    """Successes and trials on the robot."""
    sim: tuple[int, int]
    """Successes and episodes in simulation."""

    @property
    def rates(self) -> tuple[float, float]:
        """Real and simulated."""
        return self.real[0] / self.real[1], self.sim[0] / self.sim[1]


@dataclass(frozen=True)
class Score:
    """One measure."""

    value: float | None
    interval: Interval | None
    p_chance: float | None
    """Probability that simulated rates in random order agree as well; None for measures of size."""
    floor: float | None
    """What a perfect simulator gets on average with these numbers of trials."""
    p_perfect: float | None
    """Share of perfect simulators that agree no better: where it is small, the simulator is not perfect."""


@dataclass(frozen=True)
class Scorecard:
    """What simulation says about reality, over all cells."""

    cells: tuple[Cell, ...]
    confidence: float
    scores: dict[str, Score]
    undefined: str | None
    """Why there are no correlations."""
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, floats rounded to 6 decimals."""
        return {
            "confidence": self.confidence,
            "cells": [
                {"policy": c.policy, "task": c.task, "real": list(c.real), "sim": list(c.sim)}
                for c in self.cells
            ],
            "scores": {
                name: {
                    "value": _rounded(s.value),
                    "interval": None if s.interval is None else [round(x, 6) for x in s.interval],
                    "p_chance": _rounded(s.p_chance),
                    "noise_floor": _rounded(s.floor),
                    "p_perfect": _rounded(s.p_perfect),
                }
                for name, s in self.scores.items()
            },
            "undefined": self.undefined,
            "notes": list(self.notes),
        }


def check(cells: Sequence[Cell]) -> None:
    """GapError where the cells are too few, too thin, or named twice."""
    if len(cells) < LEAST_POLICIES:
        raise GapError(
            f"{len(cells)} policies on tasks have no order that could agree: give at least {LEAST_POLICIES}"
        )
    names = [(c.policy, c.task) for c in cells]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice:
        raise GapError(f"policy {twice[0]} on task {twice[1]} is given twice")
    for c in cells:
        for where, (k, n) in (("real", c.real), ("simulated", c.sim)):
            if n < 1 or not 0 <= k <= n:
                raise GapError(f"{c.policy} on {c.task}: {k} of {n} {where} trials is no rate")
        if c.real[1] < LEAST_TRIALS:
            raise GapError(
                f"{c.policy} on {c.task} has {c.real[1]} real trials: with fewer than {LEAST_TRIALS} its rate may be "
                "anything"
            )


def score(
    cells: Sequence[Cell], confidence: float = CONFIDENCE, seed: int = 0, draws: int = DRAWS
) -> Scorecard:
    """The scorecard of cells; GapError as `check` has it."""
    check(cells)
    cells = tuple(cells)
    real, sim = (np.array([getattr(c, side) for c in cells]) for side in ("real", "sim"))  # [N, 2]
    rates = {"real": real[:, 0] / real[:, 1], "sim": sim[:, 0] / sim[:, 1]}
    rng = keyed_generator(seed, "scorecard")
    outer, inner = _bootstrap(cells, real, sim, rng, draws)
    chance, perfect = _permuted(cells, rates, rng, draws), _perfect(real, sim, rng, draws)
    scores = {}
    for measure in MEASURES:
        name = measure.name
        value = float(measures(**rates)[name])
        if math.isnan(value):
            scores[name] = Score(None, None, None, None, None)
            continue
        of_size = name in ("bias", "rmse")
        scores[name] = Score(
            value,
            _interval(value, outer[name], inner[name], confidence, measure.least),
            None if of_size else _tail(chance[name], value, measure.perfect, nearer=True),
            float(np.nanmean(perfect[name])),
            _tail(perfect[name], value, measure.perfect, nearer=False),
        )
    return Scorecard(cells, confidence, scores, why_undefined(**rates))


def _draw(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rates from the posterior of counts ``[..., 2]`` of successes and trials."""
    return rng.beta(counts[..., 0] + 0.5, counts[..., 1] - counts[..., 0] + 0.5)


def _bootstrap(
    cells: Sequence[Cell], real: np.ndarray, sim: np.ndarray, rng: np.random.Generator, draws: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Measures ``[draws]`` of both levels, and of the inner level alone."""
    policies = list(dict.fromkeys(c.policy for c in cells))
    rows = [[i for i, c in enumerate(cells) if c.policy == p] for p in policies]
    made: dict[str, list[np.ndarray]] = {}
    for _ in range(draws):
        chosen = [i for k in rng.integers(len(rows), size=len(rows)) for i in rows[k]]
        for name, value in measures(real=_draw(real[chosen], rng), sim=_draw(sim[chosen], rng)).items():
            made.setdefault(name, []).append(value)
    every = (draws, *real.shape)
    inner = measures(
        real=_draw(np.broadcast_to(real, every), rng), sim=_draw(np.broadcast_to(sim, every), rng)
    )
    return {name: np.array(values) for name, values in made.items()}, inner


def _permuted(
    cells: Sequence[Cell], rates: dict[str, np.ndarray], rng: np.random.Generator, draws: int
) -> dict[str, np.ndarray]:
    """Measures ``[draws]`` with simulated rates in random order within each task."""
    tasks = list(dict.fromkeys(c.task for c in cells))
    rows = [np.array([i for i, c in enumerate(cells) if c.task == t]) for t in tasks]
    if all(len(r) < 2 for r in rows):
        rows = [np.arange(len(cells))]
    shuffled = np.tile(rates["sim"], (draws, 1))
    for row in rows:
        shuffled[:, row] = rng.permuted(shuffled[:, row], axis=1)
    return measures(real=np.broadcast_to(rates["real"], shuffled.shape), sim=shuffled)


def _perfect(
    real: np.ndarray, sim: np.ndarray, rng: np.random.Generator, draws: int
) -> dict[str, np.ndarray]:
    """Measures ``[draws]`` of simulators whose true rates are the real ones.

    Observed real rates spread by chance, too: with all of their spread taken for true, a perfect simulator would seem
    to have an easier task than it has. So they are drawn together by what chance adds (empirical Bayes, by moments).
    """
    k, n = real[:, 0], real[:, 1]
    rates, centre = k / n, k.sum() / n.sum()
    noise = float((rates * (1 - rates) / np.maximum(n - 1, 1)).mean())
    spread = float(rates.var(ddof=1))
    kept = math.sqrt(max(0.0, 1 - noise / spread)) if spread > 0 else 0.0
    true = centre + kept * (rates - centre)
    again, simulated = (rng.binomial(c[:, 1], true, (draws, len(true))) / c[:, 1] for c in (real, sim))
    return measures(real=again, sim=simulated)


def _interval(
    value: float, outer: np.ndarray, inner: np.ndarray, confidence: float, least: float
) -> Interval | None:
    """None where the measure is undefined in half of all draws."""
    if np.isnan(outer).mean() > 0.5:
        return None
    tail = (1 - confidence) / 2
    shift = float(np.nanmean(inner)) - value
    low, high = (float(x) - shift for x in np.nanquantile(outer, (tail, 1 - tail)))
    return max(least, min(low, value)), min(1.0, max(high, value))


def _tail(values: np.ndarray, value: float, perfect: float, *, nearer: bool) -> float | None:
    """Share of draws that are at least as near to perfect as this value, or at least as far from it."""
    off, own = np.abs(values[~np.isnan(values)] - perfect), abs(value - perfect)
    if not len(off):
        return None
    hits = (off <= own + 1e-12) if nearer else (off >= own - 1e-12)
    return float((1 + hits.sum()) / (1 + len(off)))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
