"""Recipes of training, each as several runs that differ in their training seed: is one recipe better?

Episodes of one run share its policy, so they say how good that policy is, and only several policies say how good the
recipe is. The unit is therefore the run, and its rate is its value. All runs meet the same episodes; what those have in
common cancels, and what suits one recipe and not the other does not, so both sources of chance count:

    V = V_runs + V_episodes - V_rest

(two-way clustering: Cameron, Gelbach & Miller 2011, Robust inference with multiway clustering, J. Bus. Econ. Stat. 29),
never less than the greater of the first two. ``V_runs`` is the pooled variance of rates between runs of a recipe,
``V_episodes`` that of the episodes' own differences, and what both count twice, the variance that neither run nor
episode explains, is taken off once. The t distribution has the degrees of freedom of the runs: with two seeds each that
is 2, and intervals are wide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from workbench.comparison.result import ComparisonError
from workbench.comparison.sample import Sample
from workbench.comparison.two import check_same_episodes
from workbench.stats import Interval


@dataclass(frozen=True)
class Recipe:
    """Runs of policies that differ in their training seed alone."""

    name: str
    runs: tuple[Sample, ...]


@dataclass(frozen=True)
class RecipeComparison:
    """The outcome of two recipes on the episodes that all their runs have.

    Interval and decision are one test: the interval excludes 0 exactly where ``p_value < 1 - confidence``.
    """

    name_a: str
    name_b: str
    confidence: float
    pairs: int
    """Episodes that every run has."""
    rates_a: tuple[float, ...]
    """Success rate of each run of the first recipe."""
    rates_b: tuple[float, ...]
    error: float
    """Standard error of `difference`."""
    notes: tuple[str, ...] = ()
    methods: tuple[str, str] = ("t over runs and episodes, two-sided", "the same t, inverted")
    """Names of the test and of its interval."""

    @property
    def difference(self) -> float:
        """Mean rate of the first recipe's runs minus that of the second's."""
        return float(np.mean(self.rates_a) - np.mean(self.rates_b))

    @property
    def freedom(self) -> int:
        """Degrees of freedom."""
        return len(self.rates_a) + len(self.rates_b) - 2

    @property
    def p_value(self) -> float:
        """Two-sided test that both recipes succeed equally often."""
        return float(2 * scipy.stats.t.sf(abs(self.difference) / self.error, self.freedom))

    @property
    def difference_interval(self) -> Interval:
        """Interval of `difference`."""
        return self.interval_at(self.confidence)

    def interval_at(self, confidence: float) -> Interval:
        """Interval of `difference` at another level."""
        half_width = float(scipy.stats.t.ppf(0.5 + confidence / 2, self.freedom)) * self.error
        return max(-1.0, self.difference - half_width), min(1.0, self.difference + half_width)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, floats rounded to 6 decimals."""
        return {
            "a": {"name": self.name_a, "rates": [round(r, 6) for r in self.rates_a]},
            "b": {"name": self.name_b, "rates": [round(r, 6) for r in self.rates_b]},
            "episodes": self.pairs,
            "confidence": self.confidence,
            "difference": round(self.difference, 6),
            "difference_interval": [round(x, 6) for x in self.difference_interval],
            "difference_interval_method": self.methods[1],
            "p_value": round(self.p_value, 6),
            "p_value_method": self.methods[0],
            "notes": list(self.notes),
        }


def compare_recipes(a: Recipe, b: Recipe, *, confidence: float) -> RecipeComparison:
    """Compares two recipes; ComparisonError where one has a single run, or runs that are unfinished or stopped."""
    runs = [*a.runs, *b.runs]
    for recipe in (a, b):
        if len(recipe.runs) < 2:
            raise ComparisonError(
                f"{recipe.name} is one training seed, from which it cannot be seen how much seeds differ: name at "
                "least two runs of each recipe, separated by commas"
            )
    for run in runs:
        if run.chosen:
            raise ComparisonError(
                f"{run.name} is unfinished or was stopped early, and recipes are compared over a fixed number of "
                "episodes: finish it, or leave it out"
            )
    shared = range(min(len(run.records) for run in runs))
    for run in runs[1:]:
        check_same_episodes(runs[0], run, shared)
    tables = [
        np.array([[run.records[i].success for i in shared] for run in recipe.runs], float)
        for recipe in (a, b)
    ]  # each [runs, episodes]
    error = math.sqrt(variance_of_difference(*tables))
    if error == 0:
        raise ComparisonError(
            f"all runs of {a.name} end every episode alike, and so do those of {b.name}: nothing shows how much "
            "seeds differ; take more or harder episodes"
        )
    rates = [tuple(float(r) for r in table.mean(1)) for table in tables]
    said = tuple(dict.fromkeys(note for run in runs for note in run.notes))
    return RecipeComparison(a.name, b.name, confidence, len(shared), rates[0], rates[1], error, said)


def variance_of_difference(first: np.ndarray, second: np.ndarray) -> float:
    """Variance of the difference of mean rates of two tables of outcomes ``[runs, episodes]`` on the same episodes."""
    tables = (first, second)
    episodes = first.shape[1]
    freedom = len(first) + len(second) - 2
    within = math.fsum(float(((t.mean(1) - t.mean()) ** 2).sum()) for t in tables) / freedom
    runs = within * (1 / len(first) + 1 / len(second))
    if episodes < 2:
        return runs
    difference = first.mean(0) - second.mean(0)
    by_episode = float(difference.var(ddof=1)) / episodes
    rest = math.fsum(_rest(t) / (len(t) * episodes) for t in tables)
    return max(runs, by_episode, runs + by_episode - rest)


def _rest(table: np.ndarray) -> float:
    """Variance of outcomes that neither run nor episode explains."""
    runs, episodes = table.shape
    residuals = table - table.mean(1, keepdims=True) - table.mean(0, keepdims=True) + table.mean()
    return float((residuals**2).sum()) / ((runs - 1) * (episodes - 1))


def recipes_named(groups: Sequence[tuple[str, Sequence[Sample]]]) -> list[Recipe]:
    """Recipes of runs; ComparisonError for a run that is named twice."""
    seen: set[str] = set()
    for _, runs in groups:
        for run in runs:
            where = str(run.path.resolve()) if run.path is not None else run.name
            if where in seen:
                raise ComparisonError(f"{run.name} is named twice, and would count as two training seeds")
            seen.add(where)
    return [Recipe(name, tuple(runs)) for name, runs in groups]
