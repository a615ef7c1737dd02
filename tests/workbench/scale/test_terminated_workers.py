"""SIGTERM to a command whose work is done in workers: all of them end, what was done is kept, and it goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.long, pytest.mark.slow]

JOBS = 24
DRIVER = """
import sys, time
from pathlib import Path
from workbench.cli import main as cli
from workbench.cli.command import Command
from workbench.runs.durable import append_line
from workbench.scale.ray_workers import run_workers

def work(line):
    while (job := line.take(0)) is not None:
        print("doing", job, flush=True)
        time.sleep(0.3)
        line.tell(job)

def run(words, console):
    done = Path(words[0]) / "done"
    safe = {}
    def heard(worker, job):
        safe.setdefault(worker, set()).add(job)
        append_line(done, str(job))
    before = {int(job) for job in done.read_text().split()} if done.exists() else set()
    jobs = [job for job in range(int(words[1])) if job not in before]
    run_workers(work, jobs, 1, 2, "cpu", heard, lambda worker: safe.get(worker, ()), done.with_name("simulator.log"))
    return 0

cli.COMMANDS["eval"] = Command(run, "", "")
sys.exit(cli.main(["eval", *sys.argv[1:]]))
"""


def start(folder: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", DRIVER, str(folder), str(JOBS)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


def workers(folder: Path) -> list[int]:
    """Processes that print into a worker's log of this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "fd" / "1").startswith(
                str(folder / "simulator-w")
            ):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def done(folder: Path) -> list[int]:
    path = folder / "done"
    return [int(job) for job in path.read_text("utf-8").split()] if path.exists() else []


def await_that(what: object, seconds: float = 300) -> None:
    assert callable(what)
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_terminated_driver_takes_its_workers_along_and_goes_on(tmp_path: Path) -> None:
    with start(tmp_path) as process:
        await_that(lambda: len(done(tmp_path)) >= 4 or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        assert workers(tmp_path)
        process.send_signal(signal.SIGTERM)
        said, complaint = process.communicate(timeout=120)
    assert process.returncode == 143, (said, complaint)
    *of_ray, last = complaint.splitlines()
    assert last == "workbench: terminated; the same command again goes on from here"
    assert all("Traceback" not in line for line in of_ray)
    await_that(lambda: not workers(tmp_path), 30)
    before = done(tmp_path)
    assert 4 <= len(before) < JOBS
    with start(tmp_path) as process:
        said, complaint = process.communicate(timeout=300)
    assert process.returncode == 0, (said, complaint)
    assert done(tmp_path)[: len(before)] == before
    assert sorted(done(tmp_path)) == list(range(JOBS)), "each once"
