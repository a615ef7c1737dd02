"""Real-time priority for the loop and the driver's own threads, and none for everything else.

A thread begins with the priority of the one that starts it; a driver's library starts its own when the arm first moves,
from the loop's thread. Where the system does not grant priorities, everything runs without.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

PRIORITY = 5
"""Of the loop: below a twin's own, 10, on the same machine."""


@contextmanager
def real_time() -> Iterator[bool]:
    """In here this thread has real-time priority, and those that it starts; gives whether it could be had."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.sched_setscheduler(0, *before)


def below_the_loop() -> None:
    """This thread, which the loop started, comes second to it: for what answers within a period, or waits."""
    if os.sched_getscheduler(0) == os.SCHED_FIFO:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY - 2))


def ordinary() -> None:
    """This thread, which the loop started, is one like others: for what writes to disks."""
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
