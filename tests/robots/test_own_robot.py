"""docs/adding_a_robot.md, followed to the letter."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.page import read_page

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding_a_robot.md").read_text("utf-8")


@pytest.fixture
def package(tmp_path):
    """The page's files, and what an installer makes of them."""
    files = {Path(path).name: code for path, code in read_page("adding_a_robot").files.items()}
    for name, code in files.items():
        (tmp_path / name).write_text(code, "utf-8")
    project = tomllib.loads(files["pyproject.toml"])["project"]
    info = tmp_path / "slow_panda-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n", "utf-8")
    lines = [
        f"[{group}]\n{name} = {value}\n"
        for group, points in project["entry-points"].items()
        for name, value in points.items()
    ]
    (info / "entry_points.txt").write_text("".join(lines), "utf-8")
    return tmp_path


def run(code, package):
    found = os.pathsep.join((str(package), os.environ.get("PYTHONPATH", "")))
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": found},
    )


def test_the_robot_of_the_page_is_found_and_may_move_half_as_fast(package):
    code = (
        "from robots.registry import names, robot\n"
        "assert 'slow_panda' in names()\n"
        "slow, whole = (robot(name).action_spaces(20.0) for name in ('slow_panda', 'franka'))\n"
        "for space, share in (('delta_eef', slice(3)), ('delta_joints', slice(7))):\n"
        "    assert (2 * slow[space].high == whole[space].high)[share].all(), space\n"
        "    assert slow[space].robot == 'slow_panda'\n"
    )
    process = run(code, package)
    assert process.returncode == 0, process.stderr


def test_the_command_of_the_page_prints_what_it_can_be_told(package):
    code = re.search(r'^    \.venv/bin/python -c "(.*)"$', PAGE, re.MULTILINE).group(1)
    process = run(code, package)
    assert process.returncode == 0, process.stderr
    assert "robot='slow_panda'" in process.stdout


def test_options_of_the_page_are_options_that_there_are(package):
    words = re.findall(r"^    \.venv/bin/workbench eval (.*)$", PAGE, re.MULTILINE)
    assert len(words) == 2, "the page evaluates the expert twice"
    code = "from workbench.evaluation.options import EvalOptions\n"
    for line in words:
        given = dict(word.split("=") for word in line.split())
        code += f"EvalOptions(robot={given['robot']!r}, policy={given['policy']!r}, dr={given['dr']!r}).resolve()\n"
    process = run(code, package)
    assert process.returncode == 0, process.stderr
