"""Threads for work that lets go of Python's lock: drawing, image arithmetic, compression."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache

PATIENCE_S = 5e-3
"""By how much threads of `beginning_patiently` may oversleep [s]."""
_PR_SET_TIMERSLACK, _PR_GET_TIMERSLACK = 29, 30


@lru_cache(maxsize=1)
def cores() -> int:
    """Cores that this process may use: those it is allowed, or ``OMP_NUM_THREADS`` if that is fewer."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(allowed, int(limit)) if limit.isdigit() and int(limit) > 0 else allowed


def in_threads[Item, Result](work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """``work`` of every item, in order, on all cores. Work must not itself wait for work that it hands over here."""
    items = list(items)
    if cores() == 1 or len(items) < 2:
        return [work(item) for item in items]
    return list(_pool().map(work, items))


def leave_real_time() -> int:
    """Take this process's real-time threads back to ordinary scheduling; how many there were.

    PhysX gives its threads real-time priority where it may, as for root, and lets them spin while they wait; SVT-AV1
    gives it to its own and to the caller's. Two
    simulators on as many cores then keep each other's workers from running, and go ten times slower than one.
    """
    tasks = "/proc/self/task"
    moved = 0
    for name in os.listdir(tasks) if os.path.isdir(tasks) else ():
        try:
            if os.sched_getscheduler(int(name)) in (os.SCHED_FIFO, os.SCHED_RR):
                os.sched_setscheduler(int(name), os.SCHED_OTHER, os.sched_param(0))
                moved += 1
        except ProcessLookupError:
            continue  # it has ended meanwhile
    return moved


@contextmanager
def beginning_patiently() -> Iterator[None]:
    """Threads that begin meanwhile oversleep a little, on Linux; waking each other is as quick as ever.

    PhysX's cooking agent asks for work all the time that a process lives, with a microsecond's sleep in between: half
    a core that other simulators lack.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    before = prctl(_PR_GET_TIMERSLACK)
    prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(int(PATIENCE_S * 1e9)))
    try:
        yield
    finally:
        prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(before))


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), thread_name_prefix="worker")
