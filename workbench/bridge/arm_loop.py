"""`ArmLoop`: one arm, one gate, one clock. Whatever wants the arm to move says so here, and the gate decides.

Each period: read the arm, admit at most one command, take the gate's set point, send it if the arm is armed, log. The
loop never waits for a policy, a camera or a person. When it ends, however it ends, the arm has come to rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from robots.driver import ArmState, Driver, DriverError, SetPoint
from workbench.bridge.clock import Ticker
from workbench.bridge.gate import Command, Decision, Gate, GateError, MeasuredState, Mode, Setpoint, Verdict
from workbench.bridge.observation import Poses
from workbench.bridge.ticks import TickLog

REST_S = 3.0
"""For so long an arm that is to stop is led to rest by the gate; then it is told to stop by itself [s]."""

STILL = 0.01
"""Measured joints slower than this stand [rad/s]."""


@dataclass
class Step:
    """A control step of a policy."""

    state: ArmState
    action: np.ndarray
    """``[A]``; what was carried out, or standing still."""
    commanded: np.ndarray
    """Joint positions that the gate goes to ``[n]`` [rad]."""
    ee_pose: np.ndarray
    """Of the measured joints ``[7]``: x y z [m], quaternion x y z w."""
    poses: Poses | None = None
    """What a declared sensor said of things, for the record."""


@dataclass
class Tick:
    """What happened in one period."""

    now: float
    """[s]"""
    state: ArmState | None
    """None where the arm is silent."""
    setpoint: Setpoint
    decision: Decision | None = None
    """Of the command that was made in this period, if one was."""
    asked: np.ndarray | None = None
    """Joint positions ``[n]`` [rad] that it asked for."""
    step: Step | None = None
    """The control step that began in this period, if one did."""


@dataclass
class Tally:
    """Counts of a loop."""

    commands: int = 0
    changed: int = 0
    refused: int = 0
    sent: int = 0
    """Set points that went to the arm."""
    tick_s: list[float] = field(default_factory=list)
    """How long each period's work took [s]."""
    gate_s: list[float] = field(default_factory=list)
    """How long the gate took of each command [s]."""


class ArmLoop:
    """Drives one arm; for one thread."""

    def __init__(
        self,
        driver: Driver,
        gate: Gate,
        ticker: Ticker,
        log: TickLog | None,
        commanding: bool,
        heard: Callable[[], Mapping[str, float]] = dict,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            driver: connected.
            gate: of this arm, of the ticker's period.
            ticker: wakes the loop.
            log: where ticks go.
            commanding: whether set points go to the arm: never in a shadow run.
            heard: source that the gate watches, as a camera -> when it captured its newest [s].
            clock: of all times [s].
        """
        self._heard = heard
        self.driver, self.gate, self.ticker, self.log = driver, gate, ticker, log
        self.tally = Tally()
        self.commanded = np.array(driver.home)
        """Where the gate has the arm be ``[n]`` [rad]: its last set point, or where it was told that the arm is."""
        self.commanding = commanding
        """Whether set points go to the arm."""
        self.clock = clock
        """Of all times [s]."""
        self._seq = 0
        self._sent: tuple[Any, ...] | None = None
        self._silent = False

    def begin(self) -> ArmState:
        """The arm rests where it is: read it, and let the gate begin there.

        DriverError for a silent arm; GateError for one that is where it must not be.
        """
        state = self.driver.state()
        self.gate.reset(state.joint_pos.value, self.clock())
        self._sent = None
        self.commanded = state.joint_pos.value
        return state

    def resume(self) -> ArmState:
        """The next episode begins where the arm stands; a latch is not undone by it: that is the operator's.

        DriverError for a silent arm; GateError for one that was stopped, or that stands where it must not.
        """
        if self.gate.mode not in (Mode.MOVING, Mode.HOLDING):
            raise GateError(f"the arm is {self.gate.mode}: {self.gate.reason}")
        state = self.driver.state()
        try:
            self.gate.acknowledge(self.clock())  # in place: what was commanded stays, and nothing jerks
        except GateError:
            return self.begin()
        return state

    def follow(self, state: ArmState) -> None:
        """Somebody else moves the arm: let the gate begin anew where it is now; what it objects to is an event."""
        try:
            self.gate.reset(state.joint_pos.value, self.clock())
            self.commanded = state.joint_pos.value
        except GateError as objection:
            self.event("gate", str(objection))

    def wait(self) -> tuple[float, ArmState | None]:
        """Until the next period: its time, and the arm's state; None where it is silent, which the gate is told.

        The gate is told, too, where a driver that follows plans by itself has the arm.
        """
        now = self.ticker.wait()
        try:
            state = self.driver.state()
            self._silent = False
            if self.commanding:
                self.gate.rejoin(state.followed, self.clock())
        except DriverError as problem:
            if not self._silent:
                self._fault(str(problem))
            self._silent = True
            state = None
        return now, state

    def command(self, joints: np.ndarray, gripper: float | None, captured: float, issued: float) -> Decision:
        """Ask the gate for joint positions ``[n]`` [rad] and a gripper's width [m].

        Args:
            joints: where to.
            gripper: how wide; None: as it is.
            captured: when the observation was captured that this answers [s].
            issued: when it was decided to be carried out [s].
        """
        self._seq += 1
        began = time.perf_counter()
        decision = self.gate.admit(Command(joints, self._seq, captured, issued, gripper), self.clock())
        self.tally.gate_s.append(time.perf_counter() - began)
        self.tally.commands += 1
        self.tally.changed += decision.verdict is Verdict.CHANGED
        self.tally.refused += decision.verdict is Verdict.REFUSED
        return decision

    def finish(self, began: float, state: ArmState | None) -> Setpoint:
        """The rest of a period that began then [s]: the gate's set point, to the arm if it is armed."""
        for source, captured in self._heard().items():
            self.gate.heard(source, captured)
        measured = None if state is None else MeasuredState(state.joint_pos.value, state.captured)
        setpoint = self.gate.tick(measured, self.clock())
        self.commanded = setpoint.position
        for intervention in setpoint.interventions:
            if intervention.seq is None:
                self.event("gate", intervention.sentence)
        if self.commanding and state is not None:
            self._send(setpoint)
        self.tally.tick_s.append(self.clock() - began)
        return setpoint

    def come_to_rest(self, reason: str) -> None:
        """Lead the arm to rest and stop it; whatever fails on the way, stopping is tried."""
        self.event("stop", reason)
        try:
            self.gate.stop(reason)
            end = self.clock() + REST_S
            while self.clock() < end:
                now, state = self.wait()
                rests = self.finish(now, state).at_rest
                if state is None or (rests and np.abs(state.joint_vel.value).max() < STILL):
                    break
        except GateError as problem:  # it was never told where the arm is: nothing moves
            self.event("stop", str(problem))
        finally:
            if self.commanding:
                self._stop_driver()

    def event(self, kind: str, sentence: str) -> None:
        """Something that a person wants to read later."""
        if self.log is not None:
            self.log.write("/event", {"kind": kind, "sentence": sentence, "at": self.clock()})

    def _send(self, setpoint: Setpoint) -> None:
        number = None if setpoint.way is None else setpoint.way.number
        point = (setpoint.position.tobytes(), setpoint.gripper, number)
        if setpoint.at_rest and point == self._sent:
            return
        try:
            self.driver.command(
                SetPoint(
                    setpoint.position,
                    setpoint.velocity,
                    setpoint.acceleration,
                    setpoint.gripper,
                    setpoint.way,
                    setpoint.period,
                )
            )
            self.tally.sent += 1
            self._sent = point
        except DriverError as problem:
            if self.gate.mode is not Mode.LATCHED:
                self._fault(str(problem))
                self._stop_driver()

    def _stop_driver(self) -> None:
        try:
            self.driver.stop()
        except DriverError as problem:
            self.event("driver", str(problem))

    def _fault(self, sentence: str) -> None:
        self.gate.fault(sentence)
        self.event("driver", sentence)
