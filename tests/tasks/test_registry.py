"""Tasks are found by name: those that ship, and those of installed packages; what cannot be is said in one sentence."""

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from types import ModuleType

import gymnasium
import pytest

from tasks import registry
from tasks.episode import EpisodeSpec
from tasks.tabletop.composition import random_scene
from tasks.tabletop.workspace import pool

SHIPPED = tuple(registry.SHIPPED)


@pytest.fixture
def installed(monkeypatch):
    """Registers objects as if packages had brought them: name -> what is there under ``own_tasks:NAME``."""

    def install(**tasks):
        module = ModuleType("own_tasks")
        vars(module).update(tasks)
        monkeypatch.setitem(sys.modules, "own_tasks", module)
        points = [EntryPoint(name, f"own_tasks:{name}", registry.GROUP) for name in tasks]
        points.append(EntryPoint("broken", "own_tasks_that_are_not:TASK", registry.GROUP))
        monkeypatch.setattr(registry, "entry_points", lambda group: points)
        registry.find.cache_clear()

    yield install
    registry.find.cache_clear()


def test_listing_tasks_loads_neither_torch_nor_a_simulator():
    code = "import sys, tasks.registry as r; r.names(); print(*{n.partition('.')[0] for n in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "isaaclab", "trimesh"} & set(loaded)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_task_that_ships_is_found_under_its_own_name(name):
    task = registry.find(name)
    assert task.name == name
    assert task.help
    assert len(set(task.failure_reasons)) == len(task.failure_reasons) > 2


@pytest.mark.parametrize("name", SHIPPED)
def test_scenes_of_a_task_are_valid_and_say_whose_they_are(name):
    for index in range(40):
        scene = random_scene(EpisodeSpec(name, index, 1))
        assert scene.task == name
        assert scene.problems(pool()) == []


@pytest.mark.parametrize("name", SHIPPED)
def test_gymnasium_and_isaac_lab_find_a_task_by_its_id(name):
    from tasks.registration import gym_id

    for actions in ("", "-Joints"):
        assert gym_id(name, actions) in gymnasium.registry
    assert gym_id("pick_place") == "Workbench-PickPlace-Franka-v0"
    assert gym_id("pick_place", "-Joints") == "Workbench-PickPlace-Franka-Joints-v0"


def test_a_task_of_an_installed_package_is_a_task_like_any_other(installed):
    wipe = replace(registry.find("pick_place"), name="wipe", help="wipe the table")
    installed(wipe=wipe)
    assert registry.names() == (*SHIPPED, "broken", "wipe")
    assert registry.find("wipe") is wipe


def test_a_task_that_there_is_not_is_refused_with_those_that_there_are(installed):
    installed()
    with pytest.raises(
        registry.TaskError, match=r"^there is no task 'pick_plaice': did you mean 'pick_place'\?$"
    ):
        registry.find("pick_plaice")
    with pytest.raises(registry.TaskError, match=r"^there is no task 'fold': choose one of pick_place"):
        registry.find("fold")


def test_what_cannot_be_loaded_is_said_with_who_brings_it(installed):
    task = registry.find("pick_place")
    installed(number=3, other=task, **{"Wipe-It": task})
    for name, said in {
        "broken": "own_tasks_that_are_not:TASK cannot be imported: ModuleNotFoundError",
        "number": "own_tasks:number is a int, not a TaskSpec",
        "other": "own_tasks:other calls itself 'pick_place'",
        "Wipe-It": "a task's name is lower case",
    }.items():
        with pytest.raises(registry.TaskError, match=said):
            registry.find(name)
