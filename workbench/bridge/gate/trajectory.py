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
LEAST_SHARE = 0.02
"""Of the greatest acceleration, which even the slowest motion may use."""
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
        position, velocity, acceleration = self.numbers_at(time)
        return State(np.array(position), np.array(velocity), np.array(acceleration))

    def numbers_at(self, time: float) -> tuple[list[float], list[float], list[float]]:
        """Position, velocity and acceleration at a time [s] as lists, which is quicker where many are looked at."""
        if time >= self.duration:
            end = self._end
            return end.position.tolist(), end.velocity.tolist(), end.acceleration.tolist()
        for part in self._parts[:-1]:
            if time < part.duration:
                return part.at_time(time)
            time -= part.duration
        return self._parts[-1].at_time(time)

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
        # `ruckig` takes lists much quicker than arrays.
        self._limits = [(USED * of).tolist() for of in (self.velocity, self.acceleration, self.jerk)]
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
        task.target_position = target.tolist()
        return Plan(start, (self._solved(task),))

    def through(
        self, start: State, way_point: np.ndarray, velocity: np.ndarray, period: float, target: np.ndarray
    ) -> Plan | None:
        """Over a way point after ``period`` [s] with a velocity ``[J]`` [rad/s], then to rest at a target.

        None when it cannot be there in time: by velocity, acceleration or jerk.
        """
        if (np.abs(velocity) > USED * self.velocity).any():
            return None
        gentle = self._gentle(start, way_point, velocity, period)
        for acceleration in (gentle, self._limits[1]):
            task = self._task(start)
            task.target_position, task.target_velocity = way_point.tolist(), velocity.tolist()
            task.minimum_duration, task.max_acceleration = period, acceleration
            try:
                first = self._solved(task)
            except PlanError:
                continue
            if first.duration <= period * (1 + 1e-6):
                rest = self._task(State(way_point, velocity, np.zeros(self._joints)))
                rest.target_position = target.tolist()
                return Plan(start, (first, self._solved(rest)))
        return None

    def _gentle(
        self, start: State, way_point: np.ndarray, velocity: np.ndarray, period: float
    ) -> list[float]:
        """Accelerations that are likely to do, below the limits ``[J]`` [rad/s^2].

        `ruckig` uses all of the acceleration that it may, however little is asked for: a slow stream of commands would
        shake the arm. Twice what a constant acceleration needs leaves room for its ramps.
        """
        distance = way_point - start.position
        needed = np.maximum(
            np.abs(velocity - start.velocity) / period,
            2 * np.abs(distance - start.velocity * period) / period**2,
        )
        gentle = np.maximum(2 * needed, LEAST_SHARE * self.acceleration)
        return np.minimum(np.maximum(gentle, np.abs(start.acceleration)), USED * self.acceleration).tolist()

    def _task(self, start: State) -> ruckig.InputParameter:
        task = ruckig.InputParameter(self._joints)
        task.current_position = start.position.tolist()
        task.current_velocity = [0.0 if abs(v) <= STILL else v for v in start.velocity.tolist()]
        task.current_acceleration = [0.0 if abs(a) <= STILL else a for a in start.acceleration.tolist()]
        task.max_velocity, task.max_acceleration, task.max_jerk = self._limits
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
