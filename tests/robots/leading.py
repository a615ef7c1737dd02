"""A gate that leads a `Follower` over a line that is late, loses messages, and breaks off; without hardware."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

import numpy as np

from robots.driver import Followed
from robots.franka.follower import Follower
from robots.franka.fr3 import FR3
from robots.registry import robot
from workbench.bridge.gate import Bounds, Box, Command, Gate, GateCfg, GateError, MeasuredState, Mode
from workbench.bridge.gate.trajectory import Plan

PERIOD_MS, COMMAND_TICKS = 10, 5
MODEL = robot("franka")
HOME = np.array(FR3.home)
BOX = Box((0.3, -0.35, 0.15), (0.7, 0.35, 0.75))


@dataclass
class Trouble:
    """How bad things are; probabilities are of a period, times in milliseconds."""

    late_ms: float = 0.0
    """Mean of how late a loop's period begins."""
    work_ms: float = 1.0
    """Mean of the time from when the loop reads what is followed until its message comes, beyond the least."""
    least_ms: int = 1
    """The least."""
    preempted: float = 0.0
    """That the loop is put aside for up to 150 ms, before it reads or before it sends."""
    lost: float = 0.0
    """That a message is lost."""
    stands: float = 0.0
    """That the arm's time stands still for up to 60 ms."""
    misses: float = 0.0
    """That up to 4 of the arm's milliseconds are missed."""
    stops: float = 0.0
    """That the operator stops the arm, and lets it go on half a second later."""


@dataclass
class Led:
    """What became of it."""

    positions: list[list[float]] = field(default_factory=list)
    """Of each millisecond of the arm ``[7]`` [rad]."""
    wanted: list[np.ndarray] = field(default_factory=list)
    """What the plan that was followed says of it ``[7]`` [rad]."""
    made_up: list[int] = field(default_factory=list)
    """Which of them the arm made up, where none reached it."""
    taken: int = 0
    """Plans that were taken."""


class Leading:
    """One gate, one follower, and what lies between."""

    def __init__(self, gate: Gate, scale: float, trouble: Trouble, seed: int) -> None:
        self.gate, self.trouble = gate, trouble
        self.draw = np.random.default_rng(seed)
        gate.counts.clear()
        gate.reset(HOME, 0.0)
        self.follower = Follower(FR3.limits, PERIOD_MS / 1000, HOME)
        self.follower.set_scale(scale)
        self.led = Led()
        self.now = 0
        self._answered = -1
        self._line: list[tuple[int, object, int]] = []
        """Messages: when they come, a way that was not sent before, its number."""
        self._sent = -1
        self.plans: dict[int, tuple[Plan, int, int | None]] = {}
        self._followed: Followed | None = None
        self._still_until = 0
        self.stopped_at = 0
        """Half a second later the arm is let go on [ms]."""
        self._seq, self._tick = gate._last_seq or 0, 0
        self._target = HOME

    def run(self, ms: int, leads: bool = True) -> Led:
        """So many milliseconds; ``leads``: whether the loop lives."""
        due, end = self.now, self.now + ms
        while self.now < end:
            if leads and self.now >= due:
                free = self._loop()
                due = max(due + PERIOD_MS, free)
                due += int(self.draw.exponential(self.trouble.late_ms)) if self.trouble.late_ms else 0
                due -= due % PERIOD_MS if self._happens(0.5) else 0
                due = max(due, free, self.now + 1)
            self._arm()
            self.now += 1
        return self.led

    # -- the loop

    def _loop(self) -> int:
        """One period; when the loop is free again."""
        now, gate, trouble = self.now / 1000, self.gate, self.trouble
        gate.rejoin(self._followed, now)
        if self._tick % COMMAND_TICKS == 0:
            self._command(now)
        self._tick += 1
        if self._happens(trouble.stops):
            gate.stop("the test presses stop")
            self.stopped_at = self.now
        elif gate.mode in (Mode.STOPPED, Mode.LATCHED) and self.now > self.stopped_at + 500:
            with contextlib.suppress(GateError):  # while it still moves
                gate.acknowledge(now)
        setpoint = gate.tick(MeasuredState(np.array(self.follower.position), now), now)
        number = setpoint.way.number
        self.plans[number] = (gate._progress._newest.plan, setpoint.way.leaves, setpoint.way.after)
        work = trouble.least_ms + int(self.draw.exponential(trouble.work_ms))
        work += int(self.draw.integers(150)) if self._happens(trouble.preempted) else 0
        if not self._happens(trouble.lost):
            self._line.append((self.now + work, setpoint.way if number != self._sent else None, number))
        self._sent = number
        return self.now + work + (int(self.draw.integers(150)) if self._happens(trouble.preempted) else 0)

    def _command(self, now: float) -> None:
        """Toward targets that lie inside the box and outside of it, changed now and then."""
        if self._happens(0.15):
            self._target = HOME + self.draw.uniform(-1.2, 1.2, 7) * (1, 0.6, 1, 0.6, 1, 0.6, 1)
        step = 1.2 * self.gate.scale * np.array(FR3.limits.velocity) * self.gate.cfg.command_dt
        here = self.gate._target.position if self.gate._target else self.gate._progress.end
        self._seq += 1
        there = here + np.clip(self._target - here, -step, step)
        self.gate.admit(Command(there, self._seq, now, now), now)

    # -- the arm

    def _arm(self) -> None:
        """One millisecond of its process."""
        if self.now < self._still_until:
            return
        if self._happens(self.trouble.stands / PERIOD_MS):
            self._still_until = self.now + int(self.draw.integers(60))
        follower = self.follower
        while self._line and self._line[0][0] <= self.now:
            _, way, self._answered = self._line.pop(0)
            if way is not None:
                after = -1 if way.after is None else way.after
                self.led.taken += follower.take(
                    way.number, after, way.leaves, way.states(way.leaves).tolist()
                )
        if self._happens(self.trouble.misses / PERIOD_MS):
            missed = int(self.draw.integers(1, 5))
            follower.missed(missed)
            self.led.made_up += [len(self.led.positions) + k for k in range(missed)]
            for _ in range(missed):  # of constant acceleration
                first, second, last = np.array(self.led.positions[-3:])
                self.led.positions.append((first + 3 * (last - second)).tolist())
                self.led.wanted.append(np.full(7, np.nan))
        self.led.positions.append(follower.step())
        self.led.wanted.append(self._plan_says())
        self._followed = (
            None if follower.number < 0 else Followed(follower.number, follower.free, self._answered)
        )

    def _plan_says(self) -> np.ndarray:
        """Where the plan that is followed has the arm at this millisecond."""
        if self.follower.number < 0:
            return HOME
        time = self.follower.period * PERIOD_MS - max(self.follower._due - self.follower.now, 0)
        plan, leaves, after = self.plans[self.follower.number]
        while time < leaves * PERIOD_MS and after in self.plans:
            plan, leaves, after = self.plans[after]
        return plan.at(max(time - leaves * PERIOD_MS, 0) / 1000).position

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self.draw.random() < probability


def gate(scale: float) -> Gate:
    """That looks at the tool's box alone."""
    bounds = Bounds(BOX, collisions=False)
    return Gate(
        GateCfg.of(MODEL, bounds, dt=PERIOD_MS / 1000, command_dt=0.05, scale=scale, limits=FR3.limits)
    )


def outside(positions: np.ndarray) -> float:
    """By how much the tool leaves its box at joint positions ``[n, 7]`` [rad], at most [m]; below 0: it does not."""
    tool = MODEL.chain.pose(positions)[0]
    return float(np.maximum(np.array(BOX.low) - tool, tool - np.array(BOX.high)).max())


def shares(positions: np.ndarray, scale: float) -> list[float]:
    """Greatest shares of scaled velocity, acceleration and jerk of positions ``[n, 7]`` a millisecond apart [rad]."""
    limits = (FR3.limits.velocity, FR3.limits.acceleration, FR3.limits.jerk)
    return [
        float((np.abs(np.diff(positions, order, axis=0)) * 1000**order / (scale * np.array(limit))).max())
        for order, limit in enumerate(limits, 1)
    ]
