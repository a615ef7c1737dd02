"""A validation that is killed and begun again gives the verdict that it would have given."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.sim, pytest.mark.long]

ROOT = Path(__file__).parents[2]
REQUIREMENTS = """
checks:
  contract:
  workspace:
  limiter: {failed: no_go}
  success: {least: 0.3, episodes: 8}
  engine: {least: 0.1, episodes: 2}
"""


def command(out: Path, requirements: Path) -> list[str]:
    words = [
        "policy=tools/planted_policies.py:Sound",
        "dr=none",
        "num_envs=4",
        "all=true",
        f"requirements={requirements}",
    ]
    return [sys.executable, "-m", "workbench.cli.main", "validate", *words, f"out={out}"]


def killed_when(file: Path, words: list[str]) -> None:
    """Run until ``file`` has something in it, then kill the validation and all that it started."""
    process = subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 900
        while not (file.exists() and file.stat().st_size):
            assert process.poll() is None, f"the validation ended before {file} was there"
            assert time.monotonic() < deadline, f"{file} was not there within a quarter of an hour"
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not (file.parents[1] / "verdict.json").exists(), "the kill came too late to test anything"


def without_times(out: Path) -> dict[str, object]:
    """The verdict, without when it was issued and where it lies."""
    text = (out / "verdict.json").read_text("utf-8").replace(str(out), "OUT")
    content = dict(json.loads(text))
    for key in ("issued", "expires"):
        assert content.pop(key)
    return content


def test_a_validation_killed_twice_gives_the_same_verdict(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.yaml"
    requirements.write_text(REQUIREMENTS, "utf-8")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    status = subprocess.run(command(whole, requirements), cwd=ROOT, stdout=subprocess.DEVNULL).returncode
    assert status in (0, 1)
    killed_when(killed / "success" / "episodes.jsonl", command(killed, requirements))
    survived = (killed / "success" / "episodes.jsonl").read_text("utf-8").splitlines()
    assert 0 < len(survived) < 8
    killed_when(killed / "engine" / "config.yaml", command(killed, requirements))
    again = subprocess.run(command(killed, requirements), cwd=ROOT, stdout=subprocess.DEVNULL).returncode
    assert again == status
    assert (killed / "success" / "episodes.jsonl").read_text("utf-8").splitlines()[
        : len(survived)
    ] == survived
    assert without_times(killed) == without_times(whole)
