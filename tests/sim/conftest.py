"""Real runs of the ``workbench`` command, each in a process of its own, shared by the tests that look at them."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TIMEOUT_S = 600


def workbench(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run ``workbench words...``; with ``check``, a failure shows what it printed."""
    command = [sys.executable, "-m", "workbench.cli.main", *words]
    run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, env=os.environ)
    if check:
        assert run.returncode == 0, (
            f"{' '.join(words)} ended with {run.returncode}:\n{run.stdout}\n{run.stderr}"
        )
    return run


def records(run: Path) -> dict[int, dict]:
    """The episodes of a run folder by index; each may stand in it once only."""
    lines = [json.loads(line) for line in (run / "episodes.jsonl").read_text().splitlines()]
    assert len({line["index"] for line in lines}) == len(lines), "an episode was run twice"
    return {line["index"]: line for line in lines}


def summary(run: Path) -> dict:
    """``summary.json`` of a run folder."""
    return json.loads((run / "summary.json").read_text())


@pytest.fixture(scope="session")
def evaluate(tmp_path_factory) -> Callable[..., Path]:
    """``evaluate("name", "episodes=8", ...)``: a run folder, made at the first call with that name in any process."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # what all processes of this pytest share
    (root / "runs").mkdir(exist_ok=True)

    def run(name: str, *words: str) -> Path:
        folder = root / "runs" / name
        with open(root / "runs" / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "summary.json").exists():
                workbench("eval", f"out={folder}", *words)
        return folder

    return run


QUICK = ("seed=1", "record=0", "last_frames=0", "device=cpu")
"""No pictures: starts without cameras."""


@pytest.fixture(scope="session")
def expert_run(evaluate) -> Path:
    """16 episodes of the expert on OvPhysX in 8 environments, two of them recorded."""
    words = (
        "episodes=16",
        "num_envs=8",
        "seed=1",
        "device=cpu",
        "physics=ovphysx",
        "record=2",
        "last_frames=4",
    )
    return evaluate("expert", *words)
