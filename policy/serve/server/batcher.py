"""`Batcher`: runs the policy in a thread of its own, on whatever was asked since it ran last.

While it runs, questions gather, and run together next time: many clients fill a batch by themselves, and a single one
never waits for others. Questions of one message stay together, in their order.

A client that is alone is spoken with in the policy's thread itself (`Batcher.host`): to hand its question over and the
answer back takes two turns of threads, which is more than to read it, and on a busy machine much more.
"""

from __future__ import annotations

import contextlib
import os
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
    infer_ms: float = field(default=0.0, init=False)
    """How long the policy ran; 0 where the answer was known [ms]."""

    def __post_init__(self) -> None:
        self.slots = {session.slot for session in self.sessions}
        self.shape = tuple((name, image.shape) for name, image in self.rows[0].images.items())


@dataclass
class _Hosted:
    """Work that is done in the policy's thread until somebody asks."""

    work: Callable[[], object]
    ended: queue.SimpleQueue[BaseException | None] = field(default_factory=queue.SimpleQueue)


class Batcher:
    """See the module. `close` lets it finish what was asked."""

    def __init__(self, policy: Acting, most: int, metrics: Metrics) -> None:
        """``most`` rows run together, unless one message alone has more."""
        self._policy, self._most, self._metrics = policy, most, metrics
        self._jobs: queue.SimpleQueue[Job | _Hosted | None] = queue.SimpleQueue()
        self._waiting: list[Job] = []
        self._guests: list[_Hosted] = []
        self._pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="policy", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Have it answered, in time; at once from within the policy's thread."""
        if threading.current_thread() is self._thread:
            self._run_one([job])
            return
        self._put(job)

    @property
    def wake(self) -> int:
        """Descriptor from which something is to be read while `wanted`."""
        return self._pipe[0]

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for the policy's thread."""
        return not self._jobs.empty()

    def host(self, work: Callable[[], object], attend: Callable[[], object], every_s: float) -> None:
        """Do something in the policy's thread and wait for its end; it has to end soon once the thread is `wanted`.

        Args:
            work: what is done; what it raises is raised here.
            attend: called now and then until it ends.
            every_s: how often [s].
        """
        hosted = _Hosted(work)
        self._put(hosted)
        while True:
            try:
                problem = hosted.ended.get(timeout=every_s)
            except queue.Empty:
                attend()
                continue
            if problem is not None:
                raise problem
            return

    def close(self) -> None:
        """Answer what was asked, then end."""
        self._put(None)
        self._thread.join(LONGEST_LAST_RUN_S)
        if not self._thread.is_alive():
            for descriptor in self._pipe:
                os.close(descriptor)

    def _put(self, item: Job | _Hosted | None) -> None:
        self._jobs.put(item)
        if self._guests:
            with contextlib.suppress(BlockingIOError):  # full: it is woken anyway
                os.write(self._pipe[1], b"x")

    def _run(self) -> None:
        is_open = True
        while is_open or self._waiting:
            if not self._waiting and not self._guests:
                is_open = self._take(self._jobs.get())
            while is_open and self.wanted:
                is_open = self._take(self._jobs.get())
            if self._waiting:
                self._run_one(self._gathered())
            elif self._guests:
                self._run_guest(self._guests[0])
                self._guests.pop(0)

    def _take(self, item: Job | _Hosted | None) -> bool:
        """Sort in what came; False for the end."""
        if isinstance(item, Job):
            self._waiting.append(item)
        elif item is not None:
            self._guests.append(item)
        return item is not None

    def _run_guest(self, hosted: _Hosted) -> None:
        problem: BaseException | None = None
        try:
            if not self.wanted:
                hosted.work()
        except BaseException as raised:
            problem = raised  # its own thread's to deal with
        with contextlib.suppress(BlockingIOError):
            os.read(self._pipe[0], 4096)
        hosted.ended.put(problem)

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
        took_s = time.perf_counter() - began
        self._metrics.time("inference_seconds", took_s)
        self._metrics.count("batches_total")
        self._metrics.count("questions_total", len(rows))
        for session, step, answer in zip(sessions, steps, answers, strict=True):
            session.answered = (step, answer)
        at = 0
        for job in jobs:
            job.infer_ms = 1e3 * took_s
            job.done(answers[at : at + len(job.rows)])
            at += len(job.rows)


def _was_answered(session: Session, step: int) -> bool:
    return session.answered is not None and session.answered[0] == step and not session.fresh
