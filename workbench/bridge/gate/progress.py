"""`Progress`: which plan the arm is on, and how far.

Time is counted in control periods through all plans. A plan *leaves* the one before at a period, with its state there.
So all plans together are one chain of states, a period apart, and a new plan takes the place of what would have come
after the period at which it leaves.

A driver that follows plans by itself (`robots.driver.Way`) may be farther than the gate was when it made a plan. It
refuses that plan then, goes on along the one before, and says so: the gate goes back to that one, and to the period
where the arm is led. Plans are kept until the driver has gone beyond them; where it says nothing, the arm is where the
gate counts it to be.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from robots.driver import Followed, Way
from workbench.bridge.gate.trajectory import Plan, State, at_rest

PATIENCE = 100
"""Periods for which the gate may count on by itself, if that is one period more than a driver asks for: where periods
are late now and then, setpoints would otherwise jump ahead and stand still."""
MOST = 64
"""Plans that are kept where a driver says nothing, or is behind."""
_numbers = itertools.count(1)
"""Of all plans of all gates of this process, so that a driver never takes one for another."""


class Rejoined(Enum):
    """What a driver's word says of the newest plan."""

    FOLLOWED = auto()
    """It is followed, or not heard of yet."""
    REFUSED = auto()
    """It came too late: an older one is followed, which is the newest from now on."""
    UNKNOWN = auto()
    """It was refused, and what is followed is none of the plans that are kept."""


@dataclass(frozen=True, eq=False)
class _Leg:
    """A plan in the chain."""

    plan: Plan
    way: Way


class Progress:
    """Of one arm along its plans."""

    def __init__(self, dt: float) -> None:
        """``dt``: a control period [s]."""
        self._dt = dt
        self._legs: dict[int, _Leg] = {}
        self._newest: _Leg | None = None
        self._ahead = 0
        """Periods for which it has been one more than a driver asked for."""
        self._told = True
        """Whether a setpoint of the newest plan was given out."""
        self.period = 0
        """Of `state`."""
        self.state = at_rest(np.zeros(1))
        """Where the next plan begins."""

    def begin(self, position: np.ndarray) -> None:
        """The arm rests at joint positions ``[J]`` [rad], whatever it was told before."""
        self._add(Plan(at_rest(position)), None)

    def follow(self, plan: Plan) -> None:
        """Go on along a plan that begins with `state`."""
        assert self._newest is not None
        self._add(plan, self._newest.way.number if self._told else self._newest.way.after)

    def advance(self) -> None:
        """A control period on, for a setpoint."""
        self.period += 1
        self._told = True
        self.state = self._state_at(self.period)

    def rejoin(self, followed: Followed) -> Rejoined:
        """Go to where a driver says that a plan may leave; to be called before plans are made."""
        assert self._newest is not None
        refused = followed.number != self._newest.way.number and followed.answered >= self._newest.way.number
        if followed.number not in self._legs:
            return Rejoined.UNKNOWN if refused else Rejoined.FOLLOWED
        if not self._told:
            return Rejoined.FOLLOWED
        if refused:
            self._newest = self._legs[followed.number]
        is_ahead = self.period == followed.period + 1 and not refused and self._ahead < PATIENCE
        self._ahead = self._ahead + 1 if is_ahead else 0
        self.period = followed.period + is_ahead
        self.state = self._state_at(self.period)
        past = self._leg_at(followed.period, self._legs[followed.number]).way.number
        self._legs = {number: leg for number, leg in self._legs.items() if number >= past}
        return Rejoined.REFUSED if refused else Rejoined.FOLLOWED

    @property
    def begun(self) -> bool:
        """Whether there is a plan."""
        return self._newest is not None

    @property
    def way(self) -> Way:
        """The newest plan, for a driver."""
        assert self._newest is not None
        return self._newest.way

    @property
    def end(self) -> np.ndarray:
        """Where the newest plan rests ``[J]`` [rad]."""
        assert self._newest is not None
        return self._newest.plan.end

    @property
    def left(self) -> float:
        """Time until the newest plan rests [s]; 0 or less: it does."""
        if self._newest is None:
            return 0.0
        return self._newest.plan.duration - (self.period - self._newest.way.leaves) * self._dt

    def _add(self, plan: Plan, after: int | None) -> None:
        if self._newest is not None and not self._told:
            del self._legs[self._newest.way.number]  # nobody heard of it
        number, leaves = next(_numbers), self.period

        def states(first: int) -> np.ndarray:
            last = leaves + math.ceil(plan.duration / self._dt)
            times = [(period - leaves) * self._dt for period in range(max(first, leaves), last + 1)]
            return np.array([plan.numbers_at(time) for time in (*times, math.inf)])

        self._newest = self._legs[number] = _Leg(plan, Way(number, after, leaves, states))
        self._told = False
        self.state = self._state_at(leaves)
        while len(self._legs) > MOST:
            del self._legs[min(self._legs)]

    def _state_at(self, period: int) -> State:
        assert self._newest is not None
        leg = self._leg_at(period, self._newest)
        return leg.plan.at(max(period - leg.way.leaves, 0) * self._dt)

    def _leg_at(self, period: int, leg: _Leg) -> _Leg:
        """That which holds a period in the chain that ends with one."""
        while period < leg.way.leaves and leg.way.after in self._legs:
            leg = self._legs[leg.way.after]
        return leg
