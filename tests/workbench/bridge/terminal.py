"""`Terminal`: the bridge at a terminal of its own, whose keys are pressed here as by a person beside an arm."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[3]
UP, DOWN, LEFT, RIGHT = "\x1b[A", "\x1b[B", "\x1b[D", "\x1b[C"
ENDS_S = 60.0
"""For so long a bridge that was told to end is waited for [s]."""


class Terminal:
    """A running ``workbench bridge``; a context manager that ends it."""

    def __init__(self, *words: str, python: str | Path = sys.executable) -> None:
        """``words``: its options; ``python``: of an environment that the workbench is in."""
        self._own, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [str(python), "-m", "workbench.cli.main", "bridge", *words],
            cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.output = ""
        """All that it said."""

    def wait_for(self, pattern: str, seconds: float = 60.0) -> None:
        """Until it has said this, a regular expression; AssertionError if it does not."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.output):
            assert time.monotonic() < end, f"it does not say {pattern!r}:\n{self.output}"
            assert self._read(0.1) or self.process.poll() is None, f"it has ended:\n{self.output}"

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._own, keys.encode())

    def hold(self, keys: Sequence[str], seconds: float) -> None:
        """Press keys again and again, as a keyboard repeats one that is held."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for key in keys:
                self.press(key)
            self._read(0.03)

    def end(self) -> int:
        """Wait until it ends: its exit status."""
        end = time.monotonic() + ENDS_S
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it does not end:\n{self.output}"
            self._read(0.1)
        while self._read(0.0):
            pass
        return int(self.process.returncode)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._own], [], [], seconds)[0]:
            return False
        try:
            said = os.read(self._own, 65536).decode("utf-8", "replace")
        except OSError:  # the other side is closed
            time.sleep(seconds)
            return False
        self.output += said
        return bool(said)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        os.close(self._own)
