"""Things that break, on purpose, and what the arm does then, by the twin's own audit."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.bridge.twin.audit import RECORD, read

STILL = 0.02
"""True joints slower than this are at rest [rad/s]."""
REST = 20
"""If they are so for as long as this [ms]."""


@dataclass(frozen=True)
class Rest:
    """How an arm came to rest after a fault."""

    seconds: float
    """From the fault until every joint was slow."""
    radians: float
    """The way of the joint that went farthest."""
    speed: float
    """Of the fastest joint at the fault [rad/s]."""


def await_motion(out: Path, speed: float = 0.05, timeout: float = 90.0) -> None:
    """Until the arm of a run in a folder moves, by the audit's newest records."""
    end, path = time.monotonic() + timeout, out / "twin" / "audit.bin"
    while time.monotonic() < end:
        time.sleep(0.1)
        if path.is_file() and path.stat().st_size > 100 * RECORD.itemsize:
            newest = read(path)[-50:]
            if (np.abs(newest["dq"]).max(1) > speed).all():
                return
    raise AssertionError(f"the arm of {out} did not move within {timeout:g} s")


def kill(process: subprocess.Popen, number: int = signal.SIGKILL) -> float:
    """Send a signal; when [s]."""
    now = time.monotonic()
    os.kill(process.pid, number)
    if number == signal.SIGKILL:
        process.wait()
    return now


def rest_after(out: Path, at: float, wait: float = 3.0) -> Rest:
    """How the arm came to rest after a fault at a time [s]."""
    left = at + wait - time.monotonic()
    time.sleep(max(0.0, left))
    audit = read(out / "twin" / "audit.bin")
    audit = audit[audit["time"] >= at]
    still = np.abs(audit["dq"]).max(1) < STILL
    rests = np.convolve(still, np.ones(REST), "valid") == REST
    assert rests.any(), "the arm had not come to rest"
    first = int(np.argmax(rests))
    way = np.abs(audit["q"][: first + 1] - audit["q"][0]).max()
    return Rest(float(audit["time"][first] - at), float(way), float(np.abs(audit["dq"][0]).max()))


def processes(*words: bytes) -> list[int]:
    """Processes whose command has all these words."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and set(words) <= set((entry / "cmdline").read_bytes().split(b"\0")):
                found.append(int(entry.name))
    return found


def twins_of(out: Path) -> list[int]:
    """The twin of a run, while there is one: its command names the run's own file."""
    return processes(str(out.absolute() / "twin" / "twin.json").encode()) or processes(
        str(out / "twin" / "twin.json").encode()
    )


def stop_twin_of(out: Path) -> None:
    """End the twin that a killed run left behind."""
    for pid in twins_of(out):
        os.kill(pid, signal.SIGTERM)
