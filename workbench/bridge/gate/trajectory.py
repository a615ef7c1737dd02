"""`Plan`: a motion from one state to rest within limits of velocity, acceleration and jerk, made by `ruckig`.

Time-optimal, with all joints arriving together. The free version of `ruckig` does not hold limits of position, and the
extrema of position that it tells are wrong for about half of all plans: `workbench.bridge.gate.space` looks at whole
paths instead. A joint that could not stop before a limit is therefore one whose plan is refused, while the plan before
it, which comes to rest inside, is carried on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import ruckig

from robots.spec import JointLimits

USED = 0.999
"""Share of scaled limits that plans use: differences of rounded positions may exceed the rest."""
STILL = 1e-9
"""Velocity [rad/s] and acceleration [rad/s^2] that count as none: `ruckig` fails on a target that is already reached
with a velocity of rounding errors."""


class PlanError(RuntimeError):
    """`ruckig` found no motion; the message says what it said."""


@dataclass(frozen=True, eq=False)
class State:
    """A commanded state of the joints ``[J]``."""

    position: np.ndarray
    """[rad]"""
    velocity: np.ndarray
    """[rad/s]"""
    acceleration: np.ndarray
    """[rad/s^2]"""

    @property
    def is_still(self) -> bool:
        """Whether nothing moves."""
        return bool(np.abs(self.velocity).max() <= STILL and np.abs(self.acceleration).max() <= STILL)


def at_rest(position: np.ndarray) -> State:
    """A state in which nothing moves, at joint positions ``[J]`` [rad]."""
    position = np.array(position, np.float64)
    return State(position, np.zeros_like(position), np.zeros_like(position))


class Plan:
    """One or two trajectories, one after the other, the last of which ends at rest."""

    def __init__(self, start: State, trajectories: tuple[ruckig.Trajectory, ...] = ()) -> None:
        self._start, self._parts = start, trajectories
        self.duration = sum(part.duration for part in trajectories)
        """[s]"""
        self._end = at_rest(trajectories[-1].at_time(trajectories[-1].duration)[0]) if trajectories else start

    def at(self, time: float) -> State:
        """The state at a time from its start [s]; after its end, rest."""
        if time >= self.duration:
            return self._end
        for part in self._parts[:-1]:
            if time < part.duration:
                break
            time -= part.duration
        else:
            part = self._parts[-1]
        position, velocity, acceleration = part.at_time(time)
        return State(np.array(position), np.array(velocity), np.array(acceleration))

    @property
    def end(self) -> np.ndarray:
        """Where it comes to rest ``[J]`` [rad]."""
        return self._end.position


class Planner:
    """Plans of one arm."""

    def __init__(self, limits: JointLimits, scale: float) -> None:
        """
        Args:
            limits: of the joints, in full.
            scale: share of the limits of velocity, acceleration and jerk.
        """
        self.scale = scale
        self.velocity = np.array(limits.velocity) * scale
        """``[J]`` [rad/s]"""
        self.acceleration = np.array(limits.acceleration) * scale
        """``[J]`` [rad/s^2]"""
        self.jerk = np.array(limits.jerk) * scale
        """``[J]`` [rad/s^3]"""
        self._joints = len(self.velocity)
        self._otg = ruckig.Ruckig(self._joints)

    def brake(self, start: State) -> Plan:
        """The shortest way to rest, each joint for itself."""
        task = self._task(start)
        task.control_interface = ruckig.ControlInterface.Velocity
        task.synchronization = ruckig.Synchronization.No
        return Plan(start, (self._solved(task),))

    def to_rest(self, start: State, target: np.ndarray) -> Plan:
        """The quickest way to rest at joint positions ``[J]`` [rad]."""
        task = self._task(start)
        task.target_position = target
        return Plan(start, (self._solved(task),))

    def through(
        self, start: State, way_point: np.ndarray, velocity: np.ndarray, period: float, target: np.ndarray
    ) -> Plan | None:
        """Over a way point after ``period`` [s] with a velocity ``[J]`` [rad/s], then to rest at a target.

        None when it cannot be there in time: by velocity, acceleration or jerk.
        """
        if (np.abs(velocity) > USED * self.velocity).any():
            return None
        task = self._task(start)
        task.target_position, task.target_velocity = way_point, velocity
        task.minimum_duration = period
        try:
            first = self._solved(task)
        except PlanError:
            return None
        if first.duration > period * (1 + 1e-6):
            return None
        second = self._task(State(way_point, velocity, np.zeros(self._joints)))
        second.target_position = target
        return Plan(start, (first, self._solved(second)))

    def _task(self, start: State) -> ruckig.InputParameter:
        task = ruckig.InputParameter(self._joints)
        task.current_position = start.position
        task.current_velocity = np.where(np.abs(start.velocity) <= STILL, 0.0, start.velocity)
        task.current_acceleration = np.where(np.abs(start.acceleration) <= STILL, 0.0, start.acceleration)
        task.max_velocity = USED * self.velocity
        task.max_acceleration = USED * self.acceleration
        task.max_jerk = USED * self.jerk
        return task

    def _solved(self, task: ruckig.InputParameter) -> ruckig.Trajectory:
        trajectory = ruckig.Trajectory(self._joints)
        try:
            result = self._otg.calculate(task, trajectory)
        except RuntimeError as failure:
            raise PlanError(" ".join(str(failure).split())) from failure
        if result not in (ruckig.Result.Working, ruckig.Result.Finished):
            raise PlanError(str(result))
        return trajectory
