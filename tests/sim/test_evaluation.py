"""What an evaluation measures, on real engines."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from workbench.evaluation.summary import without_times
from workbench.runs.records import EpisodeRecord

from .conftest import QUICK, records, summary, workbench

pytestmark = pytest.mark.sim


def drawn(run) -> dict[int, tuple]:
    return {index: (r["instruction"], r["factors"]) for index, r in records(run).items()}


def test_expert_succeeds_on_ovphysx(expert_run):
    result = summary(expert_run)
    assert result["episodes"] == 16
    assert result["successes"] >= 15, result["failure_reasons"]


@pytest.mark.long
def test_expert_succeeds_on_newton(evaluate):
    run = evaluate("newton", "episodes=4", "num_envs=4", "physics=newton_mjwarp", *QUICK)
    assert summary(run)["successes"] >= 3, summary(run)["failure_reasons"]
    log = (run / "simulator.log").read_text()
    assert "overflow" not in log, "MuJoCo-Warp dropped contacts"


@pytest.mark.long
def test_both_engines_run_the_same_episodes(expert_run, evaluate):
    newton = drawn(evaluate("newton", "episodes=4", "num_envs=4", "physics=newton_mjwarp", *QUICK))
    assert newton == {index: value for index, value in drawn(expert_run).items() if index < 4}


@pytest.mark.parametrize("policy", ["random", pytest.param("hold", marks=pytest.mark.long)])
def test_policies_that_know_nothing_fail(evaluate, policy):
    run = evaluate(policy, f"policy={policy}", "episodes=8", "num_envs=8", "time_limit_s=5", *QUICK)
    assert summary(run)["successes"] == 0
    assert sum(summary(run)["failure_reasons"].values()) == 8


@pytest.mark.long
def test_number_of_environments_changes_no_draw_and_no_outcome(expert_run, evaluate):
    few = evaluate("three", "episodes=6", "num_envs=3", "physics=ovphysx", *QUICK)
    many, few_records = records(expert_run), records(few)
    assert drawn(few) == {index: value for index, value in drawn(expert_run).items() if index in few_records}
    assert {i: r["success"] for i, r in few_records.items()} == {i: many[i]["success"] for i in few_records}


@pytest.mark.long
def test_same_run_twice_is_identical(expert_run, evaluate):
    words = ("episodes=16", "num_envs=8", "physics=ovphysx", *QUICK)
    again = evaluate("again", *words)
    first = {i: without_times(r) for i, r in records(expert_run).items()}
    second = {i: without_times(r) for i, r in records(again).items()}
    # Recorded episodes keep the same first claim; everything else must agree to the last digit.
    assert first == second
    assert without_times(summary(expert_run)) == without_times(summary(again))


@pytest.mark.long
def test_killed_run_finishes_as_if_nothing_had_happened(expert_run, tmp_path):
    out = tmp_path / "killed"
    words = ["eval", f"out={out}", "episodes=16", "num_envs=8", "physics=ovphysx", *QUICK]
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench.cli.main", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    episodes = out / "episodes.jsonl"
    deadline = time.monotonic() + 300
    while not (episodes.exists() and episodes.stat().st_size):
        assert time.monotonic() < deadline, "no episode was finished within five minutes"
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.05)
    time.sleep(random.Random(4).uniform(0, 3))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    survived = len(episodes.read_text().splitlines())
    assert 0 < survived < 16, "the kill came too late to test anything"
    workbench(*words)
    assert drawn(out) == drawn(expert_run)
    assert {i: without_times(r) for i, r in records(out).items()} == {
        i: without_times(r) for i, r in records(expert_run).items()
    }
    assert without_times(summary(out)) == without_times(summary(expert_run))


def test_records_are_what_the_format_says(expert_run):
    for number, line in enumerate((expert_run / "episodes.jsonl").read_text().splitlines(), start=1):
        record = EpisodeRecord.from_json(line, line_number=number)
        assert record.grounding is not None
        assert record.grounding["point_error_px"] == {"grasp": 0.0, "place": 0.0}, (
            "the expert errs by nothing"
        )


def test_noisy_expert_errs_by_what_it_states(evaluate):
    words = (
        "policy=noisy_expert",
        "episodes=16",
        "num_envs=16",
        "time_limit_s=2",
        "grounding_error_px=5",
        *QUICK,
    )
    errors = [
        error
        for record in records(evaluate("noisy", *words)).values()
        for error in record["grounding"]["point_error_px"].values()
    ]
    # Distance of a two-dimensional normal error: mean sigma * sqrt(pi / 2) = 6.3 px; 32 draws.
    assert 4.5 < sum(errors) / len(errors) < 8.5


@pytest.mark.long
def test_joint_actions_do_the_same_job(evaluate):
    run = evaluate("joints", "action_space=delta_joints", "episodes=8", "num_envs=8", *QUICK)
    assert summary(run)["successes"] >= 7, summary(run)["failure_reasons"]


def test_isaac_lab_runs_the_task():
    task = "Workbench-PickPlace-Franka-v0"
    command = [
        "zero_agent",
        "--task",
        task,
        "--num_envs",
        "2",
        "--viz",
        "none",
        "--max_steps",
        "5",
        "--device",
        "cpu",
    ]
    run = subprocess.run(
        [sys.executable, "-m", "isaaclab", *command, "physics=ovphysx"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
