"""Keys of the person at the terminal."""

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from robots.registry import robot
from tasks.registry import failure_reasons
from workbench.bridge import operator
from workbench.bridge.desk import Desk, Ended, Label
from workbench.bridge.gate import Mode
from workbench.bridge.operator import plain_keys
from workbench.bridge.options import BridgeOptions
from workbench.bridge.policies.teleop import TAP_S, Teleop


class Script:
    """An operator who presses one key a period."""

    def __init__(self, keys: str) -> None:
        self.keys = list(keys)

    def pressed(self) -> str:
        return self.keys.pop(0) if self.keys else ""


REASONS = ("wrong_object", "never_reached", "missed_grasp", "wrong_place", "dropped", "timeout")


def desk(keys: str, steer: Any = None, **options: str) -> Desk:
    gate = SimpleNamespace(mode=Mode.HOLDING, reason="", scale=0.1)
    loop: Any = SimpleNamespace(wait=lambda: (0.0, None), finish=lambda *_: None, gate=gate)
    signals: Any = SimpleNamespace(number=None)
    return Desk(BridgeOptions(**options), Script(keys), signals, Console(file=io.StringIO()), loop, steer)


def test_an_arrow_is_no_letter() -> None:
    """ESC [ A ends with the letter that arms."""
    assert plain_keys("\x1b[A\x1b[Bx") == operator.UP + operator.DOWN + "x"
    assert operator.ARM not in plain_keys("\x1b[A\x1bOA\x1b[1;5A\x1b[200~\x1b")
    assert plain_keys("A") == operator.ARM


def test_a_failure_gets_one_of_the_tasks_reasons() -> None:
    assert BridgeOptions().failure_reasons == REASONS
    assert set(REASONS) < set(failure_reasons("pick_place"))
    at = desk("3")
    at.label = Label(False, "operator")
    at.explain()
    assert at.label == Label(False, REASONS[2])


def test_of_another_task_the_reasons_are_others() -> None:
    at = desk("1", task="push")
    at.label = Label(False, "operator")
    at.explain()
    assert at.label == Label(False, "lifted")
    at = desk("2", task="wipe", reasons="spilt,left_wet")
    at.label = Label(False, "operator")
    at.explain()
    assert at.label == Label(False, "left_wet")


def test_a_blind_trial_is_not_over_before_it_is_judged() -> None:
    at = desk("  f2")
    at.explain(must=True)
    assert at.label == Label(False, REASONS[1])
    at = desk("s")
    at.explain(must=True)
    assert at.label == Label(True)
    with pytest.raises(Ended):
        desk("q").explain(must=True)


def test_other_keys_go_to_who_is_driven_by_them() -> None:
    steered: list[str] = []
    at = desk("", steered.append)
    at.obey(operator.UP + "s ")
    assert steered == [operator.UP, " "]
    assert at.label == Label(True)


class Now:
    time = 0.0

    def __call__(self) -> float:
        return self.time


def test_a_key_moves_the_tool_for_as_long_as_it_lasts() -> None:
    now = Now()
    policy = Teleop(robot("franka").action_spaces(20.0)["delta_eef"], 1.0, now)
    seen: Any = None
    idle = policy.act(seen).actions[0]
    policy.steer(operator.UP)
    policy.steer("j")
    moving = policy.act(seen).actions[0] - idle
    assert moving[0] > 0.004
    assert moving[5] > 0.02
    assert not moving[[1, 2, 3, 4]].any()
    now.time = TAP_S + 0.01
    assert np.array_equal(policy.act(seen).actions[0], idle)
    policy.steer(" ")
    spec = policy.action_spec
    assert policy.act(seen).actions[0][spec.gripper_index] == spec.gripper_command(True)
    policy.steer("?")
    policy.steer("9")
    policy.reset("next", 0)
    assert np.array_equal(policy.act(seen).actions[0], idle)


def test_a_raised_scale_is_one_for_the_hand_that_drives() -> None:
    policy = Teleop(robot("franka").action_spaces(20.0)["delta_eef"], 0.1)
    gate = SimpleNamespace(
        mode=Mode.HOLDING, reason="", scale=0.1, set_scale=lambda scale: setattr(gate, "scale", scale)
    )
    loop: Any = SimpleNamespace(
        gate=gate, driver=SimpleNamespace(set_scale=lambda _: None), event=lambda *_: None
    )
    signals: Any = SimpleNamespace(number=None)
    console = Console(file=io.StringIO())
    at = Desk(BridgeOptions(), Script(""), signals, console, loop, policy.steer, policy.rescale)
    seen: Any = None
    at.obey(operator.UP)
    slow = policy.act(seen).actions[0][0]
    at.obey("++")
    assert gate.scale == pytest.approx(0.3)
    assert policy.act(seen).actions[0][0] == pytest.approx(3 * slow)


def test_joints_are_driven_one_at_a_time() -> None:
    policy = Teleop(robot("so_arm").action_spaces(20.0)["delta_joints"], 1.0)
    seen: Any = None
    policy.steer("3")
    policy.steer(operator.DOWN)
    moving = policy.act(seen).actions[0] - policy.action_spec.idle_action
    assert moving[2] < -0.01
    assert np.count_nonzero(moving) == 1
