"""`Batcher`: runs the policy in a thread of its own, on whatever was asked since it ran last.

While it runs, questions gather, and run together next time: many clients fill a batch by themselves, and a single one
never waits for others. Questions of one message stay together, in their order.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from policy.serve.errors import ServerError
from policy.serve.server.metrics import Metrics
from policy.serve.server.rows import Row
from policy.serve.server.sessions import Session

LONGEST_LAST_RUN_S = 5.0
"""A policy that takes longer is not waited for at the end [s]."""
Answer = tuple[np.ndarray, dict[str, Any] | None]
"""Actions ``[T, A]``, and where the policy means to act."""


class Acting(Protocol):
    """A policy as a server runs it."""

    def reset(self, slots: Sequence[int], seeds: Sequence[int]) -> None:
        """Episodes begin in these places."""
        ...

    def act(self, slots: Sequence[int], steps: Sequence[int], rows: Sequence[Row]) -> list[Answer]:
        """An answer a row; all rows have pictures of one shape."""
        ...


@dataclass
class Job:
    """The questions of one message."""

    sessions: Sequence[Session]
    steps: Sequence[int]
    rows: Sequence[Row]
    done: Callable[[list[Answer] | Exception], object]
    """Called from the policy's thread."""
    slots: set[int] = field(init=False)
    shape: tuple[Any, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.slots = {session.slot for session in self.sessions}
        self.shape = tuple((name, image.shape) for name, image in self.rows[0].images.items())


class Batcher:
    """See the module. `close` lets it finish what was asked."""

    def __init__(self, policy: Acting, most: int, metrics: Metrics) -> None:
        """``most`` rows run together, unless one message alone has more."""
        self._policy, self._most, self._metrics = policy, most, metrics
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._waiting: list[Job] = []
        self._thread = threading.Thread(target=self._run, name="policy", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Have it answered, in time."""
        self._jobs.put(job)

    def close(self) -> None:
        """Answer what was asked, then end."""
        self._jobs.put(None)
        self._thread.join(LONGEST_LAST_RUN_S)

    def _run(self) -> None:
        open_ = True
        while open_ or self._waiting:
            if not self._waiting:
                job = self._jobs.get()
                if job is None:
                    return
                self._waiting.append(job)
            while open_:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    open_ = False
                else:
                    self._waiting.append(job)
            self._run_one(self._gathered())

    def _gathered(self) -> list[Job]:
        """The jobs that run next: from the oldest on, those that fit with it, no place twice."""
        first, *rest = self._waiting
        chosen, slots, rows, left = [first], set(first.slots), len(first.rows), []
        for job in rest:
            fits = job.shape == first.shape and rows + len(job.rows) <= self._most
            if fits and not slots & job.slots:
                chosen.append(job)
                rows += len(job.rows)
            else:
                left.append(job)
            slots |= job.slots  # a later question of a place that waits must not overtake
        self._waiting = left
        return chosen

    def _run_one(self, jobs: list[Job]) -> None:
        repeated = [job for job in jobs if all(map(_was_answered, job.sessions, job.steps))]
        jobs = [job for job in jobs if job not in repeated]
        for job in repeated:
            job.done([session.answered[1] for session in job.sessions if session.answered is not None])
        if not jobs:
            return
        sessions = [session for job in jobs for session in job.sessions]
        began = time.perf_counter()
        try:
            fresh = [session for session in sessions if session.fresh]
            if fresh:
                self._policy.reset([s.slot for s in fresh], [s.seed for s in fresh])
                for session in fresh:
                    session.fresh = False
            steps = [step for job in jobs for step in job.steps]
            rows = [row for job in jobs for row in job.rows]
            answers = self._policy.act([s.slot for s in sessions], steps, rows)
        except Exception as problem:
            traceback.print_exc(file=sys.stderr)  # for whoever runs the server; clients get a sentence
            said = " ".join(str(problem).split())[:200]
            for job in jobs:
                job.done(ServerError(f"the policy failed with {type(problem).__name__}", said))
            return
        self._metrics.time("inference_seconds", time.perf_counter() - began)
        self._metrics.count("batches_total")
        self._metrics.count("questions_total", len(rows))
        for session, step, answer in zip(sessions, steps, answers, strict=True):
            session.answered = (step, answer)
        at = 0
        for job in jobs:
            job.done(answers[at : at + len(job.rows)])
            at += len(job.rows)


def _was_answered(session: Session, step: int) -> bool:
    return session.answered is not None and session.answered[0] == step and not session.fresh
