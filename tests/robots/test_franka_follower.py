"""Ways as positions for every millisecond: there in time, within the limits, to the end whatever comes."""

import numpy as np
import pytest

from robots.franka.follower import EASE, NEAR, Follower, State
from robots.franka.fr3 import FR3
from tests.robots.leading import HOME, PERIOD_MS, shares
from workbench.bridge.gate.trajectory import Plan, Planner, at_rest

SCALES = (0.1, 0.5, 1.0)
EASE_MS = round(EASE * PERIOD_MS)


def states_of(plan: Plan) -> list[State]:
    """One a period, to rest."""
    times = [0.01 * k for k in range(int(plan.duration / 0.01) + 2)]
    return [[list(part) for part in plan.numbers_at(time)] for time in times]


def plan_of(scale: float, seed: int, position: np.ndarray = HOME) -> Plan:
    target = HOME + np.random.default_rng(seed).uniform(-0.5, 0.5, 7)
    return Planner(FR3.limits, scale).to_rest(at_rest(position), target)


def begun(scale: float, plan: Plan, position: np.ndarray = HOME) -> Follower:
    follower = Follower(FR3.limits, PERIOD_MS / 1000, position)
    follower.set_scale(scale)
    assert follower.take(1, -1, 0, states_of(plan))
    return follower


@pytest.mark.parametrize("scale", SCALES)
def test_the_arm_is_at_each_state_in_time_within_the_limits_and_rests_at_the_end(scale: float) -> None:
    plan = plan_of(scale, 1)
    follower = begun(scale, plan)
    q = np.array([follower.step() for _ in range(EASE_MS + int(plan.duration * 1000) + 20)])
    wanted = np.array([state[0] for state in states_of(plan)])
    assert np.abs(q[EASE_MS - 1 + PERIOD_MS * np.arange(len(wanted))] - wanted).max() < 1e-6
    assert max(shares(q, scale)) < 1 + 1e-6
    assert follower.at_rest
    assert follower.position == wanted[-1].tolist()
    between = [plan.at((k + 1 - EASE_MS) / 1000).position for k in range(len(q))]
    assert np.abs(q[EASE_MS:] - between[EASE_MS:]).max() < 1e-4, "rad, on the way from state to state"


def test_a_way_that_leaves_where_the_arm_has_not_been_is_followed_from_there() -> None:
    first = plan_of(1.0, 1)
    follower = begun(1.0, first)
    for _ in range(100):
        follower.step()
    leaves = follower.free
    other = Planner(FR3.limits, 1.0).to_rest(first.at(0.01 * leaves), HOME)
    assert follower.take(2, 1, leaves, states_of(other))
    q = np.array([follower.step() for _ in range(int(other.duration * 1000) + 40)])
    assert follower.at_rest
    assert np.abs(q[-1] - HOME).max() < 1e-9
    assert max(shares(q, 1.0)) < 1 + 1e-6
    assert not follower.take(3, 1, follower.period + 5, states_of(first)[3:]), "of a way that was left"


@pytest.mark.parametrize("periods", [1, 8])
def test_a_way_that_leaves_where_the_arm_is_no_more_is_refused(periods: int) -> None:
    plan = plan_of(1.0, 2)
    follower, alone = begun(1.0, plan), begun(1.0, plan)
    for _ in range(137):
        follower.step(), alone.step()
    leaves = follower.period - periods
    brake = Planner(FR3.limits, 1.0).brake(plan.at(0.01 * leaves))
    assert not follower.take(2, 1, leaves, states_of(brake))
    assert follower.number == 1
    assert [follower.step() for _ in range(600)] == [alone.step() for _ in range(600)]
    assert follower.at_rest


def test_a_way_that_says_to_leave_where_the_other_one_is_not_is_refused() -> None:
    plan = plan_of(1.0, 2)
    follower = begun(1.0, plan)
    for _ in range(137):
        follower.step()
    elsewhere = plan.at(0.01 * (follower.period + 3))
    brake = Planner(FR3.limits, 1.0).brake(elsewhere)
    assert not follower.take(2, 1, follower.period + 2, states_of(brake))
    assert follower.take(2, 1, follower.period + 3, states_of(brake))


def test_where_a_way_may_leave_is_ahead_by_the_notice_that_ways_need() -> None:
    """At first by 0.4 of a period; where they come later than that, by more."""
    plan = plan_of(0.1, 3)
    follower = begun(0.1, plan)
    while follower.period < 5:
        follower.step()
    found = []
    for _ in range(PERIOD_MS):
        found.append(follower.free - follower.period)
        follower.step()
    assert found == [0] * 6 + [1] * 4
    for _ in range(20):
        assert not follower.take(2, 1, 0, states_of(plan))
    assert 2 <= follower.free - follower.period <= 3
    for _ in range(3000):
        follower.step()
    assert follower.free == follower.period == len(states_of(plan)) - 1, "at rest, no notice is needed"


def test_an_arm_at_rest_is_led_to_where_a_way_begins_if_that_is_near() -> None:
    plan = plan_of(0.5, 4)
    follower = begun(0.5, plan, HOME + 0.9 * NEAR)
    q = np.array([follower.step() for _ in range(3000)])
    assert max(shares(q, 0.5)) < 1 + 1e-6
    assert np.abs(q - HOME).max(1).min() < 1e-9, "it was at its beginning"
    assert np.abs(q[-1] - plan.end).max() < 1e-9
    far = Follower(FR3.limits, PERIOD_MS / 1000, HOME + 1.1 * NEAR * np.eye(7)[2])
    assert not far.take(1, -1, 0, states_of(plan))
    assert far.why_not(states_of(plan)[0]) == "joint 3 is 0.055 rad from where its way begins"
    assert far.why_not(states_of(plan)[9]) == "its way does not begin at rest"


def test_an_arm_that_moves_does_not_begin_anew() -> None:
    follower = begun(0.5, plan_of(0.5, 5))
    for _ in range(100):
        follower.step()
    here = at_rest(np.array(follower.position))
    assert not follower.take(2, -1, 40, states_of(Plan(here)))
    assert follower.why_not(states_of(Plan(here))[0]) == "the arm moves"


@pytest.mark.parametrize("scale", [0.1, 0.5])
def test_what_the_arm_missed_is_not_made_up_by_a_jump_and_the_way_ends_where_it_does(scale: float) -> None:
    """The arm went on with constant acceleration for 4 ms; the next position continues from there."""
    plan = plan_of(scale, 6)
    follower = begun(scale, plan)
    sent = [HOME] * 3
    for now in range(int(plan.duration * 1000) + 400):
        if now % 97 == 96:
            for _ in range(4):
                sent.append(3 * (sent[-1] - sent[-2]) + sent[-3])  # of constant acceleration
            follower.missed(4)
        sent.append(np.array(follower.step()))
    assert shares(np.array(sent), scale)[1] < 1.1
    assert follower.at_rest
    assert np.abs(sent[-1] - plan.end).max() < 1e-9
