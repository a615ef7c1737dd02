"""A driver that follows plans by itself: the gate goes to where it is, and back to the plan that it follows."""

import numpy as np
import pytest

from robots.driver import Followed
from tests.workbench.bridge.gate.conftest import HOME
from workbench.bridge.gate import Check, Mode, Verdict

ONE = np.eye(7)


def says(rig, way, period, answered=None):
    rig.gate.rejoin(Followed(way.number, period, answered or way.number), rig.now)


def late(setpoint):
    return [i.check for i in setpoint.interventions] == [Check.LATE]


@pytest.fixture
def moving(rig):
    """An arm that moves along a plan, 3 periods on."""
    rig.stream([HOME + 0.1 * k * ONE[0] for k in range(1, 5)])
    rig.send(HOME + 0.5 * ONE[0])
    rig.tick(3)
    return rig


def test_set_points_carry_their_way_to_rest_which_is_theirs_from_there_on(moving):
    first = moving.setpoints[-1]
    states = first.way.states(first.period)
    np.testing.assert_allclose(states[0], [first.position, first.velocity, first.acceleration])
    for state in states[1:]:
        setpoint = moving.tick()
        if setpoint.way is not first.way:
            break
        np.testing.assert_allclose(setpoint.position, state[0])
    assert np.abs(states[-1, 1:]).max() == 0, "at rest"
    assert len(states) > 10


def test_a_plan_leaves_the_one_before_at_a_state_of_it(moving):
    before = moving.setpoints[-1]
    moving.send(HOME + 0.6 * ONE[0])
    after = moving.tick()
    assert (after.way.after, after.way.leaves) == (before.way.number, before.period)
    assert after.period == before.period + 1
    np.testing.assert_allclose(after.way.states(after.way.leaves)[0, 0], before.position)


def test_a_plan_that_no_driver_was_told_of_is_none_that_others_leave(moving):
    """Two commands in one period: the first one's plan never went out."""
    before = moving.setpoints[-1]
    moving.send(HOME + 0.6 * ONE[0])
    moving.send(HOME + 0.55 * ONE[0])
    after = moving.tick()
    assert (after.way.after, after.way.leaves) == (before.way.number, before.period)


@pytest.mark.parametrize("ahead", [-3, 0, 5])
def test_the_gate_goes_to_the_period_where_the_driver_is(moving, ahead):
    last = moving.setpoints[-1]
    says(moving, last.way, last.period + ahead)
    wanted = last.way.states(last.way.leaves)[last.period + ahead + 1 - last.way.leaves]
    setpoint = moving.tick()
    assert setpoint.period == last.period + ahead + 1
    np.testing.assert_allclose(setpoint.position, wanted[0])
    moving.send(HOME + 0.6 * ONE[0])
    assert moving.tick().way.leaves == last.period + ahead + 1


def test_one_period_that_was_late_does_not_make_set_points_jump_and_stand_still(moving):
    """After it the gate stays one period ahead of what the driver asks for, for a second."""
    moving.gate.stop("it needs no more commands")
    way = moving.tick().way
    first = moving.setpoints[-1].period
    found = []
    for k in range(130):
        says(moving, way, first + k + (k == 2))
        found.append(moving.tick().period - first - k)
    assert found[:2] == [1, 1]
    assert found[2:103] == [2] * 101
    assert found[103:] == [1] * 27


def test_a_plan_that_came_too_late_is_forgotten_and_that_is_said_once(moving):
    old = moving.setpoints[-1]
    moving.send(HOME - 0.2 * ONE[0])
    refused = moving.tick()
    says(moving, old.way, old.period + 4, refused.way.number)
    setpoint = moving.tick()
    assert late(setpoint)
    assert "too late" in setpoint.interventions[0].sentence
    assert (setpoint.way, setpoint.period) == (old.way, old.period + 5)
    np.testing.assert_allclose(setpoint.position, old.way.states(old.period + 5)[0, 0])
    says(moving, old.way, old.period + 5, refused.way.number)
    assert not moving.tick().interventions
    assert moving.send(HOME + 0.55 * ONE[0]).verdict is Verdict.ACCEPTED
    assert moving.tick().way.after == old.way.number


def test_a_plan_that_the_driver_has_not_heard_of_yet_is_taken_for_followed(moving):
    old = moving.setpoints[-1]
    moving.send(HOME + 0.6 * ONE[0])
    told = moving.tick()
    says(moving, old.way, old.period - 1)
    setpoint = moving.tick()
    assert setpoint.way is told.way
    assert setpoint.period == old.period, "and the arm's time is the gate's"
    says(moving, told.way, old.period + 2)
    assert moving.tick().way is told.way


def test_a_stop_that_came_too_late_is_made_again(moving):
    old = moving.setpoints[-1]
    moving.gate.stop("the operator presses stop")
    brake = moving.tick()
    assert brake.way is not old.way
    says(moving, old.way, old.period + 3, brake.way.number)
    again = moving.tick()
    assert (again.way.after, again.way.leaves) == (old.way.number, old.period + 3)
    assert (again.mode, late(again)) == (Mode.STOPPED, True)
    assert moving.tick(40).at_rest


def test_where_the_arm_rests_is_where_the_driver_is_at_the_end(moving):
    """It stands still for a second, as an emulator's time may: the gate does not go ahead."""
    old = moving.setpoints[-1]
    moving.gate.stop("the operator presses stop")
    brake = moving.tick()
    for _ in range(100):
        says(moving, brake.way, old.period + 5)
        setpoint = moving.tick()
    assert not setpoint.at_rest
    says(moving, brake.way, old.period + len(brake.way.states(0)))
    assert moving.tick().at_rest


def test_a_reset_while_the_arm_moves_does_not_lose_its_plan(moving):
    old = moving.setpoints[-1]
    moving.gate.reset(old.position, moving.now)
    begins = moving.tick()
    assert begins.way.after is None
    says(moving, old.way, old.period + 2, begins.way.number)
    setpoint = moving.tick()
    assert late(setpoint)
    assert setpoint.way.leaves == old.period + 2, "and brakes there, since no command has come"
    assert setpoint.way.after == old.way.number


def test_an_older_gates_plan_is_nothing_until_the_driver_has_answered_this_one(moving):
    first = moving.setpoints[-1]
    moving.gate.rejoin(Followed(0, 7, 0), moving.now)
    assert moving.tick().period == first.period + 1
    moving.gate.rejoin(Followed(0, 7, first.way.number), moving.now)
    setpoint = moving.tick()
    assert setpoint.mode is Mode.LATCHED
    assert "a plan that the gate does not know" in moving.gate.reason


def test_plans_that_the_driver_has_gone_beyond_are_not_kept(rig):
    for k in range(1, 30):
        rig.send(HOME + 0.02 * k * ONE[0])
        setpoint = rig.tick(5)
        says(rig, setpoint.way, setpoint.period)
    assert len(rig.gate._progress._legs) <= 2
    for k in range(30, 200):
        rig.send(HOME + 0.4 * np.sin(k / 20) * ONE[0])
        rig.tick()
    assert len(rig.gate._progress._legs) <= 64
