"""`JointPath`: one joint on its way to a state, from whatever state it is in, within its limits (`ruckig`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ruckig

STEP_S = 0.001
"""Between two positions [s]."""
STILL = 1e-9
"""Velocity [rad/s] and acceleration [rad/s^2] that count as none: `ruckig` fails on targets of rounding errors."""
IN_TIME = 1 + 1e-6
"""By this factor a path may take longer than it should, for rounding."""

JointState = tuple[float, float, float]
"""Position [rad], velocity [rad/s] and acceleration [rad/s^2]."""


@dataclass(frozen=True)
class JointPath:
    """To a state of a way, or to the end of it."""

    trajectory: Any
    began: int
    """Step."""
    until: int
    """Period in which it is where the way is."""

    def at(self, step: int) -> JointState:
        """Beyond its end it goes on with its last acceleration: it seldom ends with a millisecond."""
        (position,), (velocity,), (acceleration,) = self.trajectory.at_time((step - self.began) * STEP_S)
        return position, velocity, acceleration

    def is_over(self, step: int) -> bool:
        """Whether it ends by then."""
        return bool((step - self.began) * STEP_S >= self.trajectory.duration - STILL)

    @property
    def steps(self) -> float:
        """How long it takes."""
        return float(self.trajectory.duration) / STEP_S


class PathFinder:
    """Finds paths of joints, one after the other."""

    def __init__(self) -> None:
        self._otg, self._task = ruckig.Ruckig(1), ruckig.InputParameter(1)

    def path(
        self,
        start: JointState,
        now: int,
        ahead: Iterable[tuple[int, int, JointState]],
        end: JointState,
        limits: JointState,
    ) -> JointPath:
        """The path that is soonest where the way is at the same time; where none is, the shortest to the way's end.

        Args:
            start: of the joint.
            now: step.
            ahead: of states of the way: period, steps from now, state.
            end: of the way, at rest.
            limits: of velocity, acceleration and jerk.

        RuntimeError where `ruckig` finds none at all.
        """
        for period, steps, state in ahead:
            trajectory = self._solved(start, state, limits, steps * STEP_S)
            if trajectory is not None and trajectory.duration <= steps * STEP_S * IN_TIME:
                return JointPath(trajectory, now, period)
        trajectory = self._solved(start, end, limits, None)
        if trajectory is None:
            raise RuntimeError(f"no path from {start} to {end} was found")
        return JointPath(trajectory, now, 0)

    def _solved(self, start: JointState, target: JointState, limits: JointState, least: float | None) -> Any:
        task, (velocity, acceleration, jerk) = self._task, limits
        task.current_position, task.current_velocity, task.current_acceleration = ([x] for x in start)
        task.target_position = [target[0]]
        task.target_velocity = [0.0 if abs(target[1]) <= STILL else target[1]]
        task.target_acceleration = [
            0.0 if abs(target[2]) <= STILL else min(max(target[2], -acceleration), acceleration)
        ]
        task.max_velocity, task.max_acceleration, task.max_jerk = [velocity], [acceleration], [jerk]
        task.minimum_duration = least
        found = ruckig.Trajectory(1)
        try:
            result = self._otg.calculate(task, found)
        except ruckig.RuckigError:
            return None
        return found if result in (ruckig.Result.Working, ruckig.Result.Finished) else None
