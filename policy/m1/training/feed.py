"""The samples of each step, gathered while the step before is computed."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Self

from policy.m1.training.batches import Source
from policy.m1.training.learner import Learner, Portion
from policy.m1.training.memory import Memory
from policy.m1.training.phases import ACTION, Phase
from policy.m1.training.randomness import item_at

Portions = Mapping[str, list[Portion]]
"""Objective to one portion a pass."""


class Feed:
    """Gives each step's portions for this device; a context manager.

    Step s takes the samples from ``s * accumulation * devices * batch`` on in each stream: which, depends on neither
    the number of passes nor that of devices, only on their product with the batch.
    """

    def __init__(
        self,
        learner: Learner,
        source: Source,
        phase: Phase,
        seed: int,
        accumulation: int,
        rank: int = 0,
        devices: int = 1,
    ) -> None:
        self.learner, self.phase, self.seed = learner, phase, seed
        self.accumulation, self.rank, self.devices = accumulation, rank, devices
        self.streams = {name: source.stream(name, phase.name) for name in phase.objectives}
        self._memory: Memory | None = None
        if phase.remember and ACTION in phase.objectives:
            actions = self.streams[ACTION]
            # It is filled block by block, so that soon all is read: rows that come but once are cheaper without.
            comes_again = phase.steps * accumulation * phase.batch[ACTION] > actions.size
            if comes_again and Memory.has_room_for(learner.model, actions):
                self._memory = Memory(learner.model, actions)
        self._pool = ThreadPoolExecutor(1)
        self._ahead: tuple[int, Future[Portions]] | None = None

    def portions(self, step: int) -> Portions:
        """The portions of a step; begins to gather those of the next."""
        ahead = self._ahead
        found = ahead[1].result() if ahead is not None and ahead[0] == step else self._gather(step)
        if step + 1 < self.phase.steps:
            self._ahead = (step + 1, self._pool.submit(self._gather, step + 1))
        return found

    def portion(self, objective: str, first: int, count: int) -> Portion:
        """Samples ``first`` to ``first + count`` of a stream."""
        stream = self.streams[objective]
        keys = tuple(range(first, first + count))
        rows = [item_at(key, stream.size, self.seed, f"{self.phase.name}/{objective}") for key in keys]
        if self._memory is None or objective != ACTION:
            return self.learner.prepare(objective, stream.batch(rows), keys, self.phase)
        # Every epoch shows a row as the first one did: that is what is remembered of it.
        shown = [(row, 0) for row, _ in rows]
        portion = self.learner.prepare(objective, stream.batch(shown), keys, self.phase)
        return replace(portion, reading=self._memory.reading([row for row, _ in rows]))

    def _gather(self, step: int) -> Portions:
        found = {}
        for objective in self.phase.objectives:
            batch = self.phase.batch[objective]
            passes = range(self.accumulation)
            numbers = [(step * self.accumulation + k) * self.devices + self.rank for k in passes]
            found[objective] = [self.portion(objective, number * batch, batch) for number in numbers]
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
