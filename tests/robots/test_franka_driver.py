"""The Franka's driver and its process, on a library that stands for ``pylibfranka``: an arm that does as it is told."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from robots.driver import DriverError, SetPoint, Way
from robots.franka.driver import FrankaDriver
from robots.franka.fr3 import FR3

LIBRARY = """
import enum, json, os, time

class NetworkException(RuntimeError): pass
class ControlException(RuntimeError): pass
class CommandException(RuntimeError): pass
class RealtimeConfig(enum.Enum): kEnforce = 0; kIgnore = 1
class ControllerMode(enum.Enum): JointImpedance = 0

class Duration:
    def to_sec(self): return 0.001

class State:
    def __init__(self, q):
        self.q = self.q_d = list(q)
        self.dq, self.tau_J = [0.0] * 7, [0.0] * 7
        self.O_T_EE = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0.3, 0.1, 0.5, 1]

class JointPositions:
    def __init__(self, q): self.q, self.motion_finished = list(q), False

class Robot:
    def __init__(self, address, config):
        if address == "nowhere": raise NetworkException("connection refused")
        self.told = open(os.environ["TOLD"], "w", buffering=1)
        self.q, self.due = json.loads(os.environ["HOME_JOINTS"]), time.monotonic()
        self.moves = 0
    def read_once(self):
        self.due = max(self.due + 0.001, time.monotonic() - 0.1)
        time.sleep(max(0.0, self.due - time.monotonic()))
        if os.path.exists(os.environ["TOLD"] + ".silent"): raise NetworkException("UDP receive: Timeout")
        return State(self.q)
    def start_joint_position_control(self, mode): return Control(self)

class Control:
    def __init__(self, robot): self.robot, self.count = robot, 0
    def readOnce(self): return self.robot.read_once(), Duration()
    def writeOnce(self, command):
        if os.path.exists(os.environ["TOLD"] + ".reflex"):
            os.remove(os.environ["TOLD"] + ".reflex")
            raise ControlException("joint_reflex")
        self.robot.q = command.q
        self.robot.told.write(json.dumps([command.q, command.motion_finished]) + "\\n")
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the library writes what it was told."""
    (tmp_path / "pylibfranka.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    monkeypatch.setenv("HOME_JOINTS", json.dumps(FR3.home))
    return tmp_path / "told"


@pytest.fixture
def driver(told: Path) -> Iterator[FrankaDriver]:
    driver = FrankaDriver("somewhere", hand=False)
    driver.connect()
    driver.set_scale(0.5)
    yield driver
    driver.close()


def read(told: Path) -> tuple[np.ndarray, list[bool]]:
    rows = [json.loads(line) for line in told.read_text().splitlines()]
    return np.array([q for q, _ in rows]), [finished for _, finished in rows]


def state_of(t: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joint 1 moves by 0.2 rad within a second; position, velocity and acceleration ``[7]`` at a time [s]."""
    t, w = min(t, 1.0), 2 * np.pi
    position, velocity, acceleration = np.array(FR3.home), np.zeros(7), np.zeros(7)
    position[0] += 0.2 * (t - np.sin(w * t) / w)
    velocity[0], acceleration[0] = 0.2 * (1 - np.cos(w * t)), 0.2 * w * np.sin(w * t)
    if t == 1.0:
        velocity[0] = acceleration[0] = 0.0
    return position, velocity, acceleration


def swing_of(number: int = 1) -> Way:
    return Way(
        number,
        None,
        0,
        lambda first: np.array([state_of(0.01 * k) for k in range(first, max(first, 100) + 1)]),
    )


def swing(driver: FrankaDriver, count: int, way: Way | None = None) -> np.ndarray:
    """Set points at 100 Hz; the last one's position ``[7]`` [rad], in full motion."""
    due, way = time.monotonic(), way or swing_of()
    for k in range(1, count + 1):
        position, velocity, acceleration = state_of(0.01 * k)
        driver.command(SetPoint(position, velocity, acceleration, None, way, k))
        due += 0.01
        time.sleep(max(0.0, due - time.monotonic()))
    return position


def wait_until(happens, longest: float = 10.0) -> None:
    end = time.monotonic() + longest
    while not happens():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.01)


def test_the_arm_is_led_through_its_set_points_and_when_stopped_to_the_end_of_their_way(
    driver: FrankaDriver, told: Path
) -> None:
    state = driver.state()
    np.testing.assert_allclose(state.joint_pos.value, FR3.home)
    np.testing.assert_allclose(state.tool_pose.value, [0.3, 0.1, 0.5, 0, 0, 0, 1])
    swing(driver, 60)
    followed = driver.state().followed
    assert followed is not None
    assert (followed.number, followed.answered) == (1, 1)
    assert 0 < followed.period <= 100
    driver.stop()
    assert driver.state().followed is None
    q, finished = read(told)
    assert finished[-1]
    assert not any(finished[:-1])
    np.testing.assert_allclose(q[-1], state_of(1.0)[0], atol=1e-9)
    for order, limit in ((1, FR3.limits.velocity[0]), (2, FR3.limits.acceleration[0])):
        assert np.abs(np.diff(q[:, 0], order)).max() * 1000**order < 0.5 * limit * (1 + 1e-6)


def test_an_arm_whose_bridge_is_gone_is_led_to_the_end_of_its_way(driver: FrankaDriver, told: Path) -> None:
    """The socket's end is all that a killed bridge leaves."""
    swing(driver, 60)
    assert driver._line is not None
    driver._line._line.close()
    wait_until(lambda: driver._line._process.poll() is not None)
    q, finished = read(told)
    assert finished[-1]
    assert np.abs(np.diff(q[-50:], axis=0)).max() == 0, "it was held before the motion was ended"
    np.testing.assert_allclose(q[-1], state_of(1.0)[0], atol=1e-9)
    wanted = np.array([state_of(0.001 * k)[0][0] for k in range(1001)])
    late = next(k for k, x in enumerate(q[:, 0]) if x > wanted[100])
    np.testing.assert_allclose(q[late : late + 880, 0], wanted[101 : 101 + 880], atol=1e-4)
    assert np.abs(np.diff(q[:, 0], 2)).max() * 1e6 < 0.5 * FR3.limits.acceleration[0] * (1 + 1e-6)


def test_what_ended_a_motion_is_said_once_and_the_next_begins(driver: FrankaDriver, told: Path) -> None:
    swing(driver, 5)
    told.with_suffix(".reflex").touch()
    wait_until(lambda: not driver._line.state().moving)
    ways = [Way(n, None, 0, lambda _: np.array([state_of(0.0)])) for n in (2, 3)]
    points = [SetPoint(*state_of(0.0), None, way, 0) for way in ways]
    with pytest.raises(DriverError, match="refuses to move: joint_reflex"):
        driver.command(points[0])
    driver.command(points[0])
    wait_until(lambda: np.abs(read(told)[0][-1] - FR3.home).max() == 0)
    driver.command(points[1])
    wait_until(lambda: driver.state().followed.number == 3)


def test_a_way_that_the_arm_is_far_from_begins_no_motion(driver: FrankaDriver) -> None:
    position = np.array(FR3.home) + 0.3 * np.eye(7)[3]
    way = Way(1, None, 0, lambda _: np.array([(position, np.zeros(7), np.zeros(7))]))
    point = SetPoint(position, np.zeros(7), np.zeros(7), None, way, 0)
    driver.command(point)
    wait_until(lambda: driver._line.state().problems == 1)
    assert driver.state().followed is None
    with pytest.raises(DriverError, match=r"joint 4 is 0\.300 rad from where its way begins"):
        driver.command(point)


def test_a_motion_that_was_stopped_begins_again_from_where_a_set_point_rests(driver: FrankaDriver) -> None:
    """The way is known to the process already; what is left of it is sent again."""
    way = swing_of()
    swing(driver, 110, way)
    driver.stop()
    driver.command(SetPoint(*state_of(1.0), None, way, 111))
    wait_until(lambda: driver.state().followed is not None)
    assert driver.state().followed.period == 111


def test_a_set_point_without_a_way_to_rest_is_refused(driver: FrankaDriver) -> None:
    with pytest.raises(DriverError, match="has to come with its own"):
        driver.command(SetPoint(*state_of(0.0)))


def test_an_arm_that_falls_silent_is_said_in_a_sentence(driver: FrankaDriver, told: Path) -> None:
    told.with_suffix(".silent").touch()
    wait_until(lambda: driver._line._process.poll() is not None)
    with pytest.raises(DriverError, match="has fallen silent: UDP receive: Timeout"):
        driver.state()


def test_a_process_that_is_killed_is_a_silent_arm(driver: FrankaDriver) -> None:
    os.kill(driver._line._process.pid, signal.SIGKILL)
    wait_until(lambda: driver._line._process.poll() is not None)
    with pytest.raises(DriverError, match="has fallen silent: its process ended with status -9"):
        driver.state()


def test_an_arm_that_is_not_there_is_said_in_a_sentence(told: Path) -> None:
    driver = FrankaDriver("nowhere", hand=False)
    with pytest.raises(DriverError, match="no Franka arm to speak with at nowhere: connection refused"):
        driver.connect()
    driver.close()
