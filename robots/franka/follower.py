"""`Follower`: ways that have been checked, as joint positions for every millisecond.

A `robots.driver.Way` is a motion to rest, as states one control period apart. The arm is led from state to state, each
at its time, with its velocity and acceleration, and within the scaled limits in between (`ruckig`). It needs nobody for
that: where nothing more comes, because the bridge is late, was killed, or says stop, the arm goes on along its way and
rests at the end. It never brakes by itself, since nobody has looked at where that would lead.

Another way is taken if it leaves the one that is followed at a state that the arm has not left yet, or if it begins
where the arm rests. Else it is refused: the arm is no longer where that way was made for.

An arm that was thrown off its way, because commands did not reach it in time, meets it later, as if it went on with
the next state's velocity: in a frame that moves with it. In one that stands, an arm that is a micrometre ahead would
have to turn back.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
import ruckig

from robots.franka.fci_messages import NOTHING
from robots.spec import JointLimits

STEP_S = 0.001
"""Between two positions [s]."""
EASE = 0.5
"""Share of a period for which an arm at rest waits on the first state of a way. Set points that come at the same time
in each period are so much ahead of the state at which theirs may leave the way at the latest."""
NOTICE = 0.4
"""Share of a period that another way is given, at least, to be made and to come."""
LONGER, SHORTER, MOST_NOTICE = 0.1, 0.01, 3.0
"""Periods by which one that came too late makes that longer, and one in time shorter; and how long it may become."""
MOST_DRIFT = 0.9995
"""Share of the greatest velocity that a frame has at most: an arm has to be able to catch up with it."""
MOST_MISSED = 20
"""Steps in a row for which an arm goes on without being told to; then it stands, or has ended the motion."""
STILL = 1e-9
"""Velocity [rad/s] and acceleration [rad/s^2] that count as none: `ruckig` fails on targets of rounding errors."""
NEAR = 0.05
"""By how much an arm at rest may be elsewhere than where a way begins [rad]: it is led there first."""
SAME = 1e-6
"""By how much the state at which a way leaves another may differ from that one's, by rounding [rad]."""
State = list[list[float]]
"""Position [rad], velocity [rad/s] and acceleration [rad/s^2] of ``J`` joints."""


class Follower:
    """Of one arm."""

    def __init__(self, limits: JointLimits, period: float, position: np.ndarray) -> None:
        """
        Args:
            limits: of the joints, in full.
            period: between two states of a way [s].
            position: where the arm rests ``[J]`` [rad].
        """
        self._limits = limits
        self._period = max(1, round(period / STEP_S))
        self._otg = ruckig.Ruckig(len(limits.velocity))
        zeros = [0.0] * len(limits.velocity)
        self.position, self.velocity, self.acceleration = (
            np.asarray(position, np.float64).tolist(),
            zeros,
            zeros,
        )
        self.now = 0
        """Steps so far."""
        self.number = NOTHING
        """Of the way that is followed."""
        self.period = 0
        """Of the state that the arm is led to."""
        self._states: list[State] = []
        """From that one on, the last at rest."""
        self._notice = NOTICE
        """That another way is given to come [periods]."""
        self._due = 0
        """Step at which the arm is to be there."""
        self._sent: deque[list[float]] = deque([self.position] * 3, 3)
        self._plan: Any = None
        """In a frame that moves: where that was when the plan began, and its velocity."""
        self._began = 0
        self._origin, self._drift = self.position, zeros
        self.set_scale(1.0)

    def set_scale(self, scale: float) -> None:
        """Keep this share of the limits of velocity, acceleration and jerk, in (0, 1], from the next state on."""
        self._most = [
            (scale * np.array(of)).tolist()
            for of in (self._limits.velocity, self._limits.acceleration, self._limits.jerk)
        ]

    def take(self, number: int, after: int, leaves: int, states: list[State]) -> bool:
        """Follow another way, if the arm is where that can be done; see `robots.driver.Way`.

        Args:
            number: of the way.
            after: of the one that it leaves.
            leaves: period of its first state.
            states: to rest.
        """
        if number == self.number:
            return True
        if not self.at_rest and after == self.number:
            if leaves < self.period:
                self._notice = min(self._notice + LONGER, MOST_NOTICE)
                return False
            if _apart(states[0][0], self._ahead(leaves - self.period)[0])[0] > SAME:
                return False
            self._notice = max(self._notice - SHORTER, NOTICE)
            kept = [self._ahead(k) for k in range(leaves - self.period)]
            self.number, self._states = number, kept + states
            return True
        if self.why_not(states[0]):
            return False
        self.number, self.period, self._states = number, leaves, states
        self._due = self.now + max(1, round(EASE * self._period))
        self._lead()
        if self._plan is not None:
            self._due = max(self._due, self.now + math.ceil(self._plan.duration / STEP_S))
        return True

    def why_not(self, first: State) -> str:
        """Why a way cannot begin with a state now; empty where it can."""
        if not self.at_rest:
            return "the arm moves"
        if max(map(abs, first[1] + first[2])) > STILL:
            return "its way does not begin at rest"
        error, joint = _apart(first[0], self.position)
        return f"joint {joint + 1} is {error:.3f} rad from where its way begins" if error > NEAR else ""

    @property
    def free(self) -> int:
        """First period at which another way may leave this one and be expected to come in time."""
        short = self._notice - (self._due - self.now) / self._period
        return self.period + min(max(0, math.ceil(short)), len(self._states) - 1)

    @property
    def at_rest(self) -> bool:
        """Whether nothing moves, and nothing is to come."""
        if self._plan is not None or len(self._states) > 1:
            return False
        return not self._states or self.position == self._states[0][0]

    def step(self) -> list[float]:
        """Joint positions ``[J]`` [rad] of the next millisecond."""
        if self.now >= self._due and not self.at_rest:
            self._on()
        self.now += 1
        if self._plan is not None:
            time = (self.now - self._began) * STEP_S
            # Beyond its end a path goes on with its last acceleration: it seldom ends with a millisecond.
            relative, velocity, self.acceleration = self._plan.at_time(time)
            frame = zip(self._origin, self._drift, strict=True)
            self.position = [x + origin + v * time for x, (origin, v) in zip(relative, frame, strict=True)]
            self.velocity = [x + v for x, v in zip(velocity, self._drift, strict=True)]
            if time >= self._plan.duration and len(self._states) == 1:
                self._stand()
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
            return  # at rest, or just about to leave it
        first, second, self.position = self._sent
        before = zip(first, second, self.position, strict=True)
        self.acceleration = [(a - 2 * b + c) / STEP_S**2 for a, b, c in before]
        last = zip(second, self.position, self.acceleration, strict=True)
        self.velocity = [(c - b) / STEP_S + a * STEP_S / 2 for b, c, a in last]
        if self.now >= self._due:
            self._on()
        else:
            self._lead()

    @property
    def _still(self) -> bool:
        return max(map(abs, self.velocity)) <= STILL and max(map(abs, self.acceleration)) <= STILL

    def _ahead(self, periods: int) -> State:
        return self._states[min(periods, len(self._states) - 1)]

    def _on(self) -> None:
        """To the next state; to the last one again if the arm was thrown off, and has not come there."""
        while self.now >= self._due:
            self._due += self._period
            if len(self._states) > 1:
                self.period += 1
                del self._states[0]
        self._lead()

    def _stand(self) -> None:
        """The path is at its end, which is the way's but for rounding, or is left again when the next state is due."""
        end = self._states[0][0]
        if _apart(self.position, end)[0] <= STILL:
            self.position = end
        self._plan = None
        self.velocity = self.acceleration = [0.0] * len(end)

    def _lead(self) -> None:
        """On to the state, there when it is due; later where the limits do not allow it."""
        position, velocity, accelerating = self._states[0]
        least = max(self._due - self.now, 1) * STEP_S
        if self._still and position == self.position and max(map(abs, velocity)) <= STILL:
            self._plan = None
            return
        drift = [
            0.0 if abs(v) <= STILL else min(max(v, -MOST_DRIFT * m), MOST_DRIFT * m)
            for v, m in zip(velocity, self._most[0], strict=True)
        ]
        origin = [q - v * least for q, v in zip(position, drift, strict=True)]
        for acceleration in (accelerating, [0.0] * len(position)):
            task = self._task(origin, drift)
            task.target_acceleration = [
                min(max(a, -m), m) for a, m in zip(acceleration, self._most[1], strict=True)
            ]
            task.minimum_duration = least
            if self._solve(task, origin, drift):
                return
        self._rest()

    def _rest(self) -> None:
        """Where no path to the state is found: each joint by its own shortest way to rest, until the next is due."""
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


def _apart(first: list[float], second: list[float]) -> tuple[float, int]:
    """By how much the joint is elsewhere that is so most [rad], and which it is."""
    return max((abs(a - b), k) for k, (a, b) in enumerate(zip(first, second, strict=True)))
