"""The pages on adding a task, a robot, a policy and a factor, followed to the letter."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.docs.page import ADDING, read_page
from tests.own_environment import ROOT, make_environment

IN_TASK = "it takes minutes, and tests/sim/test_factors.py has such a check"
NOT_RUN = {
    ".venv/bin/workbench eval task=push split=unseen_object policy=m1 checkpoint=... episodes=100": (
        "the checkpoint is the reader's"
    ),
    ".venv/bin/workbench dr check control.action_delay in=task task=close_push": IN_TASK,
    ".venv/bin/workbench dr check bottles.filling in=task episodes=16": IN_TASK,
}
"""Commands that are not run -> why."""
TELLS = {
    'grep -A 2 "what is asked"': "close_push",
    "print(robot('slow_panda')": "robot='slow_panda'",
    "dr list bottles": "bottles.filling 0 -> 0 to 1 [1]",
    "dr check bottles.filling": "bottles.filling",
    "policy check reach.py": "reach",
}
"""Part of a command -> what it must say."""
MOST, MOST_DRAWN = 4, 1
"""Episodes that are run of an evaluation, and of data with pictures, however many a page asks for: all take an hour."""


def shortened(command: str) -> str:
    """The command with few episodes."""
    most = MOST_DRAWN if " generate " in command else MOST
    return re.sub(r"\bepisodes=(\d+)", lambda m: f"episodes={min(int(m[1]), most)}", command)


@pytest.mark.parametrize("name", ADDING)
def test_every_block_of_a_page_is_a_file_a_snippet_or_commands_and_nothing_is_left_out(name):
    page, text = read_page(name), (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    fences = re.findall(r"^ *```(\w+)$", text, re.MULTILINE)
    assert len(page.files) + len(page.snippets) + fences.count("sh") + text.count("```toml") - sum(
        path.endswith(".toml") for path in page.files
    ) == len(fences)
    assert page.commands
    for code in (*page.snippets, *(code for path, code in page.files.items() if path.endswith(".py"))):
        compile(code, name, "exec")


def test_commands_that_are_not_run_are_on_the_pages():
    there = {line for name in ADDING for line in read_page(name).commands}
    assert set(NOT_RUN) <= there


@pytest.mark.sim
@pytest.mark.long
@pytest.mark.parametrize("name", ADDING)
def test_a_newcomer_who_does_what_the_page_says_gets_what_it_says(name, tmp_path):
    page = read_page(name)
    python = make_environment(tmp_path / ".venv")
    for folder in ("tests", "tools", "pyproject.toml"):  # as in the checkout, where the reader stands
        (tmp_path / folder).symlink_to(ROOT / folder)
    for path, code in page.files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(code, "utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        # No network: what the package's build needs is there already.
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_INDEX": "1",
    }

    def run(*words: str) -> str:
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, f"{words[-1]}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    for code in page.snippets:
        run(str(python), "-c", code)
    for command in page.commands:
        if command in NOT_RUN:
            continue
        told = " ".join(run("bash", "-o", "pipefail", "-c", shortened(command)).split())
        for part, said in TELLS.items():
            assert part not in command or said in told, f"{command}\n{told}"
