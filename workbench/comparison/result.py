"""What two runs on the same episodes show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.comparison.noise import NoiseFloor
from workbench.stats import Interval, mcnemar_exact, paired_difference_interval, wilson_interval
from workbench.stats.sequential import anytime_interval
from workbench.stats.sequential_paired import anytime_paired_interval, paired_anytime_p


class ComparisonError(Exception):
    """The runs cannot be compared; one sentence says why."""


@dataclass(frozen=True)
class Comparison:
    """The outcome of two runs on the episodes that both have.

    Interval and decision are one test: the interval excludes 0 exactly where ``p_value < 1 - confidence``.
    """

    name_a: str
    name_b: str
    confidence: float
    both: int
    """Episodes that both solved."""
    only_a: tuple[int, ...]
    """Numbers of those that only the first solved."""
    only_b: tuple[int, ...]
    """Numbers of those that only the second solved."""
    neither: int
    """Episodes that neither solved."""
    anytime: bool = False
    """Whether outcomes or a clock decided how many episodes there are: test and interval then hold whenever one
    stops, and are wider for it."""
    same: str | None = None
    """Why there is nothing to compare, if the two are one run or equal to the last digit."""
    floor: NoiseFloor | None = None
    """What runs that differ in engine or environments do even with equal policies."""
    notes: tuple[str, ...] = ()
    """How the episodes were taken, in plain sentences."""

    @property
    def pairs(self) -> int:
        """Number of episodes that both runs have."""
        return self.both + len(self.only_a) + len(self.only_b) + self.neither

    @property
    def difference(self) -> float:
        """Success rate of the first minus that of the second."""
        return (len(self.only_a) - len(self.only_b)) / self.pairs

    @property
    def difference_interval(self) -> Interval:
        """Interval of `difference`."""
        return self.interval_at(self.confidence)

    def interval_at(self, confidence: float) -> Interval:
        """Interval of `difference` at another level."""
        b, c = len(self.only_a), len(self.only_b)
        if self.anytime:
            return anytime_paired_interval(b, c, self.pairs, confidence)
        return paired_difference_interval(self.both, b, c, self.neither, confidence)

    @property
    def p_value(self) -> float:
        """Two-sided test that both succeed equally often."""
        test = paired_anytime_p if self.anytime else mcnemar_exact
        return test(len(self.only_a), len(self.only_b))

    @property
    def methods(self) -> tuple[str, str]:
        """Names of the test and of its interval."""
        if self.anytime:
            return (
                "betting on discordant pairs, two-sided, valid at any stopping time",
                "the same bets, inverted",
            )
        return "McNemar exact, two-sided", "melded Clopper-Pearson, compatible with McNemar exact"

    def rate(self, which: str) -> tuple[int, Interval]:
        """Successes of run ``"a"`` or ``"b"`` on the shared episodes, and the interval of its rate."""
        successes = self.both + len(self.only_a if which == "a" else self.only_b)
        interval = anytime_interval if self.anytime else wilson_interval
        return successes, interval(successes, self.pairs, self.confidence)

    def verdict(self) -> str:
        """One sentence: what these episodes show."""
        if self.same is not None:
            return f"{self.same}: there is nothing to tell apart."
        low, high = self.difference_interval
        if self.p_value < 1 - self.confidence:
            names = (self.name_a, self.name_b)
            better, worse = names if self.difference > 0 else names[::-1]
            return f"{better} succeeds more often than {worse} (p = {self.p_value:.3g})."
        return (
            f"These {self.pairs} episodes do not tell the two apart (p = {self.p_value:.3g}); "
            f"differences from {100 * low:+.1f} to {100 * high:+.1f} points are compatible with them."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, floats rounded to 6 decimals."""
        runs = {}
        for which, name in (("a", self.name_a), ("b", self.name_b)):
            successes, interval = self.rate(which)
            runs[which] = {
                "name": name,
                "successes": successes,
                "success_rate": round(successes / self.pairs, 6),
                "success_interval": [round(x, 6) for x in interval],
            }
        test, interval_method = self.methods
        return {
            **runs,
            "episodes": self.pairs,
            "confidence": self.confidence,
            "table": {
                "both": self.both,
                "only_a": len(self.only_a),
                "only_b": len(self.only_b),
                "neither": self.neither,
            },
            "difference": round(self.difference, 6),
            "difference_interval": [round(x, 6) for x in self.difference_interval],
            "difference_interval_method": interval_method,
            "p_value": round(self.p_value, 6),
            "p_value_method": test,
            "differing_episodes": {"only_a": list(self.only_a), "only_b": list(self.only_b)},
            "noise_floor": None if self.floor is None else self.floor.to_dict(),
            "verdict": self.verdict(),
            "notes": list(self.notes),
        }
