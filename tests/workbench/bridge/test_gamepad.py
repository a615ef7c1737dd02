"""A gamepad's events, as the kernel gives them, on a pseudo-terminal in its device's place."""

from __future__ import annotations

import os
import time
import tty
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from robots.registry import robot
from workbench.bridge.gamepad import AXIS, BEGINNING, BUTTON, DEAD, EVENT, FULL, Gamepad, GamepadError
from workbench.bridge.operator import HOLD, RESET, Together
from workbench.bridge.options import BridgeOptions
from workbench.bridge.policies.teleop import Teleop
from workbench.cli.options import OptionError

SEEN: Any = None


class Pad:
    """What is pushed and pressed."""

    def __init__(self) -> None:
        self._own, theirs = os.openpty()
        tty.setraw(theirs)
        self._theirs = theirs
        self.path = os.ttyname(theirs)

    def send(self, kind: int, number: int, value: int, size: int = EVENT.size) -> None:
        os.write(self._own, EVENT.pack(0, value, kind, number)[:size])

    def pull_out(self) -> None:
        os.close(self._theirs)
        os.close(self._own)


@pytest.fixture
def pad() -> Pad:
    return Pad()


@pytest.fixture
def gamepad(pad: Pad) -> Iterator[Gamepad]:
    made = Gamepad(pad.path)
    yield made
    made.close()


def soon(what: Callable[[], Any]) -> Any:
    end = time.monotonic() + 5.0
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.005)
    return found


def test_sticks_move_the_tool_for_as_long_as_they_are_pushed(pad: Pad, gamepad: Gamepad) -> None:
    spec = robot("franka").action_spaces(20.0)["delta_eef"]
    policy = Teleop(spec, 1.0, gamepad=gamepad)
    idle = policy.act(SEEN).actions[0]
    pad.send(AXIS, 1, -FULL)
    pad.send(AXIS, 3, FULL // 2)
    assert soon(lambda: gamepad.deflection()[5])
    for _ in range(3):
        moved = policy.act(SEEN).actions[0] - idle
        assert moved[0] > 0.004, "away"
        assert moved[5] < -0.005, "about the vertical"
        assert not moved[[1, 2, 3, 4, 6]].any()
        time.sleep(0.2)
    pad.send(AXIS, 1, 0)
    pad.send(AXIS, 3, round(0.9 * DEAD * FULL))
    assert soon(lambda: not gamepad.deflection().any()), "sticks do not come back to the middle exactly"
    assert np.array_equal(policy.act(SEEN).actions[0], idle)


def test_a_stick_turns_the_joint_that_was_chosen(pad: Pad, gamepad: Gamepad) -> None:
    policy = Teleop(robot("so_arm").action_spaces(20.0)["delta_joints"], 1.0, gamepad=gamepad)
    policy.steer("3")
    pad.send(AXIS | BEGINNING, 1, FULL)
    assert soon(lambda: gamepad.deflection()[0])
    moved = policy.act(SEEN).actions[0] - policy.action_spec.idle_action
    assert moved[2] < -0.01
    assert np.count_nonzero(moved) == 1


def test_buttons_are_keys_and_one_of_them_holds_the_arm(pad: Pad, gamepad: Gamepad) -> None:
    pad.send(BUTTON | BEGINNING, 1, 0)
    for number in (0, 1, 7, 11):
        pad.send(BUTTON, number, 1)
        pad.send(BUTTON, number, 0, size=3)  # a message that comes in two pieces
        os.write(pad._own, EVENT.pack(0, 0, BUTTON, number)[3:])
    heard = ""

    def all_heard() -> bool:
        nonlocal heard
        heard += Together(gamepad).pressed()
        return len(heard) >= 3

    assert soon(all_heard)
    assert heard == " " + HOLD + RESET


def test_a_gamepad_that_is_pulled_out_holds_the_arm_and_moves_nothing(pad: Pad, gamepad: Gamepad) -> None:
    pad.send(AXIS, 1, -FULL)
    assert soon(lambda: gamepad.deflection()[0])
    pad.pull_out()
    assert soon(gamepad.pressed) == HOLD
    assert not gamepad.deflection().any()


def test_what_is_none_is_a_sentence() -> None:
    with pytest.raises(GamepadError, match="gamepad=/dev/input/js99 cannot be opened: No such file"):
        Gamepad("/dev/input/js99")
    with pytest.raises(OptionError, match="gamepad=/dev/input/js0 is for policy=teleop"):
        BridgeOptions(gamepad="/dev/input/js0").resolve()
