"""Plans keep to velocity, acceleration and jerk, and end at rest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robots.franka.fr3 import FR3
from robots.franka.spec import PANDA
from robots.so_arm.spec import SO_ARM
from workbench.bridge.gate.trajectory import Planner, State, at_rest

LIMITS = {"panda": PANDA.limits, "fr3": FR3.limits, "so_arm": SO_ARM.limits}
HOME = np.array(PANDA.home)
seeds = st.integers(0, 10**6)
quick = settings(max_examples=8, deadline=None)


def sampled(plan, dt=1e-3):
    times = np.arange(0, plan.duration + 5 * dt, dt)
    return np.stack([plan.at(t).position for t in times])


def shares(x, limits, scale, dt=1e-3):
    return [
        np.abs(np.diff(x, order, 0)).max(0) / dt**order / (np.array(of) * scale)
        for order, of in ((1, limits.velocity), (2, limits.acceleration), (3, limits.jerk))
    ]


def start_and_target(seed, limits, scale):
    """A state that can be had, by running a plan for a while, and somewhere to go."""
    rng = np.random.default_rng(seed)
    low, high = np.array(limits.position_low), np.array(limits.position_high)
    planner = Planner(limits, scale)
    first = planner.to_rest(at_rest(rng.uniform(low, high)), rng.uniform(low, high))
    return planner, first.at(rng.uniform(0, first.duration)), rng.uniform(low, high), rng


@given(seeds, st.sampled_from(sorted(LIMITS)), st.sampled_from([0.1, 0.37, 1.0]))
@quick
def test_every_plan_keeps_to_the_scaled_limits_and_ends_at_rest(seed, arm, scale):
    limits = LIMITS[arm]
    planner, start, target, rng = start_and_target(seed, limits, scale)
    velocity = rng.uniform(-1, 1, len(target)) * planner.velocity
    near = start.position + 0.05 * start.velocity + rng.normal(0, 1e-3, len(target))
    plans = [planner.brake(start), planner.to_rest(start, target)]
    if (through := planner.through(start, near, velocity, 0.2, target)) is not None:
        plans.append(through)
    for plan in plans:
        x = sampled(plan)
        assert max(share.max() for share in shares(x, limits, scale)) <= 1.0
        assert plan.at(plan.duration + 1).is_still
        assert x[-1] == pytest.approx(plan.end, abs=1e-9)


def test_the_shortest_way_to_rest_is_as_short_as_the_limits_allow():
    planner = Planner(PANDA.limits, 1.0)
    speed = np.array([1.0, 0, 0, 0, 0, 0, 0])
    plan = planner.brake(State(HOME, speed, np.zeros(7)))
    # Constant deceleration a after a ramp of jerk j: v / a + a / j, over v^2 / 2a + v a / 2j.
    a, j = 0.999 * 15.0, 0.999 * 7500.0
    assert plan.duration == pytest.approx(1 / a + a / j, rel=1e-6)
    assert plan.end[0] - HOME[0] == pytest.approx(1 / (2 * a) + a / (2 * j), rel=1e-6)


def test_a_stream_is_passed_through_in_time_with_its_velocity():
    planner, period = Planner(PANDA.limits, 1.0), 0.05
    v = np.full(7, 0.4)
    state = State(HOME, v, np.zeros(7))
    plan = planner.through(state, HOME + v * period, v, period, HOME + 1.5 * v * period)
    there = plan.at(period)
    assert there.position == pytest.approx(HOME + v * period, abs=1e-9)
    assert there.velocity == pytest.approx(v, abs=1e-9)
    assert plan.end == pytest.approx(HOME + 1.5 * v * period)


def test_what_cannot_be_passed_in_time_is_not_planned():
    planner = Planner(PANDA.limits, 0.1)
    still = at_rest(HOME)
    assert planner.through(still, HOME + 0.1, np.zeros(7), 0.05, HOME + 0.1) is None
    assert planner.through(still, HOME, np.full(7, 1.0), 0.05, HOME) is None


@pytest.mark.parametrize("left", [0.0, 1e-17, 1e-12, -1e-17])
def test_a_target_that_is_reached_already_is_no_trouble(left):
    plan = Planner(PANDA.limits, 1.0).to_rest(State(HOME, np.full(7, left), np.zeros(7)), HOME)
    assert plan.end == pytest.approx(HOME, abs=1e-12)


def test_limits_of_the_fr3_are_its_own_and_within_what_it_can():
    from robots.franka.fr3 import FASTEST, HIGHEST, LOWEST

    limits = FR3.limits
    assert limits != PANDA.limits
    assert (np.array(limits.position_low) >= LOWEST).all()
    assert (np.array(limits.position_high) <= HIGHEST).all()
    assert (np.array(limits.velocity) <= FASTEST).all()
