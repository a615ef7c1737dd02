"""`Follower`: ways that have been checked, as joint positions for every millisecond.

A `robots.driver.Way` is a motion to rest, as states one control period apart. The arm is led from state to state, each
at its time, with its velocity and acceleration, each joint within its scaled limits (`joint_path.py`). It needs nobody
for that: where nothing more comes, because the bridge is late, was killed, or says stop, the arm goes on along its way
and rests at the end. It never brakes by itself, since nobody has looked at where that would lead.

Another way is taken if it leaves the one that is followed at a state that the arm has not left yet, or if it begins
where the arm rests. Else it is refused: the arm is no longer where that way was made for.

An arm that was thrown off its way, because commands did not reach it in time, is led to the first of its next states at
which each joint can be in time, and those that are still on their way stay on it. Chasing the next state instead makes
a joint overshoot, which was behind by a milliradian, by ten, when its way turns back meanwhile.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import numpy as np

from robots.franka.fci_messages import NOTHING
from robots.franka.joint_path import STEP_S, STILL, JointPath, JointState, PathFinder
from robots.spec import JointLimits

EASE = 0.5
"""Share of a period for which an arm at rest waits on the first state of a way. Set points that come at the same time
in each period are so much ahead of the state at which theirs may leave the way at the latest."""
NOTICE = 0.4
"""Share of a period that another way is given, at least, to be made and to come."""
LONGER, SHORTER, MOST_NOTICE = 0.1, 0.001, 3.0
"""Periods by which one that came too late makes that longer, and one in time shorter, so that one of a hundred may come
too late; and how long it may become."""
AHEAD = (0, 1, 2, 4, 8, 16, 32)
"""States after the next one at which a joint that was thrown off may be on its way again."""
MOST_MISSED = 20
"""Steps in a row for which an arm goes on without being told to; then it stands, or has ended the motion."""
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
        self._finder = PathFinder()
        self._paths: list[JointPath | None] = [None] * len(zeros)
        """Of each joint; None: it stands."""
        self.set_scale(1.0)

    def set_scale(self, scale: float) -> None:
        """Keep this share of the limits of velocity, acceleration and jerk, in (0, 1], from the next state on."""
        of = self._limits
        self._most: list[JointState] = [
            (scale * v, scale * a, scale * j)
            for v, a, j in zip(of.velocity, of.acceleration, of.jerk, strict=True)
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
            self._lead(k for k, path in enumerate(self._paths) if path is not None and path.until > leaves)
            return True
        if self.why_not(states[0]):
            return False
        self.number, self.period, self._states = number, leaves, states
        self._due = self.now + max(1, round(EASE * self._period))
        self._paths = [
            None
            if here == there
            else self._finder.path((here, 0.0, 0.0), self.now, (), (there, 0.0, 0.0), most)
            for here, there, most in zip(self.position, states[0][0], self._most, strict=True)
        ]
        longest = max((path.steps for path in self._paths if path is not None), default=0.0)
        self._due = max(self._due, self.now + math.ceil(longest))
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
        if len(self._states) > 1 or any(self._paths):
            return False
        return not self._states or self.position == self._states[0][0]

    def step(self) -> list[float]:
        """Joint positions ``[J]`` [rad] of the next millisecond."""
        if self.now >= self._due and not self.at_rest:
            self._on()
        self.now += 1
        if any(self._paths):
            now = [
                self._joint(k) if path is None else path.at(self.now) for k, path in enumerate(self._paths)
            ]
            self.position, self.velocity, self.acceleration = (list(part) for part in zip(*now, strict=True))
            if len(self._states) == 1 and all(path is None or path.is_over(self.now) for path in self._paths):
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
        if not any(self._paths):
            return  # at rest, or just about to leave it
        first, second, self.position = self._sent
        before = zip(first, second, self.position, strict=True)
        self.acceleration = [(a - 2 * b + c) / STEP_S**2 for a, b, c in before]
        last = zip(second, self.position, self.acceleration, strict=True)
        self.velocity = [(c - b) / STEP_S + a * STEP_S / 2 for b, c, a in last]
        self._paths = [None] * len(self._paths)
        if self.now >= self._due:
            self._on()
        else:
            self._lead(range(len(self._paths)))

    def _joint(self, joint: int) -> JointState:
        return self.position[joint], self.velocity[joint], self.acceleration[joint]

    def _ahead(self, periods: int) -> State:
        return self._states[min(periods, len(self._states) - 1)]

    def _on(self) -> None:
        """To the next state; to the last one again if the arm was thrown off, and has not come there."""
        while self.now >= self._due:
            self._due += self._period
            if len(self._states) > 1:
                self.period += 1
                del self._states[0]
        # Joints that are on their way to a later one stay on it.
        self._lead(k for k, path in enumerate(self._paths) if path is None or path.until <= self.period)

    def _lead(self, joints: Iterable[int]) -> None:
        for joint in joints:
            self._paths[joint] = self._path(joint)

    def _path(self, joint: int) -> JointPath | None:
        here, end = self._joint(joint), (self._states[-1][0][joint], 0.0, 0.0)
        if len(self._states) == 1 and here == end:
            return None
        first = max(self._due - self.now, 1)
        ahead = (
            (
                self.period + k,
                first + k * self._period,
                (position[joint], velocity[joint], acceleration[joint]),
            )
            for k in AHEAD
            if k < len(self._states)
            for position, velocity, acceleration in (self._states[k],)
        )
        return self._finder.path(here, self.now, ahead, end, self._most[joint])

    def _stand(self) -> None:
        """Paths are at their ends, which is the way's but for rounding, or is left again when the next state is due."""
        end = self._states[0][0]
        if _apart(self.position, end)[0] <= STILL:
            self.position = end
        self._paths = [None] * len(end)
        self.velocity = self.acceleration = [0.0] * len(end)


def _apart(first: list[float], second: list[float]) -> tuple[float, int]:
    """By how much the joint is elsewhere that is so most [rad], and which it is."""
    return max((abs(a - b), k) for k, (a, b) in enumerate(zip(first, second, strict=True)))
