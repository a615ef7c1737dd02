"""Workers on Ray: each runs a whole simulator, takes jobs from one queue, and may die without anything being lost.

A worker is a Ray task that holds one GPU, or its share of the cores of a machine without one. All of them see the same
folder. The queue lives in an actor that dies with the driver; a worker that cannot reach it stops, so that no chunk
appears after somebody else has taken over.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from workbench.rollout.launch import LaunchError
from workbench.scale.work_queue import WorkQueue

MOST_DEATHS = 3
"""Workers that may die in a row without any job being done in between; more means that none will ever be."""
POLL_S = 0.2
"""Time between two looks at the workers [s]."""
CONNECT_S = 5.0
"""Time within which a cluster has to answer [s]."""


class _Desk:
    """The queue as an actor, and what workers have told since the driver last asked."""

    def __init__(self, jobs: list[int], num_envs: int) -> None:
        self._queue = WorkQueue(jobs, num_envs)
        self._told: list[tuple[str, Any]] = []

    def take(self, worker: str, row: int) -> int | None:
        return self._queue.take(worker, row)

    def tell(self, worker: str, what: Any) -> None:
        self._told.append((worker, what))

    def ping(self) -> bool:
        return True

    def hear(self) -> tuple[list[tuple[str, Any]], int]:
        told, self._told = self._told, []
        return told, self._queue.waiting

    def give_up(self, worker: str, settled: list[int]) -> list[int]:
        return self._queue.give_up(worker, settled)

    def close(self) -> None:
        self._queue.close()


class Line:
    """A worker's line to the queue; raises Ray's errors once the driver is gone."""

    def __init__(self, desk: Any, worker: str) -> None:
        self._desk, self.worker = desk, worker

    def take(self, row: int) -> int | None:
        """See `workbench.rollout.loop.Work`."""
        import ray

        return ray.get(self._desk.take.remote(self.worker, row))

    def tell(self, what: Any) -> None:
        """Tell the driver something that it can wait for."""
        import ray

        ray.get(self._desk.tell.remote(self.worker, what))

    def check(self) -> None:
        """Make sure that the driver is still there."""
        import ray

        ray.get(self._desk.ping.remote())


def run_workers(
    work: Callable[[Line], Any],
    jobs: Iterable[int],
    num_envs: int,
    workers: int,
    device: str,
    heard: Callable[[str, Any], bool | None],
    settled_by: Callable[[str], Iterable[int]],
    log: Path,
    address: str = "",
) -> list[Any]:
    """Run jobs in workers until all are done; returns what each worker that came to an end returned.

    Args:
        work: what a worker does with its `Line`; pickled, and run in a process of its own.
        jobs: what there is to do.
        num_envs: rows of each worker.
        workers: how many at once.
        device: ``cpu``, or ``cuda:0``: then each worker has a GPU to itself, which it sees under this name.
        heard: called with a worker's name and what it tells; returning True hands out nothing more.
        settled_by: jobs of a worker that are safe; asked for when it has died.
        log: file that workers' output goes to, the worker's name added.
        address: of a running Ray cluster, or ``auto`` to find it; empty starts one here.

    Raises:
        LaunchError: workers die again and again, or the cluster cannot hold one.
    """
    ray = connect(address)
    try:
        desk = ray.remote(num_cpus=0)(_Desk).remote(list(jobs), num_envs)
        begin = ray.remote(max_retries=0)(_run).options(**_share(ray, workers, device))
        number, deaths, stopping = 0, 0, False
        results: list[Any] = []
        running: dict[Any, str] = {}
        while True:
            told, waiting = ray.get(desk.hear.remote())
            for worker, what in told:
                if heard(worker, what) and not stopping:
                    stopping = True
                    ray.get(desk.close.remote())
            deaths = 0 if told else deaths
            while len(running) < workers and waiting > 0:
                name = f"w{os.getpid()}x{number}-"
                running[begin.remote(work, desk, name, str(log))] = name
                number += 1
            if not running:
                return results
            done, _ = ray.wait(list(running), timeout=POLL_S)
            for task in done:
                name = running.pop(task)
                try:
                    results.append(ray.get(task))
                except ray.exceptions.RayTaskError as problem:
                    raise LaunchError(f"a worker failed: {_last_line(problem)}; see {log}") from None
                except ray.exceptions.RayError as problem:
                    deaths += 1
                    ray.get(desk.give_up.remote(name, list(settled_by(name))))
                    if deaths > MOST_DEATHS:
                        raise LaunchError(
                            f"{deaths} workers died in a row without finishing anything: {_last_line(problem)}; "
                            f"see {log}"
                        ) from None
    finally:
        ray.shutdown()


def _run(work: Callable[[Line], Any], desk: Any, name: str, log: str) -> Any:
    from workbench.rollout.launch import output_to

    path = Path(log)
    with output_to(path.with_name(f"{path.stem}-{name.rstrip('-')}{path.suffix}")):
        return work(Line(desk, name))


def connect(address: str) -> Any:
    """Ray, connected to a cluster, or to one that starts here; LaunchError if there is none."""
    import ray

    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isascii() and port.isdigit():
        try:
            socket.create_connection((host, int(port)), CONNECT_S).close()
        except (OSError, OverflowError) as problem:  # Ray itself would try for minutes
            raise LaunchError(f"no Ray cluster at ray_address={address!r}: {problem}") from None
    # Ray would start every worker with the driver's working tree packed up; all of them see the same files anyway.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address=address or "local",
            include_dashboard=False if not address else None,
            log_to_driver=False,
            logging_level="error",
            configure_logging=False,
        )
    except (ConnectionError, RuntimeError, ValueError) as problem:
        raise LaunchError(f"no Ray cluster at ray_address={address!r}: {_last_line(problem)}") from None
    if on_sigterm is not None and threading.current_thread() is threading.main_thread():
        signal.signal(
            signal.SIGTERM, on_sigterm
        )  # Ray sets one of its own, which ends the process without a word
    return ray


def _share(ray: Any, workers: int, device: str) -> dict[str, Any]:
    """What of the cluster a worker holds."""
    have = ray.cluster_resources()
    if device != "cpu":
        gpus = int(have.get("GPU", 0))
        if gpus < 1:
            raise LaunchError(f"device={device}: the Ray cluster has no GPU")
        return {"num_gpus": 1, "num_cpus": 1}
    cores = max(1, int(have.get("CPU", 1)) // workers)
    return {"num_cpus": cores, "runtime_env": {"env_vars": {"OMP_NUM_THREADS": str(cores)}}}


def _last_line(problem: BaseException) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[-1]
