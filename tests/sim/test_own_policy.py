"""docs/adding_a_policy.md, followed to the letter."""

import json
import re
import shlex
from pathlib import Path

import pytest

from workbench.cli.main import main

pytestmark = [pytest.mark.sim, pytest.mark.slow]

PAGE = Path(__file__).parents[2] / "docs" / "adding_a_policy.md"


def test_the_policy_of_the_page_is_evaluated_by_the_command_of_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    command = re.search(r"^    workbench (eval .*)$", text, re.MULTILINE)
    Path("reach.py").write_text(code.group(1), "utf-8")
    words = [*shlex.split(command.group(1)), "device=cpu", "out=run"]
    assert main(words) == 0
    records = [json.loads(line) for line in Path("run/episodes.jsonl").read_text("utf-8").splitlines()]
    assert len(records) == 4
    assert all(record["path_length_m"] > 0.02 for record in records), "the policy moved nothing"
    Path("reach.py").write_text(code.group(1).replace("self.gain *", "2 * self.gain *"), "utf-8")
    assert main([word.replace("episodes=4", "episodes=6") for word in words]) == 2, "an edited policy goes on"
