"""`ordered_map`: a pure function over many jobs, in this process or in workers, with results in the order of the jobs.

What is made of the results depends on the jobs alone, then, whoever worked. A few jobs more than there are workers are
on their way at any time, so that memory does not grow with their number. A worker that dies costs what it had in hand,
which is done again. Workers are processes on this machine, or on those of a Ray cluster, all of which see the same
folders; they end with the process that started them, however it ends.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

from workbench.rollout.launch import LaunchError
from workbench.scale.ray_workers import MOST_DEATHS, connect

LOCAL, RAY = "local", "ray"
AHEAD = 2
"""Jobs on their way for each worker: one that it does, and one that waits for it."""


@dataclass(frozen=True)
class Workers:
    """Who works."""

    count: int = 1
    """Processes at once; 1 with `LOCAL` is this process."""
    launcher: str = LOCAL
    """`LOCAL`, or `RAY`."""
    address: str = ""
    """Of a Ray cluster, or ``auto`` to find it; empty starts one here."""


HERE = Workers()
"""In this process."""


def ordered_map[Job, Result](
    work: Callable[[Job], Result], jobs: Iterable[Job], workers: Workers = HERE
) -> Iterator[Result]:
    """Results of jobs, in their order.

    Args:
        work: what to do with a job; pickled where there are workers. It may be done twice for a job.
        jobs: taken as they are needed.
        workers: who works.

    Raises:
        LaunchError: workers die again and again, or there is no such Ray cluster.
        Exception: what ``work`` raises.
    """
    if workers.launcher == RAY:
        yield from _with_ray(work, jobs, workers)
    elif workers.count <= 1:
        yield from map(work, jobs)
    else:
        with closing(_Pool(work, workers.count)) as pool:
            yield from pool.map(jobs)


class _Pool:
    """Processes on this machine, and others in their place when one of them dies."""

    def __init__(self, work: Callable[[Any], Any], count: int) -> None:
        self._work, self._count = work, count
        self._executor: ProcessPoolExecutor | None = None
        self._waiting: deque[tuple[Any, Future]] = deque()

    def map(self, jobs: Iterable[Any]) -> Iterator[Any]:
        jobs, deaths = iter(jobs), 0
        while True:
            for job in itertools.islice(jobs, AHEAD * self._count - len(self._waiting)):
                self._waiting.append((job, self._submit(job)))
            if not self._waiting:
                return
            try:
                result = self._waiting[0][1].result()
            except BrokenProcessPool:
                deaths += 1
                if deaths > MOST_DEATHS:
                    raise LaunchError(
                        f"workers died {deaths} times in a row without finishing anything, as they do when memory "
                        "runs out: choose fewer workers="
                    ) from None
                self._begin_again()
                continue
            deaths = 0
            self._waiting.popleft()
            yield result

    def _submit(self, job: Any) -> Future:
        if self._executor is None:
            # Not forked: this process has threads, of Arrow and of encoders.
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self._count, context, initializer=_begin)
        try:
            return self._executor.submit(self._work, job)
        except BrokenProcessPool as problem:
            failed: Future = Future()
            failed.set_exception(problem)
            return failed

    def _begin_again(self) -> None:
        """A process has died, and with it the pool: what it had not finished is done by a new one."""
        self.close()
        self._waiting = deque(
            (job, future if _succeeded(future) else self._submit(job)) for job, future in self._waiting
        )

    def close(self) -> None:
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(cancel_futures=True)


def _succeeded(future: Future) -> bool:
    return future.done() and not future.cancelled() and not isinstance(future.exception(), BrokenProcessPool)


def _begin() -> None:
    """What a worker does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started it
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def _with_ray(work: Callable[[Any], Any], jobs: Iterable[Any], workers: Workers) -> Iterator[Any]:
    ray = connect(workers.address)
    try:
        begin = ray.remote(num_cpus=1, max_retries=MOST_DEATHS)(_call)
        shared = ray.put(work)
        jobs, waiting = iter(jobs), deque[Any]()
        while True:
            for job in itertools.islice(jobs, AHEAD * workers.count - len(waiting)):
                waiting.append(begin.remote(shared, job))
            if not waiting:
                return
            try:
                result = ray.get(waiting[0])
            except ray.exceptions.RayTaskError as problem:
                raise problem.cause from None
            except ray.exceptions.RayError as problem:
                text = (str(problem).strip().splitlines() or [type(problem).__name__])[-1]
                raise LaunchError(f"workers died {MOST_DEATHS + 1} times over one job: {text}") from None
            waiting.popleft()
            yield result
    finally:
        ray.shutdown()


def _call(work: Callable[[Any], Any], job: Any) -> Any:
    return work(job)
