"""A search as a run: its batches are named episodes, ``episodes.jsonl`` holds what they showed, a kill loses nothing.

The search is a function of the outcomes (`Adr.run`), so resuming is to feed it the recorded ones again. Every batch
that is complete becomes a line of ``batches.jsonl``, for people to follow; on resuming these lines must agree.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from domain_rand.episode import Episode, draw_episode
from domain_rand.sets import FactorSet
from tasks.episode import EpisodeSpec
from workbench.attribution.plan import Condition
from workbench.attribution.planning import draw_condition
from workbench.runs.durable import append_line, write_atomically
from workbench.runs.folder import RunFolderError
from workbench.runs.records import CLEAN, EpisodeRecord
from workbench.tuning.adr import Adr, Batch, Settings
from workbench.tuning.ranges import FactorBound, current_set, whole_set

LOG = "batches.jsonl"


class AdrQuota:
    """The batches that a search asks for, one wave after the other; run indices count on from wave to wave."""

    total = None

    def __init__(
        self,
        factor_set: FactorSet,
        bounds: Sequence[FactorBound],
        settings: Settings,
        task: str,
        seed: int,
        folder: Path,
    ) -> None:
        self.factor_set, self.bounds, self.task, self.seed = factor_set, bounds, task, seed
        self.adr = Adr([b.bound for b in bounds], settings)
        self._log = folder / LOG
        self._logged = _lines(self._log)
        self._search = self.adr.run()
        self._batches: list[Batch] = []
        self._starts: list[int] = []
        self._written = 0
        self._wave: list[int] = []
        """Batches of the wave that is being run."""
        self._advance(None)

    def episode(self, index: int) -> Episode:
        """See `workbench.runs.quota.Quota`."""
        batch, episode = self._find(index)
        spec = EpisodeSpec(self.task, episode, self.seed, self.factor_set.name)
        if batch.trial.whole:
            return draw_episode(spec, whole_set(self.factor_set, self.bounds, batch.trial.others))
        if not self.adr.settings.joint:
            return draw_condition(spec, self.factor_set, "nominal", self._condition(batch))
        others = current_set(self.factor_set, self.bounds, batch.trial.others)
        return draw_condition(spec, self._with(others, batch), "set", self._condition(batch))

    def condition(self, index: int) -> str | None:
        """See `workbench.runs.quota.Quota`."""
        return self._condition(self._find(index)[0]).name

    def next(self, records: Mapping[int, EpisodeRecord]) -> list[int]:
        """See `workbench.runs.quota.Quota`; takes every wave that is complete to the search."""
        while self._wave:
            missing = [i for k in self._wave for i in self._indices(k) if i not in records]
            if missing:
                return missing
            successes = [sum(records[i].success for i in self._indices(k)) for k in self._wave]
            for k, won in zip(self._wave, successes, strict=True):
                self._book_batch(k, won)
            self._advance(successes)
        return []

    def book(self, index: int, success: bool) -> bool:
        """See `workbench.runs.quota.Quota`."""
        return False

    def _advance(self, successes: list[int] | None) -> None:
        try:
            wave = next(self._search) if successes is None else self._search.send(successes)
        except StopIteration:
            self._wave = []
            return
        self._wave = list(range(len(self._batches), len(self._batches) + len(wave)))
        for batch in wave:
            self._starts.append(self._starts[-1] + self._batches[-1].count if self._batches else 0)
            self._batches.append(batch)

    def _indices(self, k: int) -> range:
        return range(self._starts[k], self._starts[k] + self._batches[k].count)

    def _find(self, index: int) -> tuple[Batch, int]:
        """The batch that an index belongs to, and the suite episode that it is."""
        k = bisect_right(self._starts, index) - 1
        return self._batches[k], self._batches[k].first + index - self._starts[k]

    def _condition(self, batch: Batch) -> Condition:
        trial = batch.trial
        if trial.whole:
            return Condition(f"all factors {trial.whole}")
        return Condition(CLEAN) if trial.bound is None else self.bounds[trial.bound].condition(trial.position)

    def _with(self, others: FactorSet, batch: Batch) -> FactorSet:
        """The others together with the factor under trial, which they lack while its own range is a point."""
        if batch.trial.bound is None:
            return others
        name = self.bounds[batch.trial.bound].factor
        held = {f.name: f for f in others.factors}
        kept = tuple(held.get(f.name, f) for f in self.factor_set.factors if f.name in held or f.name == name)
        return FactorSet(self.factor_set.name, kept)

    def _book_batch(self, k: int, successes: int) -> None:
        """A line of the log; RunFolderError if there is another one in its place."""
        batch = self._batches[k]
        line: dict[str, Any] = {
            "batch": k,
            "condition": self._condition(batch).name,
            "position": batch.trial.position,
            "first_index": self._starts[k],
            "episodes": batch.count,
            "successes": successes,
        }
        if k >= len(self._logged):
            append_line(self._log, json.dumps(line))
            self._logged.append(line)
        elif self._logged[k] != line:
            raise RunFolderError(
                f"{self._log} line {k + 1} says {json.dumps(self._logged[k])}, but the episodes say "
                f"{json.dumps(line)}: one of the two files was changed"
            )


def _lines(path: Path) -> list[dict[str, Any]]:
    """The batches on record; a last line that a power cut has shortened is cut off, since it is made again."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        write_atomically(path, whole)
    try:
        return [json.loads(line) for line in whole.splitlines()]
    except ValueError:
        raise RunFolderError(f"{path} holds a line that is not JSON") from None
