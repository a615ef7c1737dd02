"""Every task that ships, done by its own expert on the engine; and the page on adding one, followed to the letter."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tasks.registry import SHIPPED
from workbench.cli.main import main

pytestmark = [pytest.mark.sim, pytest.mark.slow]

PAGE = Path(__file__).parents[2] / "docs" / "adding_a_task.md"


@pytest.mark.parametrize("task", SHIPPED)
def test_the_expert_does_its_task_and_the_run_says_which_it_was(task, tmp_path):
    words = (
        "policy=expert",
        "dr=none",
        "episodes=4",
        "num_envs=4",
        "record=0",
        "last_frames=0",
        "device=cpu",
    )
    assert main(["eval", f"task={task}", *words, f"out={tmp_path}/run"]) == 0
    lines = (tmp_path / "run" / "episodes.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert {record["task"] for record in records} == {task}
    assert sum(record["success"] for record in records) >= 3, [r["failure_reason"] for r in records]


def test_the_task_of_the_page_is_found_and_done(tmp_path):
    text = PAGE.read_text("utf-8")
    code = textwrap.dedent(re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1))
    point = re.search(r'close_push = "(.*)"', text).group(1)
    packages = tmp_path / "packages"
    info = packages / "close_push-0.1.0.dist-info"
    info.mkdir(parents=True)
    (packages / "close_push.py").write_text(code, "utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: close-push\nVersion: 0.1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(f"[workbench.tasks]\nclose_push = {point}\n", "utf-8")
    command = re.search(r"workbench (eval task=close_push .*episodes=8.*)$", text, re.MULTILINE).group(1)
    words = [*command.split(), "device=cpu", "record=0", "last_frames=0", "out=run"]
    done = subprocess.run(
        [sys.executable, "-m", "workbench.cli.main", *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(packages)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in (tmp_path / "run/episodes.jsonl").read_text("utf-8").splitlines()]
    assert [record["task"] for record in records] == ["close_push"] * 8
    assert any(record["success"] for record in records), [r["failure_reason"] for r in records]
