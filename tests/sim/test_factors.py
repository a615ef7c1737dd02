"""Factors do what they say in the simulator, and an episode's draws are all there is to it."""

from __future__ import annotations

import json
import subprocess

import pytest

from .conftest import QUICK, records, summary, workbench

pytestmark = pytest.mark.sim


def verdict(run: subprocess.CompletedProcess[str]) -> str:
    """What went wrong, for a stranger."""
    return "\n".join(line for line in run.stdout.splitlines() if "FAILED" in line or "proved" in line)


@pytest.mark.parametrize(
    "names", [("dynamics",), pytest.param((), marks=pytest.mark.long)], ids=["dynamics", "all"]
)
def test_factors_are_proved_on_ovphysx(tmp_path, names):
    """On Newton, whose physics is slow on a CPU, all take a quarter of an hour: ``dr check physics=newton_mjwarp``."""
    run = workbench("dr", "check", *names, "physics=ovphysx", f"out={tmp_path}", check=False)
    assert run.returncode == 0, verdict(run) or run.stderr
    assert "0 failed" in run.stdout


@pytest.mark.long
def test_engine_specific_factors_are_proved_on_newton(tmp_path):
    """Those that are written to the engine by a path of its own; with the mass, how hard things are in a grip."""
    names = (
        "dynamics.object_mass",
        "dynamics.object_friction",
        "dynamics.rest_offset",
        "dynamics.object_com",
        "dynamics.joint_friction",
        "scene.robot_base",
    )
    run = workbench("dr", "check", *names, "physics=newton_mjwarp", f"out={tmp_path}", check=False)
    assert run.returncode == 0, verdict(run) or run.stderr


@pytest.mark.long
def test_factors_change_the_tasks_own_episodes(tmp_path):
    """A motion, a picture, a sentence; a factor that does too little there is named, and the command fails."""
    names = ("disturbance.object_push", "appearance.table_color", "language.verb")
    words = ("in=task", "physics=ovphysx", "image_size=64", f"out={tmp_path}")
    run = workbench("dr", "check", *names, *words, check=False)
    assert run.returncode == 0, run.stdout or run.stderr
    assert "3 of 3 factors change the task's episodes" in run.stdout
    assert "change the task" in (tmp_path / "check_in_task_ovphysx.txt").read_text("utf-8")


@pytest.mark.long
def test_the_expert_copes_with_everything_at_once(evaluate):
    run = evaluate("heavy", "dr=heavy", "episodes=16", "num_envs=8", "physics=ovphysx", *QUICK)
    assert summary(run)["successes"] >= 13, summary(run)["failure_reasons"]


@pytest.mark.long
def test_recorded_draws_are_the_episode_again(evaluate, tmp_path):
    """To the last digit, though its index and seed are others, and three episodes came before it."""
    heavy = ("dr=heavy", "num_envs=1", "physics=ovphysx", *QUICK)
    original = records(evaluate("heavy alone", "episodes=3", *heavy))[2]
    file = tmp_path / "episode.yaml"
    workbench("dr", "export", str(evaluate("heavy alone", "episodes=3", *heavy)), "episode=2", f"to={file}")
    words = (f"dr={file}", "episodes=1", "num_envs=1", "seed=99", "record=0", "last_frames=0", "device=cpu")
    again = records(evaluate("again alone", *words, "physics=ovphysx"))[0]
    for changed in ("index", "seed", "wall_s", "episode"):
        original.pop(changed, None), again.pop(changed, None)
    assert json.dumps(again, sort_keys=True) == json.dumps(original, sort_keys=True)


def test_a_factor_that_the_engine_cannot_apply_is_refused_before_anything_starts(tmp_path):
    words = ("dr.dynamics.object_restitution=default", "physics=newton_mjwarp", f"out={tmp_path / 'run'}")
    run = workbench("eval", *words, check=False)
    assert run.returncode == 2
    assert "newton_mjwarp cannot apply dynamics.object_restitution" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "run").exists()
