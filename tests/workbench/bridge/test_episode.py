"""Episodes on an ideal arm behind the real gate, in real time, with policies that misbehave."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from policy.execution import ExecutionCfg
from robots.driver import ArmState, DriverError, SetPoint
from robots.franka.fr3 import FR3
from robots.registry import robot
from workbench.bridge.arm_loop import ArmLoop
from workbench.bridge.clock import Ticker
from workbench.bridge.episode import STOPPED, EpisodeRunner, Happened, Senses
from workbench.bridge.gate import Check, Gate, GateCfg, Mode
from workbench.bridge.ideal_arm import IdealArm
from workbench.bridge.observation import Observed
from workbench.bridge.place import bounds_of
from workbench.bridge.policies.protocol import Thought
from workbench.bridge.targets import Targets
from workbench.bridge.thinking import Thinker
from workbench.bridge.ticks import TickLog, read_ticks

MODEL = robot("franka")
SPEC = MODEL.action_spaces(20.0)["delta_joints"]
HOME = np.array(MODEL.spec.home)


class Scripted:
    """A policy that does what a function says."""

    name, action_spec, cameras, uses_pose_sensor, execute_steps = "scripted", SPEC, (), False, 1

    def __init__(self, act: Callable[[Observed], np.ndarray], execute_steps: int = 1) -> None:
        self._act, self.execute_steps = act, execute_steps
        self.seen: list[Observed] = []

    def reset(self, episode: str, seed: int) -> None: ...

    def act(self, observed: Observed) -> Thought:
        self.seen.append(observed)
        return Thought(self._act(observed))

    def close(self) -> None: ...


def moving(**channels: float) -> np.ndarray:
    action = SPEC.idle_action.astype(float)
    for name, value in channels.items():
        action[SPEC.index(name)] = value
    return action[None]


@contextmanager
def running(
    policy: Scripted, arm: IdealArm, log: TickLog | None = None, commanding: bool = True
) -> Iterator[tuple[EpisodeRunner, ArmLoop]]:
    bounds = bounds_of({}, MODEL.workspace)
    gate = Gate(GateCfg.of(MODEL, bounds, dt=0.01, command_dt=0.05, scale=0.5, limits=FR3.limits))
    loop = ArmLoop(arm, gate, Ticker(0.01), log, commanding)
    loop.begin()
    made = Targets(SPEC, MODEL.chain, FR3.limits, MODEL.spec.home, MODEL.gripper)
    thinker = Thinker(policy)
    runner = EpisodeRunner(
        loop, policy, thinker, made, ExecutionCfg(horizon=policy.execute_steps),
        Senses(),
        over=lambda: None, steered=lambda: commanding,
    )  # fmt: skip
    yield runner, loop
    loop.come_to_rest("the test ends")
    thinker.close()


def run(
    policy: Scripted, steps: int, arm: IdealArm, log: TickLog | None = None, commanding: bool = True
) -> tuple[Happened, ArmLoop]:
    with running(policy, arm, log, commanding) as (runner, loop):
        happened = runner.run("1", 1, "move", steps)
    return happened, loop


@pytest.fixture
def arm() -> IdealArm:
    return IdealArm(FR3.limits, MODEL.spec.home)


def test_a_quick_policy_is_asked_and_obeyed_in_every_control_step(arm: IdealArm, tmp_path: Path) -> None:
    log = TickLog(tmp_path / "log.mcap")
    policy = Scripted(lambda seen: moving(dq1=0.01))
    happened, _ = run(policy, 12, arm, log)
    log.close()
    assert happened.ended == "time"
    assert len(happened.steps) == 12
    assert happened.idle <= 2, "a busy machine may miss a step, no more"
    assert arm.state().joint_pos.value[0] > 0.07
    ticks = [m for _, m in read_ticks(tmp_path / "log.mcap", "/tick")]
    commands = [m["command"] for m in ticks if "command" in m]
    assert len(commands) == 12 - happened.idle
    assert {c["verdict"] for c in commands} == {"accepted"}
    decisions = [m for _, m in read_ticks(tmp_path / "log.mcap", "/decision")]
    assert all(len(m["input"]) == 16 and m["ages"]["state"] < 0.05 for m in decisions)


def test_a_policy_that_thinks_holds_the_arm_and_is_latched_when_it_thinks_too_long(arm: IdealArm) -> None:
    def act(seen: Observed) -> np.ndarray:
        time.sleep(0.0 if seen.step < 4 else 3.0)
        return moving(dq1=0.01)

    began = time.monotonic()
    happened, loop = run(Scripted(act), 200, arm)
    assert happened.ended == STOPPED
    assert "no fresh command" in happened.reason
    assert 1.0 < time.monotonic() - began < 2.8, "the loop did not wait for the policy"
    assert not arm.state().joint_vel.value.any()
    assert loop.gate.mode is Mode.LATCHED
    assert loop.gate.counts[Check.WATCHDOG]
    assert Check.WATCHDOG not in happened.checks, "it stopped the arm, and changed no command"


def test_a_policy_that_still_thinks_when_its_episode_is_over_is_asked_again_in_the_next(
    arm: IdealArm,
) -> None:
    def act(seen: Observed) -> np.ndarray:
        time.sleep(0.4 if seen.instruction == "first" and seen.step >= 4 else 0.0)
        return moving(dq1=0.01)

    policy = Scripted(act)
    with running(policy, arm) as (runner, _):
        before = runner.run("1", 1, "first", 8)
        after = runner.run("2", 2, "second", 30)
    assert (before.ended, after.ended) == ("time", "time")
    assert {answer.observed.instruction for answer in after.decisions} == {"second"}
    assert len(after.decisions) > 10
    assert after.idle >= 2, "nothing is done in the second that was meant for the first"


def test_a_policy_that_fails_stops_the_arm_and_says_why(arm: IdealArm) -> None:
    def act(seen: Observed) -> np.ndarray:
        raise RuntimeError("out of memory")

    happened, _ = run(Scripted(act), 100, arm)
    assert (happened.ended, happened.reason) == (STOPPED, "the policy failed: RuntimeError: out of memory")


def test_what_is_not_finite_is_refused_and_the_arm_stays(arm: IdealArm) -> None:
    happened, loop = run(Scripted(lambda seen: moving(dq1=np.nan)), 8, arm)
    assert loop.tally.refused == loop.tally.commands > 0
    assert happened.changed == loop.tally.refused
    assert happened.checks == {Check.FINITE: happened.changed}
    assert np.allclose(arm.state().joint_pos.value, HOME)


def test_a_shadow_run_never_commands(arm: IdealArm) -> None:
    happened, loop = run(Scripted(lambda seen: moving(dq1=0.01)), 10, arm, commanding=False)
    assert arm.commands == loop.tally.sent == 0
    assert loop.tally.commands > 5, "the gate is asked all the same"
    assert len(happened.steps) == 10


def test_answers_that_come_late_are_taken_up_at_the_action_that_is_meant_for_now(arm: IdealArm) -> None:
    chunk = np.repeat(moving(), 20, 0)
    chunk[:, SPEC.index("dq1")] = 0.001 * np.arange(20)

    def act(seen: Observed) -> np.ndarray:
        time.sleep(0.16)
        return chunk

    policy = Scripted(act, execute_steps=10)
    made: list[float] = []
    happened, _ = run(policy, 12, arm)
    made = [step.action[0] for step in happened.steps]
    first = next(x for x in made if x)
    # Open loop begins a chunk at its beginning, whenever it comes; the robot stands meanwhile.
    assert first == pytest.approx(0.001, abs=1e-9)
    assert 2 <= happened.idle <= 7


def test_an_arm_that_falls_silent_is_latched_and_stopped(arm: IdealArm) -> None:
    class Silent(IdealArm):
        stopped = False

        def state(self) -> ArmState:
            if self.commands > 10:
                raise DriverError("the arm has fallen silent")
            return super().state()

        def stop(self) -> None:
            self.stopped = True

    silent = Silent(FR3.limits, MODEL.spec.home)
    happened, _ = run(Scripted(lambda seen: moving(dq1=0.01)), 100, silent)
    assert (happened.ended, happened.reason) == (STOPPED, "the arm has fallen silent")
    assert silent.stopped


def test_set_points_keep_the_scaled_limits(arm: IdealArm) -> None:
    sent: list[np.ndarray] = []

    class Watching(IdealArm):
        def command(self, point: SetPoint) -> None:
            sent.append(point.velocity)
            super().command(point)

    run(Scripted(lambda seen: moving(dq1=10.0, dq4=-10.0)), 20, Watching(FR3.limits, MODEL.spec.home))
    assert (np.abs(sent) <= 0.5 * np.array(FR3.limits.velocity) + 1e-9).all()
