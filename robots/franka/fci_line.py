"""`FciLine`: a Franka arm's `robots.franka.fci_process`, as its driver holds it."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

from robots.driver import Way
from robots.franka.fci_messages import (
    NOTHING,
    POINT,
    SCALE,
    SET_POINT,
    SET_SCALE,
    SIZE,
    STOP,
    FciState,
    StateMemory,
    pack_way,
)
from robots.franka.fci_process import READY

START_S = 20.0
"""For so long an arm that is reached for is waited for [s]."""
GOODBYE_S = 3.0
"""For so long the process may lead the arm to rest at the end [s]."""
ROOT = Path(__file__).parents[2]
"""Folder from which `robots` is imported."""


class FciError(Exception):
    """The process or the arm does not do what it should; the library's words."""


class FciLine:
    """One arm; `close` it."""

    def __init__(self, address: str, variant: str, period: float, realtime: bool) -> None:
        """See `robots.franka.driver.FrankaDriver`; FciError where the arm cannot be reached."""
        state = os.memfd_create("franka-state")
        os.ftruncate(state, SIZE)
        self._memory = StateMemory(state)
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.setblocking(False)
        words = [address, variant, str(period), str(realtime), str(state), str(theirs.fileno())]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "robots.franka.fci_process", *words],
            cwd=ROOT,
            pass_fds=(state, theirs.fileno()),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is the operator's, to the bridge
        )
        theirs.close()
        os.close(state)
        self._raised = 0
        self._told = NOTHING
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_S)
        said = self._process.stdout.readline().decode().strip() if ready else "it does not answer"
        if said != READY:
            last = "" if said or ready else self._last_words()
            self.close()
            raise FciError(said or last or "its process ended at once")
        end = time.monotonic() + START_S
        while self._memory.read() is None and time.monotonic() < end:
            time.sleep(0.002)

    def state(self) -> FciState:
        """The newest; FciError where nothing comes any more."""
        if self._process.poll() is not None:
            raise FciError(self._last_words() or f"its process ended with status {self._process.returncode}")
        try:
            state = self._memory.read()
        except TimeoutError as problem:
            raise FciError(str(problem)) from None
        if state is None:
            raise FciError("it has sent no state")
        return state

    def send(self, way: Way, period: int, at_rest: bool) -> None:
        """The way that a set point lies on, if the process has not been told of it, or has ended its motion since.

        Args:
            way: the whole of it is sent once.
            period: of the set point.
            at_rest: whether the arm rests there: from there, a new motion may begin.

        FciError for what has ended the motion before, once, or a line that is gone.
        """
        state = self.state()
        if state.problems > self._raised:
            self._raised = state.problems
            raise FciError(state.problem)
        first = way.leaves if way.number != self._told else period
        if way.number == self._told and (state.number != NOTHING or not at_rest):
            self._tell(POINT.pack(SET_POINT, way.number))
            return
        try:
            self._tell(pack_way(way.number, way.after, first, way.states(first)))
        except ValueError as problem:
            raise FciError(str(problem)) from None
        self._told = way.number

    def scale(self, share: float) -> None:
        """The share of the limits that the way to set points keeps; FciError for a line that is gone."""
        self._tell(SCALE.pack(SET_SCALE, share))

    def stop(self, longest: float) -> None:
        """Bring the arm to rest and end the motion; FciError where it is not over within so long [s]."""
        self._tell(STOP)
        end = time.monotonic() + longest
        while self.state().moving:
            if time.monotonic() > end:
                raise FciError(f"it still moves after {longest:g} s")
            time.sleep(0.002)

    def close(self) -> None:
        """Let go of the arm, which the process brings to rest; may be called twice."""
        self._line.close()
        try:
            self._process.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        self._memory.close()

    def _tell(self, message: bytes) -> None:
        try:
            self._line.send(message)
        except BlockingIOError:
            raise FciError("its process takes no more ways") from None
        except OSError as problem:
            raise FciError(f"its process is gone: {problem}") from None

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
            if self._process.stderr is not None and not self._process.stderr.closed:
                lines = self._process.stderr.read().decode(errors="replace").strip().splitlines()
                return lines[-1] if lines else ""
        return ""
