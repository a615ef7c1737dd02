"""A package of somebody else's, installed: factor, its check, policy, robot and task. No file of ours changes."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.own_environment import HERE, ROOT, make_environment

SOURCE = Path(__file__).parents[2] / "plugin"
OURS = ("domain_rand", "policy", "robots", "tasks", "workbench")


def entry_points():
    """What the package registers, as its ``pyproject.toml`` says, in the form in which an installer leaves it."""
    groups = tomllib.loads((SOURCE / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
    lines = [
        line for group, points in groups.items() for line in (f"[{group}]", *map(" = ".join, points.items()))
    ]
    return "\n".join(lines) + "\n"


def install(place, more=""):
    """What an installer leaves: modules, and a folder that says what they register."""
    for module in SOURCE.glob("own_*.py"):
        shutil.copy(module, place)
    info = place / "own_things-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-things\nVersion: 1.2\n", "utf-8")
    factors = "[workbench.factors]\n"
    said = entry_points().replace(factors, factors + more + "\n")
    (info / "entry_points.txt").write_text(said, "utf-8")


@pytest.fixture
def workbench(tmp_path):
    """The command in a process of its own, with the package installed."""
    packages = tmp_path / "packages"
    packages.mkdir()

    def run(*words, more=""):
        if not any(packages.iterdir()):
            install(packages, more)
        environment = os.environ | {"PYTHONPATH": str(packages)}
        return subprocess.run(
            [sys.executable, "-m", "workbench.cli.main", *words],
            cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip

    return run


def test_its_factor_is_in_the_catalogue(workbench):
    listed = workbench("dr", "list", "own")
    assert listed.returncode == 0, listed.stderr
    assert "own.filling  0 -> 0 to 1  [1]" in listed.stdout
    assert listed.stderr == ""


def test_its_policy_is_among_those_to_choose_from(workbench):
    refused = workbench("eval", "policy=stil")
    assert refused.returncode == 2
    assert "choose one of expert, noisy_expert, random, hold, m1, still" in " ".join(refused.stderr.split())


def test_its_robot_and_its_task_are_among_those_to_choose_from(workbench):
    told = " ".join(workbench("eval", "--help").stdout.split())
    assert "fill_trays" in told
    assert "calm_panda" in told


def test_a_package_that_cannot_be_imported_is_named_and_costs_its_own_factors_alone(workbench):
    listed = workbench("dr", "list", "dynamics", more="broken = own_nothing")
    assert listed.returncode == 0
    assert "own-things 1.2 registers broken under workbench.factors" in listed.stderr
    assert "No module named 'own_nothing'" in listed.stderr
    assert "dynamics.object_mass" in listed.stdout


def ours():
    """Every file of the project's packages, and every package that its environment has -> when it was changed."""
    files = [
        f for name in OURS for f in (ROOT / name).rglob("*") if f.is_file() and "__pycache__" not in f.parts
    ]
    return {str(f): f.stat().st_mtime_ns for f in (*files, *SOURCE.iterdir(), *HERE.glob("*.dist-info"))}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """The command in an environment of its own, which sees this one's packages and has the package installed by pip."""
    folder = tmp_path_factory.mktemp("plugin")
    before = ours()
    python = make_environment(folder / "env")
    shutil.copytree(SOURCE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    installed = subprocess.run([*pip, folder / "source"], capture_output=True, encoding="utf-8", check=False)
    assert installed.returncode == 0, installed.stderr

    def run(*words):
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [python, "-m", "workbench.cli.main", *words],
            cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip

    run.folder = folder
    yield run
    assert ours() == before, "a file of ours was touched"


@pytest.mark.long
def test_installed_by_pip_everything_of_it_is_found(elsewhere):
    assert not any("own_things" in name for name in map(str, HERE.iterdir())), (
        "it is in the other environment alone"
    )
    listed = elsewhere("dr", "list", "own")
    assert listed.returncode == 0, listed.stderr
    assert "own.filling  0 -> 0 to 1  [1]" in listed.stdout
    told = " ".join(elsewhere("eval", "--help").stdout.split())
    assert "fill_trays" in told
    assert "calm_panda" in told


@pytest.mark.sim
@pytest.mark.long
def test_an_evaluation_with_its_factor_and_its_policy_and_the_check_of_its_factor(elsewhere):
    words = ("physics=ovphysx", "device=cpu")
    ran = elsewhere(
        "eval", "policy=still", "policy.gripper=-1", "dr=none", "dr.own.filling.value=0.5", "episodes=2", "num_envs=2",
        "time_limit_s=1", "record=0", "last_frames=0", "out=run", *words,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    records = [
        json.loads(line) for line in (elsewhere.folder / "run/episodes.jsonl").read_text("utf-8").splitlines()
    ]
    assert [record["factors"]["own.filling"] for record in records] == [0.5, 0.5]
    files = json.loads((elsewhere.folder / "run/provenance.json").read_text("utf-8"))["policy"]["files"]
    assert list(files) == ["own_policy.py"]
    checked = elsewhere("dr", "check", "own.filling", *words)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.sim
@pytest.mark.long
def test_its_robot_does_its_task_and_makes_data_of_it(elsewhere):
    words = (
        "task=fill_trays",
        "robot=calm_panda",
        "policy=expert",
        "dr=none",
        "physics=ovphysx",
        "device=cpu",
    )
    made = elsewhere(
        "generate", *words, "episodes=2", "num_envs=2", "renders=1", "frame_every=20", "cameras=front", "image_size=64",
        "out=data",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    from workbench.data.archive.archive import episodes

    kept = list(episodes(elsewhere.folder / "data/episodes"))
    assert [episode.record["task"] for episode in kept] == ["fill_trays"] * 2
    assert {episode.factors["scene.receptacle"] for episode in kept} == {"tray"}
    assert {episode.action_spec.robot for episode in kept} == {"calm_panda"}
    assert all(abs(episode.actions[:, :3]).max() <= 0.75 * 0.085 + 1e-6 for episode in kept)
    checked = elsewhere("data", "validate", "data")
    assert checked.returncode == 0, checked.stdout + checked.stderr
