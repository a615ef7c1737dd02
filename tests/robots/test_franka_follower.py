"""Set points as positions for every millisecond: there in time, within the limits, and at rest when none come."""

import numpy as np
import pytest

from robots.franka.follower import Follower
from robots.franka.fr3 import FR3
from workbench.bridge.gate.trajectory import Planner, State, at_rest

PERIOD_MS = 10
SCALES = (0.1, 0.5, 1.0)


def motion(scale: float, count: int, seed: int) -> list[State]:
    """Set points as the gate makes them: toward targets that change, and home at the end."""
    planner, draw = Planner(FR3.limits, scale), np.random.default_rng(seed)
    home = np.array(FR3.home)
    state, target, states = at_rest(home), home, []
    for k in range(count):
        if k % 50 == 0:
            target = home + draw.uniform(-0.5, 0.5, 7) if k < count - 300 else home
        if k % 5 == 0:
            plan, since = planner.to_rest(state, target), k
        state = plan.at((k + 1 - since) * PERIOD_MS / 1000)
        states.append(state)
    return states


def followed(
    states: list[State], arrivals: np.ndarray, scale: float, more: int = 400
) -> tuple[np.ndarray, Follower]:
    """Positions of all milliseconds ``[n, 7]`` [rad] while set points come at these [ms]."""
    follower = Follower(FR3.limits, PERIOD_MS / 1000, np.array(FR3.home))
    follower.set_scale(scale)
    found, coming = [], 0
    for now in range(arrivals[-1] + more):
        while coming < len(states) and arrivals[coming] <= now:
            state = states[coming]
            follower.add(state.position.tolist(), state.velocity.tolist(), state.acceleration.tolist())
            coming += 1
        found.append(follower.step())
    return np.array(found), follower


def ticks(count: int, lateness: float, seed: int) -> np.ndarray:
    """When set points come [ms] from a loop that is late by this on average, and leaves out what it slept over."""
    draw, due, found = np.random.default_rng(seed), 100, [0]
    for _ in range(count):
        found.append(max(due + (int(draw.exponential(lateness)) if lateness else 0), found[-1] + 1))
        due += PERIOD_MS * max(1, 1 + (found[-1] - due) // PERIOD_MS)
    return np.array(found[1:])


def shares(positions: np.ndarray, scale: float) -> list[float]:
    """Greatest shares of scaled velocity, acceleration and jerk."""
    limits = (FR3.limits.velocity, FR3.limits.acceleration, FR3.limits.jerk)
    return [
        float((np.abs(np.diff(positions, order, axis=0)) * 1000**order / (scale * np.array(limit))).max())
        for order, limit in enumerate(limits, 1)
    ]


@pytest.mark.parametrize("scale", SCALES)
def test_the_arm_is_where_a_set_point_says_one_and_a_half_periods_after_it_came(scale: float) -> None:
    states, arrivals = motion(scale, 600, 1), ticks(600, 0.0, 1)
    positions, follower = followed(states, arrivals, scale)
    there = positions[arrivals + round(1.5 * PERIOD_MS) - 1]
    assert np.abs(there - [state.position for state in states]).max() < 1e-6
    assert follower.starved <= 1, "at its end alone, where a velocity of rounding errors may be left"


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("lateness", [0.0, 1.5, 6.0])
def test_whatever_comes_late_the_scaled_limits_are_kept(scale: float, lateness: float) -> None:
    positions, follower = followed(motion(scale, 600, 2), ticks(600, lateness, 2), scale)
    assert max(shares(positions, scale)) < 1 + 1e-6
    assert follower.at_rest
    assert np.abs(positions[-1] - FR3.home).max() < 1e-4


def test_late_set_points_make_the_arm_later_by_milliseconds_and_not_for_good() -> None:
    """In a frame that stands, an arm that is ahead by a micrometre turns back, and is late by a third of a second."""
    states, arrivals = motion(0.5, 800, 1), ticks(800, 1.5, 1)
    positions, _ = followed(states, arrivals, 0.5)
    wanted = np.array([state.position for state in states])
    errors = [np.sqrt(((positions[arrivals + late] - wanted) ** 2).mean()) for late in range(60)]
    assert int(np.argmin(errors)) <= 2 * PERIOD_MS
    assert min(errors) < 5e-3, "rad, where set points themselves come some milliseconds earlier and later"


def test_when_no_more_set_points_come_the_arm_brakes_within_its_limits() -> None:
    states = motion(1.0, 600, 3)
    fastest = int(np.argmax([np.abs(state.velocity).max() for state in states]))
    arrivals = ticks(fastest + 1, 0.0, 3)
    positions, follower = followed(states[: fastest + 1], arrivals, 1.0, more=500)
    assert follower.at_rest
    assert follower.starved == 1
    assert max(shares(positions, 1.0)) < 1 + 1e-6
    still = np.abs(np.diff(positions, axis=0)).max(1) * 1000 < 1e-3
    assert still[arrivals[-1] + 350 :].all(), "0.3 s at most for an FR3 at full speed, after it was there"


def test_what_the_arm_missed_is_not_made_up_by_a_jump() -> None:
    """The arm went on with constant acceleration for 4 ms; the next position continues from there."""
    states = motion(0.5, 400, 4)
    follower = Follower(FR3.limits, PERIOD_MS / 1000, np.array(FR3.home))
    follower.set_scale(0.5)
    sent = [np.array(FR3.home)] * 3
    for now in range(3000):
        if now % PERIOD_MS == 0:
            state = states[now // PERIOD_MS]
            follower.add(state.position.tolist(), state.velocity.tolist(), state.acceleration.tolist())
        if now % 97 == 0 and now:
            for _ in range(4):
                sent.append(3 * (sent[-1] - sent[-2]) + sent[-3])  # of constant acceleration
            follower.missed(4)
        sent.append(np.array(follower.step()))
    assert shares(np.array(sent), 0.5)[1] < 1.1


def test_braking_forgets_what_was_to_come() -> None:
    states = motion(0.5, 400, 5)
    follower = Follower(FR3.limits, PERIOD_MS / 1000, np.array(FR3.home))
    follower.set_scale(0.5)
    for now in range(500):
        if now % PERIOD_MS == 0:
            state = states[now // PERIOD_MS]
            follower.add(state.position.tolist(), state.velocity.tolist(), state.acceleration.tolist())
        follower.step()
    assert not follower.at_rest
    follower.brake()
    for _ in range(400):
        follower.step()
    assert follower.at_rest
