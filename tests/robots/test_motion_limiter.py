"""Commanded motion within a robot's limits, whatever is asked for."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robots.franka import PANDA
from robots.motion_limiter import MotionLimiter

T, DT = 0.05, 0.01
STEPS = round(T / DT)
LOW, HIGH = np.array(PANDA.limits.position_low), np.array(PANDA.limits.position_high)
HOME = torch.tensor(PANDA.home)

quick = settings(max_examples=30, deadline=None)


def limiter(n=1, start=HOME):
    found = MotionLimiter(PANDA.limits, T, DT, n)
    found.begin(torch.arange(n), start.expand(n, 7))
    return found


def drive(wanted, found=None):
    """What the drives are told ``[3 + K * STEPS, N, 7]`` when ``wanted`` ``[K, N, 7]`` is asked for, after rest."""
    found = found or limiter(wanted.shape[1])
    out = [found.at(1.0)] * 3
    touched = []
    for step in wanted:
        found.follow(step)
        touched.append(found.touched)
        out += [found.at((k + 1) / STEPS) for k in range(STEPS)]
    return torch.stack(out), torch.stack(touched)


def shares_of_limits(motion):
    """Greatest velocity, acceleration and jerk over their limits, from differences at the physics rate."""
    x = motion.double().numpy()
    limits = (PANDA.limits.velocity, PANDA.limits.acceleration, PANDA.limits.jerk)
    return [
        float(np.abs(np.diff(x, order, 0) / DT**order / limit).max())
        for order, limit in zip((1, 2, 3), limits, strict=True)
    ]


def assert_within_limits(motion):
    assert max(shares_of_limits(motion)) <= 1.0, (
        f"shares of velocity, acceleration, jerk: {shares_of_limits(motion)}"
    )
    assert (motion.numpy() >= LOW - 1e-6).all()
    assert (motion.numpy() <= HIGH + 1e-6).all()


def course(seed, kind, steps=120, n=4):
    """Something to ask for: jumps, noise, a walk, or straight through the limits."""
    rng = np.random.default_rng(seed)
    size = (steps, n, 7)
    if kind == "jumps":
        places = rng.uniform(LOW - 1, HIGH + 1, (steps // 15 + 1, n, 7))
        values = places[np.arange(steps) // 15]
    elif kind == "noise":
        values = rng.uniform(LOW, HIGH, size)
    elif kind == "walk":
        values = HOME.numpy() + np.cumsum(rng.normal(0, 0.1, size), 0)
    else:
        values = HOME.numpy() + np.cumsum(np.broadcast_to(rng.uniform(-0.15, 0.15, (n, 7)), size), 0)
    return torch.tensor(values, dtype=torch.float32)


@given(st.integers(0, 10**6), st.sampled_from(["jumps", "noise", "walk", "through"]))
@quick
def test_no_limit_is_exceeded_whatever_is_asked_for(seed, kind):
    motion, _ = drive(course(seed, kind))
    assert_within_limits(motion)


@pytest.mark.parametrize("kind", ["jumps", "through"])
def test_the_limits_are_used(kind):
    motion, touched = drive(course(1, kind))
    velocity, acceleration, _ = shares_of_limits(motion)
    assert velocity > 0.95
    assert acceleration > 0.95
    assert touched.any()


def smooth(seed, steps=100):
    """A course whose second differences stay within what a control step can change, at moderate speed."""
    rng = np.random.default_rng(seed)
    phase, rate = rng.uniform(0, 6, 7), rng.uniform(0.5, 2.0, 7)
    reach = np.minimum(0.9 * np.array(PANDA.limits.acceleration) / rate**2, 0.3)
    reach = np.minimum(reach, 0.9 * np.minimum(HOME.numpy() - LOW, HIGH - HOME.numpy()) / 2)
    time = np.arange(steps)[:, None] * T
    ramp = np.clip(time / 1.0, 0, 1)
    ramp = ramp**3 * (10 - 15 * ramp + 6 * ramp**2)
    values = HOME.numpy() + ramp * reach * (np.sin(rate * time + phase) - np.sin(phase)) * 0.3
    return torch.tensor(values[:, None], dtype=torch.float32)


@given(st.integers(0, 10**6))
@quick
def test_what_obeys_the_limits_is_followed_exactly(seed):
    """At the end of each step the drives are where they were asked to be a step ago, as a cubic B-spline has it."""
    wanted = smooth(seed)
    motion, touched = drive(wanted)
    assert not touched.any()
    ends = motion[3 + STEPS - 1 :: STEPS]
    rest = HOME[None, None]
    last, older = torch.cat((rest, wanted[:-1])), torch.cat((rest, rest, wanted[:-2]))
    torch.testing.assert_close(ends, (older + 2 * last + wanted) / 4, atol=1e-5, rtol=0)


def test_a_command_that_is_lost_changes_the_velocity_by_half_of_it():
    """At 1.7 times what a step's acceleration reaches, no single loss, delay or repetition is beyond the limits."""
    reach = np.array(PANDA.limits.acceleration) * T
    for fault in ([0.0], [0.0, 2.0], [2.0]):
        steps = np.minimum(np.arange(12), 2)[:, None] * 0.85 * reach * T
        steps[6 : 6 + len(fault)] *= np.array(fault)[:, None]
        motion, touched = drive(torch.tensor(HOME.numpy() + np.cumsum(steps, 0)[:, None]).float())
        assert_within_limits(motion)
        assert not touched.any(), f"touched by {fault}"


@given(st.integers(0, 10**6))
@quick
def test_a_place_within_the_limits_is_reached_and_hardly_overshot(seed):
    """By what one control step's greatest change of velocity covers, at most."""
    rng = np.random.default_rng(seed)
    goal = torch.tensor(rng.uniform(LOW + 0.01, HIGH - 0.01, (1, 1, 7)), dtype=torch.float32)
    motion, touched = drive(goal.expand(140, 1, 7))
    torch.testing.assert_close(motion[-1], goal[0], atol=1e-4, rtol=0)
    beyond = (motion - goal[0]) * torch.sign(goal[0] - HOME)
    assert (beyond.amax((0, 1)).numpy() <= np.array(PANDA.limits.acceleration) * T**2).all()
    assert not touched[-1].any()


def test_rest_stays_rest():
    motion, touched = drive(HOME.expand(20, 3, 7))
    assert torch.equal(motion, HOME.expand_as(motion))
    assert not touched.any()


def test_rows_are_independent_to_the_bit():
    wanted = course(5, "jumps", n=7)
    together, _ = drive(wanted)
    for row in (0, 3, 6):
        alone, _ = drive(wanted[:, row : row + 1])
        assert torch.equal(alone[:, 0], together[:, row])


def test_an_arm_may_begin_anew_while_others_move():
    found = limiter(2)
    drive(course(2, "walk", n=2), found)
    found.begin(torch.tensor([1]), HOME[None])
    assert torch.equal(found.at(0.5)[1], HOME)
    assert not torch.equal(found.at(0.5)[0], HOME)


def test_a_jerk_limit_that_needs_shorter_steps_is_refused():
    with pytest.raises(ValueError, match="joint 1 may change its acceleration by 10 rad/s"):
        MotionLimiter(replace(PANDA.limits, jerk=(1000.0,) * 7), T, DT, 1)
