"""`LiveView`: what an arm does now, in Rerun: cameras with what the policy says, its plan and its way, limits, latency.

Whoever steers an arm gives a `Sample` and goes on. It is drawn by a process of its own
(`workbench.views.live_drawing`), at the other end of a pipe that is never waited for: what does not fit is left out, so
that a viewer that is slow, or blocks for ever, costs the arm's loop nothing. There is no thread, either: one without
the loop's priority that is put aside while it holds the interpreter holds up the loop. ``live=true`` opens a viewer for
this machine alone (without a screen, a server that a viewer connects to, over ``ssh -L``); ``live=FILE.rrd`` writes a
file; ``live=rerun+http://HOST:PORT/proxy`` goes to an open viewer.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import select
import subprocess
import sys
import time
from collections.abc import Sequence

from workbench.views.live_sample import ALL_PLOTS, FAILED, LENGTH, Sample

PIPE_BYTES = 1 << 20
"""What may wait to be drawn, beside the sample that has begun to be sent: some samples with pictures [bytes]."""
START_S = 60.0
"""For so long the process that draws is waited for at the beginning [s]."""
GOODBYE_S = 3.0
"""For so long what is still waiting is drawn at the end [s]."""
DRAWING = (sys.executable, "-m", "workbench.views.live_drawing")


class LiveError(RuntimeError):
    """The process that draws does not begin; one sentence says why."""


class LiveView:
    """A live view; `close` it."""

    def __init__(
        self,
        name: str,
        where: str,
        cameras: Sequence[str],
        command: Sequence[str] = DRAWING,
        plots: Sequence[str] = ALL_PLOTS,
    ) -> None:
        """
        Args:
            name: of the run.
            where: ``true``, a file, or a viewer's address.
            cameras: that will be shown.
            command: begins the process that draws.
            plots: that will be shown.

        LiveError where that does not begin.
        """
        self._process = subprocess.Popen(
            [*command, name, where, ",".join(plots), *cameras],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is the operator's, to the bridge
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._pipe, out = self._process.stdin, self._process.stdout
        ready, _, _ = select.select([out], [], [], START_S)
        self.said = out.readline().decode().strip() if ready else ""
        """Where it can be seen, in a sentence."""
        if not self.said:
            self._process.kill()
            self._process.wait()
            raise LiveError(f"the live view does not open at {where}: see what its process says above")
        if self.said.startswith(FAILED):
            self._process.wait()
            raise LiveError(f"the live view does not open at {where}: {self.said.removeprefix(FAILED)}")
        self._end = self._pipe.fileno()
        os.set_blocking(self._end, False)
        fcntl.fcntl(self._end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._left_out = 0
        self._unsent = memoryview(b"")
        self._ended = False

    def show(self, sample: Sample) -> bool:
        """Draw it soon, or leave it out: whether it is drawn; returns at once."""
        if not self._send():
            self._left_out += 1
            return False
        body = pickle.dumps(sample, pickle.HIGHEST_PROTOCOL)
        self._unsent = memoryview(LENGTH.pack(len(body)) + body)
        self._send()
        return not self._ended

    @property
    def left_out(self) -> int:
        """Samples that came too fast to be drawn."""
        return self._left_out

    def close(self) -> None:
        """Draw what waits, and end; an open window stays, and a viewer that blocks is ended."""
        end = time.monotonic() + GOODBYE_S
        while not self._send() and not self._ended and (left := end - time.monotonic()) > 0:
            select.select([], [self._end], [], left)
        self._pipe.close()
        try:
            self._process.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _send(self) -> bool:
        """Of what waits here as much as the pipe takes: whether it took all."""
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._end, self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:  # the process that draws has ended: what comes is left out from now on
            self._ended = True
        return not self._unsent and not self._ended
