"""SIGTERM and SIGHUP end a command as Ctrl-C does: what is begun is closed, a word says so, and a resume goes on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
"""What batch systems, containers and `kill` send; what a terminal sends that goes away."""


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end; handled wherever Ctrl-C is."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_status = 128 + number
        """What a shell reports of a process that the signal has ended."""


@contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """In here the first of `SIGNALS` raises `Terminated`; later ones do not disturb the closing that it begins."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python handles signals in the main thread only
        return

    first: int | None = None

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal first
        if first is None:
            first = number
            raise Terminated(number)

    # One that is ignored, as under nohup, stays so.
    caught = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in caught}
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if first is None or isinstance(interrupt, Terminated):
            raise
        raise Terminated(first) from interrupt  # C++ libraries, as Ray's, make a plain interrupt of it
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
