"""Runs and data are read without a simulator or a model; a sentence says what else would be needed."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workbench.data.archives import write_archive
from tests.workbench.data.made_up import made_up_episode
from tests.workbench.views.test_report import episode, write_run

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]


def run(*words, **more):
    return subprocess.run(
        [str(word) for word in words], capture_output=True, encoding="utf-8", check=False, **more
    )


def beside_the_source(folder, names):
    made = {name for name in names if name.startswith(".") or name in ("build", "runs", "data")}
    return made if Path(folder) == ROOT else ()


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    """The command of an installation that has no extra."""
    folder = tmp_path_factory.mktemp("base")
    assert run(sys.executable, "-m", "venv", folder / "env").returncode == 0
    python, uv = folder / "env/bin/python", ROOT / ".bootstrap/bin/uv"
    pip = [uv, "pip", "install", "--python", python] if uv.exists() else [python, "-m", "pip", "install"]
    source = shutil.copytree(
        ROOT, folder / "source", ignore=beside_the_source
    )  # a build leaves folders there
    made = run(*pip, "--constraint", ROOT / "constraints.txt", source)
    assert made.returncode == 0, made.stderr[-3000:]

    def command(*words):
        return run(folder / "env/bin/workbench", *words, cwd=folder, env=os.environ | {"COLUMNS": "200"})

    command.python = python
    return command


def test_it_has_no_simulator_and_no_model(workbench):
    for package in ("torch", "isaaclab", "transformers", "rerun", "ray"):
        found = run(workbench.python, "-c", f"import {package}")
        assert f"No module named '{package}'" in found.stderr


def test_help_is_there_at_once(workbench):
    workbench("--help")  # compiles
    began = time.perf_counter()
    assert workbench("--help").returncode == 0
    assert time.perf_counter() - began < 1.0  # 0.2 s where nothing else runs


def test_runs_are_reported_and_compared(workbench, tmp_path):
    for name, lost in (("a", 2), ("b", 9)):
        write_run(tmp_path / name, [episode(i, success=i >= lost) for i in range(16)])
    made = workbench("report", tmp_path / "a")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "a/report.html").stat().st_size > 10_000
    compared = workbench("compare", tmp_path / "a", tmp_path / "b")
    assert compared.returncode == 0, compared.stderr
    assert "43.8" in compared.stdout  # seven of sixteen, percent


def test_data_is_inspected_exported_and_merged(workbench, tmp_path):
    one, two = (write_archive(tmp_path / n, made_up_episode(k)) for k, n in enumerate("ab"))
    for words in (("inspect", one), ("export", one, "format=lerobot_v3", f"out={tmp_path / 'v3'}"),
                  ("inspect", tmp_path / "v3"), ("merge", one, two, f"out={tmp_path / 'both'}")):  # fmt: skip
        found = workbench("data", *words)
        assert found.returncode == 0, (words, found.stderr)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("eval",),
            "needs torch, which the workbench's extra [sim,vla] brings: in its folder, pip install '.[sim,vla]'",
        ),
        (("view", "RUN"), "needs rerun, which the workbench's extra [view] brings"),
    ],
)
def test_what_needs_more_says_which_extra_brings_it(workbench, tmp_path, words, sentence):
    write_run(tmp_path / "run", [episode(0)])
    refused = workbench(*[tmp_path / "run" if word == "RUN" else word for word in words])
    assert refused.returncode == 2
    assert sentence in " ".join(refused.stderr.split())
