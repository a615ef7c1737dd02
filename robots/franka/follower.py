"""`Follower`: set points that come a hundred times a second, as joint positions for every millisecond.

Set points are states of a motion that keeps the scaled limits, one control period apart. Each is reached at a time of
its own, `BEHIND` periods after it came, with its velocity and acceleration; the way from one to the next keeps the same
limits (`ruckig`), so that the arm follows that motion, that much later, and no planner rounds it off. Half of a period
is kept for set points that come late. One that comes later than that finds the arm braking: its sender has lost time,
too, and goes on from where it was. The arm also brakes when no more set points come.

Where the limits do not let the arm be there in time, it meets the motion later, as if that went on with the set point's
velocity: in a frame that moves with it. In one that stands, an arm that is a micrometre ahead would have to turn back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import ruckig

from robots.spec import JointLimits

STEP_S = 0.001
"""Between two positions [s]."""
BEHIND = 1.5
"""Periods from when a set point comes until the arm is there: one is what a set point means, half is kept for late
ones."""
EASE = 0.3
"""By this share of a period the time of being there may differ from that, for set points that come early or late."""
MOST_DRIFT = 0.9995
"""Share of the greatest velocity that a frame has at most: an arm has to be able to catch up with it."""
MOST_MISSED = 20
"""Steps in a row for which an arm goes on without being told to; then it stands, or has ended the motion."""
STILL = 1e-9
"""Velocity [rad/s] and acceleration [rad/s^2] that count as none: `ruckig` fails on targets of rounding errors."""


@dataclass(frozen=True)
class Waypoint:
    """A set point of ``J`` joints, and when it is due."""

    due: int
    """Step."""
    position: list[float]
    """``[J]`` [rad]"""
    velocity: list[float]
    """``[J]`` [rad/s]"""
    acceleration: list[float]
    """``[J]`` [rad/s^2]"""


class Follower:
    """Of one arm."""

    def __init__(self, limits: JointLimits, period: float, position: np.ndarray) -> None:
        """
        Args:
            limits: of the joints, in full.
            period: between two set points [s].
            position: where the arm rests ``[J]`` [rad].
        """
        self._limits = limits
        self._period = max(1, round(period / STEP_S))
        self._behind = round(BEHIND * self._period)
        self._otg = ruckig.Ruckig(len(limits.velocity))
        self._queue: deque[Waypoint] = deque()
        zeros = [0.0] * len(limits.velocity)
        self.position, self.velocity, self.acceleration = (
            np.asarray(position, np.float64).tolist(),
            zeros,
            zeros,
        )
        self.now = 0
        """Steps so far."""
        self._sent: deque[list[float]] = deque([self.position] * 3, 3)
        self.starved = 0
        """How often the next set point was not there when it was due, and the arm began to brake."""
        self._plan: Any = None
        """In a frame that moves: where that was when the plan began, and its velocity."""
        self._began = 0
        self._origin, self._drift = self.position, zeros
        self._aim: Waypoint | None = None
        self.set_scale(1.0)

    def set_scale(self, scale: float) -> None:
        """Keep this share of the limits of velocity, acceleration and jerk, in (0, 1], from the next way on."""
        self._most = [
            (scale * np.array(of)).tolist()
            for of in (self._limits.velocity, self._limits.acceleration, self._limits.jerk)
        ]

    def add(self, position: list[float], velocity: list[float], acceleration: list[float]) -> None:
        """A set point has come: joints ``[J]`` in rad, rad/s and rad/s^2."""
        last = self._queue[-1] if self._queue else self._aim
        due = self.now + self._behind
        if last is not None and last.due > self.now:
            planned, ease = last.due + self._period, round(EASE * self._period)
            # An arm that lost time catches up as fast as its limits let it; one that has none to spare gains a step.
            due = max(min(planned + (planned < due - ease), due + ease), last.due + 1)
        self._queue.append(Waypoint(due, position, velocity, acceleration))

    def brake(self) -> None:
        """Forget what is to come, and come to rest."""
        self._queue.clear()
        self._aim = None
        self._rest()

    @property
    def at_rest(self) -> bool:
        """Whether nothing moves, and nothing is to come."""
        return not self._queue and self._still

    def step(self) -> list[float]:
        """Joint positions ``[J]`` [rad] of the next millisecond."""
        if self._aim is None or self.now >= self._aim.due:
            if self._queue:
                self._aim = self._queue.popleft()
                self._go(self._aim)
            elif self._aim is not None and self._arrived:
                self._aim = None
                if not self._still:
                    self.starved += 1
                    self._rest()
        self.now += 1
        if self._plan is not None:
            time = (self.now - self._began) * STEP_S
            # Beyond its end a way goes on with its last acceleration: it seldom ends with a millisecond.
            relative, velocity, self.acceleration = self._plan.at_time(time)
            frame = zip(self._origin, self._drift, strict=True)
            self.position = [x + origin + v * time for x, (origin, v) in zip(relative, frame, strict=True)]
            self.velocity = [x + v for x, v in zip(velocity, self._drift, strict=True)]
            if time >= self._plan.duration and self._aim is None:
                self._plan = None
                self.velocity = self.acceleration = [0.0] * len(self.position)
        self._sent.append(self.position)
        return self.position

    def missed(self, steps: int) -> None:
        """So many positions did not reach the arm, which went on with constant acceleration, as controllers do."""
        if steps <= 0:
            return
        for k in range(steps):
            goes_on = k < MOST_MISSED
            going = [a + 3 * (c - b) for a, b, c in zip(*self._sent, strict=True)]
            self._sent.append(going if goes_on else self._sent[-1])
        self.now += steps
        if self._plan is None:
            return
        first, second, self.position = self._sent
        before = zip(first, second, self.position, strict=True)
        self.acceleration = [(a - 2 * b + c) / STEP_S**2 for a, b, c in before]
        last = zip(second, self.position, self.acceleration, strict=True)
        self.velocity = [(c - b) / STEP_S + a * STEP_S / 2 for b, c, a in last]
        if self._aim is not None:
            self._go(self._aim)
        else:
            self._rest()

    @property
    def _still(self) -> bool:
        return max(map(abs, self.velocity)) <= STILL and max(map(abs, self.acceleration)) <= STILL

    @property
    def _arrived(self) -> bool:
        return self._plan is None or (self.now - self._began) * STEP_S >= self._plan.duration

    def _go(self, to: Waypoint) -> None:
        """On to a set point, there when it is due; later where the limits do not allow it."""
        least = max(to.due - self.now, 1) * STEP_S
        if self._still and to.position == self.position and max(map(abs, to.velocity)) <= STILL:
            self._plan = None
            return
        drift = [
            0.0 if abs(v) <= STILL else min(max(v, -MOST_DRIFT * m), MOST_DRIFT * m)
            for v, m in zip(to.velocity, self._most[0], strict=True)
        ]
        origin = [q - v * least for q, v in zip(to.position, drift, strict=True)]
        for acceleration in (to.acceleration, [0.0] * len(to.position)):
            task = self._task(origin, drift)
            task.target_acceleration = [
                min(max(a, -m), m) for a, m in zip(acceleration, self._most[1], strict=True)
            ]
            task.minimum_duration = least
            if self._solve(task, origin, drift):
                return
        self._rest()

    def _rest(self) -> None:
        """The shortest way to rest, each joint for itself."""
        if self._still:
            self._plan = None
            return
        standing = [0.0] * len(self.position)
        task = self._task(standing, standing)
        task.control_interface = ruckig.ControlInterface.Velocity
        task.synchronization = ruckig.Synchronization.No
        if not self._solve(task, standing, standing):
            raise RuntimeError("no way to rest was found")

    def _task(self, origin: list[float], drift: list[float]) -> Any:
        """From here to rest at the origin of a frame, in that frame."""
        task = ruckig.InputParameter(len(self.position))
        task.current_position = [q - x for q, x in zip(self.position, origin, strict=True)]
        task.current_velocity = [q - v for q, v in zip(self.velocity, drift, strict=True)]
        task.current_acceleration = self.acceleration
        task.max_velocity = [m - v for m, v in zip(self._most[0], drift, strict=True)]
        task.min_velocity = [-m - v for m, v in zip(self._most[0], drift, strict=True)]
        task.max_acceleration, task.max_jerk = self._most[1:]
        return task

    def _solve(self, task: Any, origin: list[float], drift: list[float]) -> bool:
        plan = ruckig.Trajectory(len(self.position))
        try:
            result = self._otg.calculate(task, plan)
        except ruckig.RuckigError:
            return False
        if result not in (ruckig.Result.Working, ruckig.Result.Finished):
            return False
        self._plan, self._began, self._origin, self._drift = plan, self.now, origin, drift
        return True
