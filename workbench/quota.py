"""What a run consists of: which indices there are, which episode each is, and what is still to be run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from domain_rand.episode import Episode, draw_episode
from domain_rand.sets import FactorSet
from tasks.episode import EpisodeSpec
from workbench.attribution.plan import LadderPlan
from workbench.attribution.planning import draw_condition
from workbench.records import EpisodeRecord
from workbench.sequential import SequentialTest


class Quota(Protocol):
    """The episodes of a run, by index."""

    @property
    def factor_set(self) -> FactorSet:
        """Every factor that any of its episodes sets."""
        ...

    @property
    def total(self) -> int | None:
        """How many episodes there are; None where that depends on how they end."""
        ...

    def episode(self, index: int) -> Episode:
        """The episode with this index; the same at every call."""
        ...

    def condition(self, index: int) -> str | None:
        """Name of the condition that it runs under; None where there are no conditions."""
        ...

    def next(self, records: Mapping[int, EpisodeRecord]) -> list[int]:
        """What is to be run now, given what has been; empty when the run is complete."""
        ...

    def book(self, index: int, success: bool) -> bool:
        """Take note of an outcome; True when no more are needed."""
        ...


class SuiteQuota:
    """The first episodes of the suite; with ``stop_above``, as many of them as a sequential test needs."""

    def __init__(
        self, factor_set: FactorSet, task: str, seed: int, total: int, stop: SequentialTest | None = None
    ) -> None:
        self.factor_set, self.task, self.seed, self.total = factor_set, task, seed, total
        self._stop = stop
        self._outcomes: dict[int, bool] = {}
        self._counted = 0

    def episode(self, index: int) -> Episode:
        """See `Quota`."""
        return draw_episode(EpisodeSpec(self.task, index, self.seed, self.factor_set.name), self.factor_set)

    def condition(self, index: int) -> str | None:
        """See `Quota`."""
        return None

    def next(self, records: Mapping[int, EpisodeRecord]) -> list[int]:
        """See `Quota`."""
        for index, record in records.items():
            self.book(index, record.success)
        return [] if self._decided else [index for index in range(self.total) if index not in records]

    def book(self, index: int, success: bool) -> bool:
        """Episodes count in the order of their indices, however they finish: that keeps the test's error rate."""
        self._outcomes[index] = success
        while self._stop is not None and not self._decided and self._counted in self._outcomes:
            self._stop.update([self._outcomes[self._counted]])
            self._counted += 1
        return self._decided

    @property
    def _decided(self) -> bool:
        return self._stop is not None and self._stop.decision is not None


class LadderQuota:
    """Every condition of a ladder on the same episodes."""

    def __init__(self, factor_set: FactorSet, task: str, seed: int, plan: LadderPlan) -> None:
        self.factor_set, self.task, self.seed, self.plan = factor_set, task, seed, plan
        self.total = plan.quota

    def episode(self, index: int) -> Episode:
        """See `Quota`."""
        condition, episode = self.plan.split(index)
        spec = EpisodeSpec(self.task, episode, self.seed, self.factor_set.name)
        return draw_condition(spec, self.factor_set, self.plan.base, condition)

    def condition(self, index: int) -> str | None:
        """See `Quota`."""
        return self.plan.split(index)[0].name

    def next(self, records: Mapping[int, EpisodeRecord]) -> list[int]:
        """See `Quota`."""
        return [index for index in range(self.total) if index not in records]

    def book(self, index: int, success: bool) -> bool:
        """See `Quota`."""
        return False
