"""Packages of others that are called like ours, or like those we need, change nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import policy

ROOT = Path(policy.__file__).parents[1]
BIN = Path(sys.executable).parent
NAMES = ("domain_rand", "numpy", "policy", "rich", "robots", "tasks", "workbench", "yaml")


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder of packages that none of ours can be mistaken for."""
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit(f'foreign: {__file__}')", "utf-8")
    return tmp_path


def said(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    done = subprocess.run(
        command, env={**os.environ, **environment}, cwd=cwd, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("before", ["", "/usr/share", str(ROOT)])
def test_the_command_takes_nothing_from_pythonpath(foreign: Path, before: str) -> None:
    path = f"{before}{os.pathsep}{foreign}{os.pathsep}{ROOT}"
    assert "camera.exposure" in said(BIN / "workbench", "dr", "list", cwd=foreign, PYTHONPATH=path)


def test_isaac_labs_commands_find_our_tasks(foreign: Path) -> None:
    ask = (
        "from importlib.metadata import entry_points\n"
        "print(entry_points(group='isaaclab.tasks')['workbench_tasks'].load().__file__)"
    )
    # -P: a command's script, unlike -c, does not look in the current folder
    found = said(sys.executable, "-P", "-c", ask, cwd=foreign, PYTHONPATH=str(foreign))
    assert Path(found.strip()) == ROOT / "tasks" / "registration.py"


def test_packages_on_pythonpath_can_still_be_imported(foreign: Path) -> None:
    (foreign / "my_own_policy.py").write_text("print('mine')", "utf-8")
    ask = "import workbench, my_own_policy"
    assert said(sys.executable, "-P", "-c", ask, PYTHONPATH=str(foreign)) == "mine\n"


def test_a_module_that_is_run_from_a_folder_with_such_packages_takes_ours(foreign: Path) -> None:
    (foreign / "workbench" / "__init__.py").unlink()  # the one name that has to be found there
    (foreign / "workbench").rmdir()
    for name in ("numpy", "policy", "tasks"):
        assert (foreign / name).is_dir()
    assert "camera.exposure" in said(sys.executable, "-m", "workbench.cli.main", "dr", "list", cwd=foreign)


@pytest.mark.slow
def test_workers_take_ours(foreign: Path) -> None:
    pytest.importorskip("ray")
    asks = foreign / "script" / "asks.py"
    asks.parent.mkdir()
    asks.write_text(
        "from pathlib import Path\n"
        "from workbench.scale.ray_workers import run_workers\n"
        "def work(line):\n"
        "    import numpy, policy, tasks, yaml\n"
        "    line.take(0)\n"
        "    return policy.__file__\n"
        "if __name__ == '__main__':\n"
        "    log = Path(__file__).with_name('simulator.log')\n"
        "    print(run_workers(work, [0], 1, 1, 'cpu', lambda *_: None, lambda _: [], log))\n",
        "utf-8",
    )
    found = said(sys.executable, asks, cwd=asks.parent, PYTHONPATH=str(foreign))
    assert found.strip() == repr([str(ROOT / "policy" / "__init__.py")])
