"""What a run consists of: which indices there are, which episode each is, and what is still to be run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from domain_rand.episode import Episode, draw_episode
from domain_rand.sets import FactorSet
from tasks.episode import EpisodeSpec
from workbench.attribution.plan import LadderPlan
from workbench.attribution.planning import draw_condition
from workbench.evaluation.early_stop import EarlyStop
from workbench.runs.differences import Difference, differences, sentence
from workbench.runs.folder import RunFolderError
from workbench.runs.records import EpisodeRecord


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


MOST_DRAWN = 32
"""Records whose draws are made again to be checked: a draw takes milliseconds."""


def check_records(quota: Quota, records: Mapping[int, EpisodeRecord], folder: Path) -> None:
    """RunFolderError for records that are not episodes of the quota: other conditions, or other draws.

    Names and conditions of all records are looked at, and the draws of `MOST_DRAWN` of them, evenly spread.
    """
    where = folder / EpisodeRecord.file_name
    for index, record in records.items():
        if quota.total is not None and index >= quota.total:
            raise RunFolderError(f"{where}: episode {index} is none of the run's {quota.total}")
        condition = quota.condition(index)
        if record.condition != condition:
            raise RunFolderError(
                f"{where}: episode {index} was run under condition {record.condition}, and this run has "
                f"{condition} there"
            )
    step = max(1, -(-len(records) // MOST_DRAWN))
    for record in list(records.values())[::step]:
        episode = quota.episode(record.index)
        drawn = json.loads(json.dumps(episode.factors))
        other = [d for d in differences(record.factors, drawn) if not _equal_but_for_rounding(d)]
        if other or record.episode != episode.spec.index:
            raise RunFolderError(
                f"{where}: episode {record.index} is drawn otherwise today: "
                f"{sentence(other) or f'it is episode {episode.spec.index} of the suite'}; the records are of "
                "another run, or the code that draws has changed: choose another out="
            )


def _equal_but_for_rounding(difference: Difference) -> bool:
    """Exponentials differ in the last digit from one processor to the next."""
    both = difference.first, difference.second
    return all(isinstance(v, float) for v in both) and math.isclose(*both, rel_tol=1e-9, abs_tol=1e-12)


class SuiteQuota:
    """The first episodes of the suite; with ``stop``, as many of them as a sequential test needs."""

    def __init__(
        self, factor_set: FactorSet, task: str, seed: int, total: int, stop: EarlyStop | None = None
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
