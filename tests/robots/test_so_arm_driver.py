"""The SO-ARM's driver on an emulated bus, packet by packet."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from robots.driver import Driver, DriverError, SetPoint
from robots.so_arm.calibration import MOTORS
from robots.so_arm.driver import SoArmDriver
from robots.so_arm.spec import SO_ARM
from tests.workbench.bridge.feetech import FeetechBus

STILL = np.zeros(5)


@pytest.fixture
def bus() -> Iterator[FeetechBus]:
    made = FeetechBus(range(1, 7))
    yield made
    made.close()


@pytest.fixture
def arm(bus: FeetechBus, tmp_path: Path) -> Iterator[SoArmDriver]:
    entries = {m: {"id": n + 1, "range_min": 500, "range_max": 3500} for n, m in enumerate(MOTORS)}
    (tmp_path / "arm.json").write_text(json.dumps(entries), "utf-8")
    made = SoArmDriver(bus.port, tmp_path / "arm.json")
    made.connect()
    yield made
    made.close()


def test_it_is_a_driver_and_reads_where_the_servos_are(arm: SoArmDriver) -> None:
    assert isinstance(arm, Driver)
    state = arm.state()
    assert np.allclose(state.joint_pos.value, 0.0), "2000 is the middle of the calibrated range"
    assert np.isnan(state.torque.value).all()
    assert state.gripper_width.value[0] > 0


def test_looking_at_the_arm_writes_nothing_to_it(arm: SoArmDriver, bus: FeetechBus) -> None:
    before = {number: bytes(memory) for number, memory in bus.registers.items()}
    for _ in range(5):
        arm.state()
    assert {number: bytes(memory) for number, memory in bus.registers.items()} == before


def test_set_points_become_steps_and_the_arm_follows(arm: SoArmDriver, bus: FeetechBus) -> None:
    goal = np.array((0.3, -0.2, 0.1, 0.0, -0.4))
    arm.command(SetPoint(goal, STILL, STILL, gripper=0.03))
    assert np.allclose(arm.state().joint_pos.value, goal, atol=math.pi / 4096)
    assert arm.state().gripper_width.value[0] == pytest.approx(0.03, abs=2e-4)
    assert bus.goals[-1][1] == 2000 + round(0.3 * 4096 / (2 * math.pi))


def test_the_first_set_point_does_not_jerk_an_arm_whose_torque_was_off(
    arm: SoArmDriver, bus: FeetechBus
) -> None:
    assert not any(memory[40] for memory in bus.registers.values())
    arm.command(SetPoint(STILL, STILL, STILL))
    assert bus.goals[0] == dict.fromkeys(range(1, 6), 2000), "the goal stands before the torque is on"
    assert all(bus.registers[n][40] for n in range(1, 7))


def test_a_lost_reply_is_asked_for_again_and_a_dead_bus_is_said_to_be_dead(
    arm: SoArmDriver, bus: FeetechBus
) -> None:
    bus.drop_next = 1
    assert np.allclose(arm.state().joint_pos.value, 0.0)
    bus.silent = True
    with pytest.raises(DriverError, match="is silent"):
        arm.state()


def test_what_is_not_finite_is_not_sent(arm: SoArmDriver, bus: FeetechBus) -> None:
    with pytest.raises(DriverError, match="nan"):
        arm.command(SetPoint(np.full(5, np.nan), STILL, STILL))
    assert not bus.goals


def test_stopping_holds_the_arm_where_it_is(arm: SoArmDriver, bus: FeetechBus) -> None:
    arm.command(SetPoint(np.full(5, 0.1), STILL, STILL))
    arm.stop()
    assert bus.goals[-1] == {number: bus.position(number) for number in range(1, 6)}


def test_another_servo_or_none_is_said(bus: FeetechBus, tmp_path: Path) -> None:
    entries = {m: {"id": n + 1, "range_min": 500, "range_max": 3500} for n, m in enumerate(MOTORS)}
    (tmp_path / "arm.json").write_text(json.dumps(entries), "utf-8")
    bus.registers[4][3] = 5
    with pytest.raises(DriverError, match="servo 4 "):
        SoArmDriver(bus.port, tmp_path / "arm.json").connect()
    with pytest.raises(DriverError, match="cannot be opened"):
        SoArmDriver("/dev/no-such-port", tmp_path / "arm.json").connect()
    with pytest.raises(DriverError, match="needs its calibration"):
        SoArmDriver(bus.port).connect()
    assert len(SO_ARM.arm_joints) == 5
