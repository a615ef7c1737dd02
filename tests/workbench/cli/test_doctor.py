"""``workbench doctor`` tries every engine, task and robot that there is, and says which failed and why."""

from __future__ import annotations

import subprocess

import pytest

from robots import registry as robots
from tasks import registry as tasks
from workbench.cli import doctor
from workbench.rollout.launch import PHYSICS, RENDERERS, LaunchError, default_physics


@pytest.fixture
def launchable(monkeypatch):
    monkeypatch.setattr(doctor, "check_launch", lambda *_: None)


def test_every_engine_renderer_task_and_robot_is_tried_and_nothing_twice():
    tried = doctor.combinations("cpu")
    assert len(set(tried)) == len(tried)
    assert {(physics, renderer) for physics, renderer, *_ in tried} >= {
        (p, r) for p in PHYSICS for r in RENDERERS
    }
    assert {task for *_, task, _ in tried} == set(tasks.names())
    assert {robot for *_, robot in tried} == set(robots.names())
    others = [one for one in tried if one[2:] != (tasks.DEFAULT, robots.DEFAULT)]
    assert {one[:2] for one in others} == {(default_physics("cpu"), RENDERERS[0])}


def test_what_is_tried_is_told_to_the_process_and_what_it_says_last_is_the_detail(launchable, monkeypatch):
    told = []

    def run(command, **_):
        told.append(command[-5:])
        return subprocess.CompletedProcess(command, 1, "", "a line\nValueError: no such joint\n")

    monkeypatch.setattr(doctor.subprocess, "run", run)
    trial = doctor.try_combination("cpu", "ovphysx", "newton_warp", "push", "so_arm")
    assert told == [["ovphysx", "newton_warp", "cpu", "push", "so_arm"]]
    assert (trial.task, trial.robot) == ("push", "so_arm")
    assert (trial.verdict, trial.detail) == ("FAILED", "ValueError: no such joint")


def test_one_that_passed_works(launchable, monkeypatch):
    passed = subprocess.CompletedProcess([], 0, "TRIAL PASSED\n", "")
    monkeypatch.setattr(doctor.subprocess, "run", lambda *_, **__: passed)
    assert doctor.try_combination("cpu", "ovphysx", "newton_warp").verdict == "works"


def test_what_is_not_there_costs_no_process(monkeypatch):
    def refuse(*_):
        raise LaunchError("it needs Isaac Sim")

    monkeypatch.setattr(doctor, "check_launch", refuse)
    trial = doctor.try_combination("cpu", "isaacsim_physx", "isaac_rtx")
    assert (trial.verdict, trial.detail) == ("not available", "it needs Isaac Sim")


def test_a_task_that_cannot_be_loaded_is_a_failure_with_its_sentence(launchable):
    trial = doctor.try_combination("cpu", "ovphysx", "newton_warp", "juggle")
    assert trial.verdict == "FAILED"
    assert "there is no task 'juggle'" in trial.detail
