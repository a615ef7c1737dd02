"""`Gate`: what stands between a policy and an arm, always.

One rule makes it safe: **the arm follows a plan that has been checked whole, and every plan ends at rest.**

* `admit` checks a command, makes a plan that leads through it and on to rest, checks the whole of it, and only then
  puts it in the place of the one before. A command that is refused leaves that one as it is.
* `tick` gives the next setpoint of the plan. When nobody speaks, or somebody says stop, it makes the shortest way to
  rest a plan, if that is free. If it is not, the plan that is being followed is, and ends at rest too.
* `rejoin` takes note of where a driver is that follows plans by itself, so that setpoints that are late, or never
  come, leave the arm on a plan, too. A plan that came too late for it is forgotten.

So whatever happens, what comes next has been checked already. The gate knows the commanded arm; that the real one
follows is checked to within `GateCfg.greatest_error`, and no software replaces the hardware's own stop.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from robots.driver import Followed
from workbench.bridge.gate.body import Body
from workbench.bridge.gate.cfg import LEAST_SCALE, GateCfg
from workbench.bridge.gate.message_checks import objection
from workbench.bridge.gate.messages import (
    Check,
    Command,
    Decision,
    GateError,
    Intervention,
    MeasuredState,
    Mode,
    Setpoint,
    Verdict,
)
from workbench.bridge.gate.progress import Progress, Rejoined
from workbench.bridge.gate.space import Space
from workbench.bridge.gate.target import Finding, Target, shortened, within_limits
from workbench.bridge.gate.trajectory import Plan, PlanError, Planner
from workbench.bridge.gate.watchdog import COMMAND, STATE, Go, Watchdog

MODES = {Go.RUN: Mode.MOVING, Go.HOLD: Mode.HOLDING, Go.STOP: Mode.STOPPED, Go.LATCH: Mode.LATCHED}
MOST_PERIODS = 10
"""Commands left out that are made up for: after more, the next one is a first one."""
NOTHING: Finding = (Check.TRAJECTORY, "")
"""Said of a plan that was found."""
REST_TOLERANCE = 0.02
"""By how much an arm that begins to move may be elsewhere than where it was commanded last [rad]."""


class Gate:
    """The gate of one arm. Not for two threads at a time."""

    def __init__(self, cfg: GateCfg) -> None:
        self.cfg = cfg
        self.counts: Counter[Check] = Counter()
        """Interventions so far, of each kind."""
        self.low = np.array(cfg.limits.position_low) + cfg.position_margin
        self.high = np.array(cfg.limits.position_high) - cfg.position_margin
        self._joints = len(self.low)
        self._planner = Planner(cfg.limits, cfg.scale)
        # A path may come nearer to a limit than a target: by half of the margin.
        half = cfg.position_margin / 2
        self.space = Space(
            Body(cfg.geometry), cfg.bounds, self.low - half, self.high + half, self._planner.acceleration
        )
        self._watchdog = Watchdog(cfg.watchdog)
        self._told = Go.STOP
        self._cause = Check.WATCHDOG
        self._progress = Progress(cfg.dt)
        self._target: Target | None = None
        self._braking = True
        self._last_seq: int | None = None
        self._gripper: float | None = None
        self._measured: np.ndarray | None = None
        self._pending: list[Intervention] = []

    # -- the operator

    def reset(self, position: np.ndarray, now: float) -> None:
        """The arm rests at these measured joint positions ``[J]`` [rad]: begin there, with everything before forgotten.

        GateError when it must not be there: it has to be moved by hand first.
        """
        position = np.array(position, np.float64)
        if position.shape != (self._joints,) or not np.isfinite(position).all():
            raise GateError(f"the arm has {self._joints} joints, whose positions have to be finite numbers")
        if (found := self.space.objection(position)) is not None:
            raise GateError(f"the arm must not be where it is: {found[1]}; move it by hand")
        self._progress.begin(position)
        self._target, self._braking = None, True
        self._last_seq, self._measured = None, position
        self._watchdog.reset(now)
        self._told = self._watchdog.go

    def stop(self, reason: str) -> None:
        """Come to rest as soon as possible, and stay so until `acknowledge`."""
        self._watchdog.stop(reason)
        self._cause = Check.OPERATOR

    def fault(self, reason: str) -> None:
        """The same because something is wrong, such as a driver that reports an error."""
        self._watchdog.latch(reason)
        self._cause = Check.FAULT

    def acknowledge(self, now: float) -> None:
        """The operator has seen why the arm was stopped and lets it go on with the next command.

        GateError while it moves, and when it is no longer where it was commanded to: then `reset`.
        """
        if not self._progress.begun or self._measured is None:
            raise GateError("the gate has not been told where the arm is: reset it")
        if not self._at_rest:
            raise GateError("the arm is still coming to rest: acknowledge when it stands")
        error = float(np.abs(self._measured - self._progress.state.position).max())
        if not error <= REST_TOLERANCE:
            raise GateError(f"a joint is {error:.3f} rad from where it was commanded: reset the gate there")
        self._watchdog.reset(now)
        self._told, self._braking, self._target = self._watchdog.go, True, None

    def set_scale(self, scale: float) -> None:
        """Use another share of the limits. A lower one only at rest, since what is under way could not keep to it.

        GateError for a share outside of 0.1 to 1, and for a lower one while the arm moves.
        """
        if not LEAST_SCALE <= scale <= 1:
            raise GateError(f"scale must be from {LEAST_SCALE} to 1, not {scale}")
        if scale < self._planner.scale and not self._at_rest:
            raise GateError("the scale is lowered at rest: stop the arm first")
        self._planner = Planner(self.cfg.limits, scale)
        self.space.allow(self._planner.acceleration)

    @property
    def scale(self) -> float:
        """Share of the limits that is used."""
        return self._planner.scale

    @property
    def mode(self) -> Mode:
        """What the gate was doing at the last look."""
        return MODES[self._watchdog.go]

    @property
    def reason(self) -> str:
        """Why it does not move; empty while it does."""
        return self._watchdog.reason

    def heard(self, source: str, captured: float) -> None:
        """One of `WatchdogCfg.sources`, such as a camera, gave something that it captured then [s]."""
        self._watchdog.heard(source, captured)

    # -- commands

    def admit(self, command: Command, now: float) -> Decision:
        """Take a command or refuse it. It never raises for what a command holds."""
        if not self._progress.begun:
            return self._refused(Check.MODE, self._watchdog.reason, command, now)
        self._watchdog.look(now)
        if (found := objection(command, self._joints, self._last_seq, now, self.cfg.ages)) is not None:
            return self._refused(*found, command, now)
        self._last_seq = command.seq
        self._watchdog.heard(COMMAND, now)  # the policy lives, even if its command is refused below
        if self._watchdog.look(now) is not Go.RUN:
            return self._refused(Check.MODE, f"the arm is {self.mode}: {self.reason}", command, now)
        position, changes = within_limits(command, self.cfg, self.low, self.high)
        if position is None:
            return self._refused(*changes[0], command, now)
        if (found := self.space.objection(position)) is not None:
            return self._refused(*found, command, now)
        before = self._target or Target(self._progress.end, None)
        here = self._progress.state.position
        position, short = shortened(position, before, here, self.cfg, self._planner, self.space)
        target, changes = Target(position, command.seq), changes + short
        plan, found = self._plan_to(target, before)
        if plan is None:
            return self._refused(*found, command, now)
        self._progress.follow(plan)
        self._target, self._braking = target, False
        changes += self._take_gripper(command)
        noted = tuple(self._note(check, sentence, now, command.seq) for check, sentence in changes)
        return Decision(Verdict.CHANGED if noted else Verdict.ACCEPTED, target.position, noted)

    def _plan_to(self, target: Target, before: Target) -> tuple[Plan | None, Finding]:
        """The plan to a target whose whole path is free; None when there is none, and why.

        First over the middle between the last target and this one, with their velocity, when the next command is due.
        These are points and slopes of the quadratic spline that has the targets as its control points: a stream of
        commands becomes a smooth motion, as in `robots.motion_limiter`. Where limits forbid that, straight to rest.
        """
        plan, state = None, self._progress.state
        periods = 1 if before.seq is None or target.seq is None else target.seq - before.seq
        period = self.cfg.command_dt * periods
        middle = (before.position + target.position) / 2
        velocity = (target.position - before.position) / period
        try:
            if periods <= MOST_PERIODS:
                plan = self._planner.through(state, middle, velocity, period, target.position)
            plan = plan or self._planner.to_rest(state, target.position)
        except PlanError as failure:
            return None, (Check.TRAJECTORY, f"no motion was found: {failure}")
        found = self._objection_to(plan)
        return (plan, NOTHING) if found is None else (None, found)

    def _objection_to(self, plan: Plan) -> Finding | None:
        if (found := self.space.objection_on(plan)) is None:
            return None
        check, sentence, time = found
        return check, f"on the way to rest, {time:.2f} s on: {sentence}"

    def _take_gripper(self, command: Command) -> list[tuple[Check, str]]:
        if command.gripper is None:
            return []
        low, high = self.cfg.gripper
        self._gripper = min(max(float(command.gripper), low), high)
        if self._gripper == command.gripper:
            return []
        return [
            (Check.JOINT_LIMITS, f"a width of {command.gripper:.3f} m became {self._gripper:.3f}, the limit")
        ]

    # -- setpoints

    def rejoin(self, followed: Followed | None, now: float) -> None:
        """Where a driver that follows plans by itself has the arm; None: it says nothing. Before `admit` and `tick`.

        A plan that came too late is one that it does not follow: the one that it follows is gone on with, from where it
        is, until a command or a stop leads to another.
        """
        if followed is None or not self._progress.begun:
            return
        match self._progress.rejoin(followed):
            case Rejoined.REFUSED:
                self._target, self._braking = None, False
                self._note(
                    Check.LATE, "a plan came too late for the arm, which goes on along the one before", now
                )
            case Rejoined.UNKNOWN:
                self.fault("the arm is led along a plan that the gate does not know")

    def tick(self, measured: MeasuredState | None, now: float) -> Setpoint:
        """The setpoint for the next control period. To be called once a period, whatever happened.

        Args:
            measured: what was measured last; None: nothing.
            now: time [s].

        GateError before the first `reset`.
        """
        if not self._progress.begun:
            raise GateError("the gate has not been told where the arm is: reset it")
        self._see(measured)
        go = self._watchdog.look(now)
        if go is not Go.RUN and go is not self._told:
            self._note(self._cause, f"the arm is {MODES[go]}: {self.reason}", now)
        self._told, self._cause = go, Check.WATCHDOG
        if go is not Go.RUN and not self._braking:
            self._brake(now)
        self._progress.advance()
        state = self._progress.state
        noted, self._pending = tuple(self._pending), []
        return Setpoint(
            state.position.copy(),
            state.velocity.copy(),
            state.acceleration.copy(),
            self._gripper,
            MODES[go],
            self._at_rest,
            noted,
            self._progress.way,
            self._progress.period,
        )

    def _see(self, state: MeasuredState | None) -> None:
        """Note a measured state that is one; anything else is as if nothing had come."""
        if state is None or np.shape(state.position) != (self._joints,):
            return
        if not (np.isfinite(state.position).all() and np.isfinite(state.captured)):
            return
        self._measured = state.position
        self._watchdog.heard(STATE, state.captured)
        error = np.abs(state.position - self._progress.state.position)
        if error.max() > self.cfg.greatest_error and self._watchdog.go is not Go.LATCH:
            joint = int(error.argmax())
            self._watchdog.latch(
                f"joint {joint + 1} is {error[joint]:.2f} rad from where it is commanded to be"
            )
            self._cause = Check.TRACKING

    def _brake(self, now: float) -> None:
        """Follow the shortest way to rest if it is free; else what is being followed, which is and ends at rest too."""
        self._braking = True
        try:
            plan = self._planner.brake(self._progress.state)
            found = self._objection_to(plan)
        except PlanError as failure:
            found = Check.TRAJECTORY, f"no motion was found: {failure}"
        if found is None:
            self._progress.follow(plan)
        else:
            when = f"in {self._progress.left:.2f} s, at the end of its plan"
            self._note(Check.STOPPING_PATH, f"the arm rests {when}: {found[1]}", now)
        self._target = None

    @property
    def _at_rest(self) -> bool:
        return self._progress.left <= 0

    # -- notes

    def _refused(self, check: Check, sentence: str, command: Command, now: float) -> Decision:
        seq = command.seq if isinstance(command.seq, int) else None
        return Decision(Verdict.REFUSED, None, (self._note(check, sentence, now, seq),))

    def _note(self, check: Check, sentence: str, now: float, seq: int | None = None) -> Intervention:
        noted = Intervention(check, sentence, now, seq)
        self.counts[check] += 1
        self._pending.append(noted)
        return noted
