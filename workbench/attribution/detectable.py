"""What a planned ladder can show, before it is run: simulated with the tests that will judge it.

Outcomes of an episode under two conditions are taken to be independent, though luck mostly belongs to the episode; so
with the success assumed for the clean condition, a run shows at least what is said here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from workbench.attribution.plan import LadderPlan
from workbench.attribution.pooled import contrasts, fall
from workbench.attribution.retention import PairedCounts
from workbench.attribution.states import POWER, holds
from workbench.stats import keyed_generator

CLEAN_SUCCESS = 0.9
"""Success that is assumed for the clean condition."""
MOST_EPISODES = 4096
_OUTCOMES = 40_000
"""Simulated outcomes of a condition behind each probability: in 100 to 400 runs, so it is good to 0.02 to 0.04."""
_GAUSSIANS = 200_000


@dataclass(frozen=True)
class Detectable:
    """What a number of episodes a condition can show; rates are of success, None where nothing can be shown."""

    episodes: int
    clean: float
    """Success assumed for the clean condition."""
    level: float | None
    """Highest success at one level that is told from clean with probability `POWER`."""
    steady: float | None
    """Highest success at the bound of a factor along which success falls steadily, for the fall to be told."""
    holding: float
    """Probability that a level at which nothing is lost is shown to hold."""
    margin: float
    """Success below which a level counts as breaking."""
    to_break: int | None
    """Episodes a condition that tell a level at the margin from clean; None beyond `MOST_EPISODES`."""
    to_hold: int | None
    """Episodes a condition that show with probability `POWER` that a level holds at which nothing is lost."""

    def sentences(self) -> list[str]:
        """In words."""
        many = f"With {self.episodes} episodes a condition and {100 * self.clean:.0f} % success in clean ones"
        likely = f"with a probability of {100 * POWER:.0f} %"
        level = (
            "no level is reliably told from clean"
            if self.level is None
            else f"a level is told from clean where success is {100 * self.level:.0f} % or less, {likely}"
        )
        steady = (
            "a steady fall along a factor is not"
            if self.steady is None
            else f"a steady fall along a factor where it ends at {100 * self.steady:.0f} % or less"
        )
        need = (
            f"a fall to {100 * self.margin:.0f} % (breaks_below) at one level takes {_episodes(self.to_break)}; "
            f"to show that a harmless level holds takes {_episodes(self.to_hold)}"
        )
        return [
            f"{many}: {level}; {steady}.",
            f"A level at which nothing is lost is shown to hold with a probability of {100 * self.holding:.0f} %.",
            f"For {100 * POWER:.0f} %, {need}. Luck that belongs to the episode makes it fewer.",
        ]


def _episodes(count: int | None) -> str:
    return f"more than {MOST_EPISODES} episodes" if count is None else f"{count} episodes"


def detectable(
    plan: LadderPlan, *, confidence: float, breaks_below: float, clean: float = CLEAN_SUCCESS
) -> Detectable:
    """What the plan can show, for its factor with most levels."""
    shapes: dict[str, list[tuple[int, bool]]] = {}
    for ladder in plan.ladders:
        shapes.setdefault(ladder.factor, []).append((len(ladder.rungs), ladder.axis != "option"))
    shape = max(shapes.values(), key=lambda s: sum(count for count, _ in s))
    tests = _Tests(shape, len(shapes), confidence, breaks_below, clean)
    n, margin = plan.episodes, breaks_below * clean
    return Detectable(
        episodes=n,
        clean=clean,
        level=_highest(clean, lambda rate: tests.told(n, tests.at_one_level(rate))),
        steady=_highest(clean, lambda rate: tests.falling(n, tests.steady(rate))),
        holding=tests.holding(n),
        margin=margin,
        to_break=_least(lambda count: tests.told(count, tests.at_one_level(margin))),
        to_hold=_least(tests.holding),
    )


class _Tests:
    """The tests of a ladder on simulated runs of one factor, of which the first ladder may lose success."""

    def __init__(
        self, shape: Sequence[tuple[int, bool]], factors: int, confidence: float, margin: float, clean: float
    ) -> None:
        self.shape, self.confidence, self.margin, self.clean = shape, confidence, margin, clean
        self.size = 1 + sum(count for count, _ in shape)
        self.rows = contrasts(shape)
        # Where many episodes differ, the contrasts are jointly normal; Holm begins at this level.
        normal = keyed_generator(0, "attribution/detectable").normal(
            size=(_GAUSSIANS // self.size, self.size)
        )
        self.critical = float(np.quantile((normal @ self.rows.T).max(1), 1 - (1 - confidence) / factors))

    def at_one_level(self, rate: float) -> np.ndarray:
        """Rates ``[1 + K]`` where the last level of the first ladder loses success, and nothing else does."""
        rates = np.full(self.size, self.clean)
        rates[self.shape[0][0]] = rate
        return rates

    def steady(self, rate: float) -> np.ndarray:
        """Rates ``[1 + K]`` where success falls steadily along the first ladder."""
        rates = np.full(self.size, self.clean)
        count = self.shape[0][0]
        rates[: count + 1] = np.linspace(self.clean, rate, count + 1)
        return rates

    def _runs(self, episodes: int, rates: np.ndarray) -> np.ndarray:
        rng = keyed_generator(episodes, "attribution/detectable/runs")
        runs = int(np.clip(_OUTCOMES // episodes, 100, 400))
        return np.asarray(rng.random((runs, episodes, self.size), np.float32) < rates)

    def falling(self, episodes: int, rates: np.ndarray) -> float:
        """Probability that the factor's own test is clear."""
        statistic = fall(self._runs(episodes, rates).astype(np.float32), self.rows.astype(np.float32))
        return float((statistic > self.critical).mean())

    def told(self, episodes: int, rates: np.ndarray) -> float:
        """Probability that, besides, the first ladder's last level is told from clean by McNemar's test."""
        runs = self._runs(episodes, rates)
        clear = fall(runs.astype(np.float32), self.rows.astype(np.float32)) > self.critical
        clean, here = runs[:, :, 0], runs[:, :, self.shape[0][0]]
        lost, won = (clean & ~here).sum(1), (here & ~clean).sum(1)
        p = np.minimum(1.0, 2 * scipy.stats.binom.cdf(np.minimum(lost, won), lost + won, 0.5))
        return float((clear & (lost > won) & (p < (1 - self.confidence) / (self.size - 1))).mean())

    def holding(self, episodes: int) -> float:
        """Probability that a level at which nothing is lost is shown to hold."""
        runs = self._runs(episodes, np.full(self.size, self.clean))[:, :, :2].astype(float)
        counted = [PairedCounts.of(run[:, 0], run[:, 1]) for run in runs]
        return float(np.mean([holds(c, self.margin, self.confidence) for c in counted]))


def _highest(clean: float, power: Callable[[float], float]) -> float | None:
    """Highest rate, in hundredths below clean, at which the power suffices; it falls as the rate grows."""
    low, high = 0, round(100 * clean)
    if power(0.0) < POWER:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if power(middle / 100) >= POWER else (low, middle)
    return low / 100


def _least(power: Callable[[int], float]) -> int | None:
    """Least number of episodes, to about a twelfth, at which the power suffices; from few up, as few are cheap."""
    high = 8
    while power(high) < POWER:
        high *= 2
        if high > MOST_EPISODES:
            return None
    low = high // 2
    while high - low > max(1, high // 12):
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high
