"""Robots are found by name: those of the project, and those that installed packages register."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from robots import registry
from robots.protocol import ArmModel, RobotModel
from robots.registry import GROUP, RobotError, arm, arm_names, names, robot

ROOT = Path(__file__).parents[2]


@pytest.fixture
def register(monkeypatch):
    """Makes a robot seem registered by an installed package."""
    robot.cache_clear()

    def add(name, value):
        monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint(name, value, GROUP)])

    yield add
    robot.cache_clear()


@pytest.mark.parametrize("name", registry.OWN)
def test_the_projects_robots_are_there(name):
    model = robot(name)
    assert isinstance(model, RobotModel)
    assert model.spec.name == name
    assert robot(name) is model, "two look-ups give two robots"


def test_arms_that_are_not_simulated_are_no_robots():
    assert set(registry.ARMS_ALONE) <= set(arm_names())
    assert not set(registry.ARMS_ALONE) & set(names())
    for name in arm_names():
        assert isinstance(arm(name), ArmModel)
        assert arm(name).spec.name == name
    assert arm("franka") is robot("franka")
    with pytest.raises(RobotError, match="there is no robot 'wxai'"):
        robot("wxai")
    with pytest.raises(RobotError, match="there is no arm 'panda': choose one of franka, so_arm, wxai"):
        arm("panda")


def test_an_unknown_name_is_a_sentence_that_lists_the_known_ones():
    with pytest.raises(RobotError, match="there is no robot 'panda': choose one of franka, so_arm"):
        robot("panda")


def test_a_package_may_bring_a_robot(register):
    register("franka2", "robots.franka.model:Panda")
    assert "franka2" in names()
    with pytest.raises(RobotError, match="'franka2' calls itself 'franka' in its spec"):
        robot("franka2")


def test_a_package_may_not_take_the_name_of_one_of_ours(register):
    register("franka", "nobody.has:This")
    assert names() == tuple(registry.OWN)
    assert robot("franka").spec.name == "franka"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "nobody.has:This",
            "registered as nobody.has:This, which cannot be imported: ModuleNotFoundError: No module",
        ),
        ("robots.spec:Nothing", "which cannot be imported: AttributeError"),
        ("robots.protocol:Workspace", "no robots.protocol.RobotModel: it has no .*spec"),
    ],
)
def test_a_broken_package_is_a_sentence_when_its_robot_is_asked_for(register, value, message):
    register("mine", value)
    with pytest.raises(RobotError, match=message):
        robot("mine")


def test_looking_a_robot_up_loads_neither_torch_nor_a_simulator():
    code = (
        "import sys; from robots.registry import robot\n"
        "for name in ('franka', 'so_arm'):\n"
        "    robot(name).action_spaces(20.0), robot(name).workspace, robot(name).wrist_camera.axes\n"
        "assert not {'torch', 'isaaclab', 'pxr', 'warp'} & sys.modules.keys(), sys.modules.keys()"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
