"""The gate's motion and the batched limiter's of simulation: the same limits, the same invariants, the same motion."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robots.franka.spec import PANDA
from robots.registry import robot
from tools.gate_audit import StreamAudit
from workbench.bridge.gate import (
    Bounds,
    Box,
    Command,
    Gate,
    GateCfg,
    MeasuredState,
    Setpoint,
    StepCaps,
    Verdict,
)

torch = pytest.importorskip("torch")  # which the robot's own computer lacks
MotionLimiter = pytest.importorskip("robots.motion_limiter").MotionLimiter

T, DT, STEPS = 0.05, 0.01, 5
HOME = np.array(PANDA.home)
MODEL = robot("franka")
FREE = Bounds(Box((-9.0,) * 3, (9.0,) * 3), table_height=None, collisions=False)


@cache
def free_gate():
    """A gate that holds limits of motion and little else."""
    caps = StepCaps(9.0, 9.0, 9.0)
    return Gate(GateCfg.of(MODEL, FREE, DT, T, scale=1.0, caps=caps, lead=2.0, position_margin=1e-3))


seeds = st.integers(0, 10**6)
few = settings(max_examples=4, deadline=None)


def by_the_gate(targets):
    """Setpoints ``[K * STEPS, 7]`` and what became of each target."""
    now, here, out, verdicts = 10.0, HOME, [], []
    gate = free_gate()
    gate.reset(HOME, now)
    for k, target in enumerate(targets):
        verdicts.append(gate.admit(Command(target, k, now, now), now).verdict)
        for _ in range(STEPS):
            now += DT
            out.append(gate.tick(MeasuredState(here, now), now))
            here = out[-1].position
    return np.stack([s.position for s in out]), verdicts


def by_the_limiter(targets):
    """The same of the limiter; its second half of interpolation comes a period later."""
    limiter = MotionLimiter(PANDA.limits, T, DT, 1)
    limiter.begin(torch.arange(1), torch.tensor(HOME, dtype=torch.float32))
    out, touched = [], []
    for target in targets:
        limiter.follow(torch.tensor(target, dtype=torch.float32)[None])
        out += [limiter.at((k + 1) / STEPS)[0].double().numpy() for k in range(STEPS)]
        touched.append(bool(limiter.touched[0]))
    return np.stack(out), touched


def audited(motion):
    """Shares of the limits, by an audit that knows neither."""
    audit = StreamAudit(PANDA.limits, 1.0, DT, MODEL.chain, FREE)
    audit.begin(HOME)
    for position in motion:
        audit.add(Setpoint(position, position * 0, position * 0, None, "moving", False, ()))
    audit.close()
    return audit


def course(seed, kind, steps=60):
    rng = np.random.default_rng(seed)
    low, high = np.array(PANDA.limits.position_low), np.array(PANDA.limits.position_high)
    if kind == "jumps":
        return np.repeat(rng.uniform(low, high, (steps // 15, 7)), 15, 0)
    if kind == "walk":
        return HOME + np.cumsum(rng.normal(0, 0.08, (steps, 7)), 0)
    if kind == "noise":
        return rng.uniform(low, high, (steps, 7))
    return HOME + np.arange(1, steps + 1)[:, None] * rng.uniform(-0.12, 0.12, 7)


@given(seeds, st.sampled_from(["jumps", "walk", "noise", "through"]))
@few
def test_both_keep_to_the_same_limits_whatever_is_asked_for(seed, kind):
    targets = course(seed, kind)
    for motion in (by_the_gate(targets)[0], by_the_limiter(targets)[0]):
        audit = audited(motion)
        # The limiter computes in single precision: a position at its limit is there to 1e-6 of it.
        assert [name for name, share in audit.worst.items() if share > 1 + 1e-6] == []


@given(seeds)
@few
def test_both_follow_what_the_limits_allow_and_come_to_the_same_places(seed):
    """A slow motion of any shape: the gate passes, at the end of each period, the middle of the last two targets; the
    limiter interpolates before, and passes the middle between the last two of these middles."""
    rng = np.random.default_rng(seed)
    times = np.arange(1, 41) * T
    shape = np.sin(np.outer(times, rng.uniform(0.5, 2, 7))) * np.minimum(times, 1)[:, None]
    targets = HOME + 0.1 * rng.uniform(-1, 1, 7) * shape
    gate, verdicts = by_the_gate(targets)
    limiter, touched = by_the_limiter(targets)
    assert set(verdicts) == {Verdict.ACCEPTED}
    assert not any(touched)
    ends = slice(STEPS - 1, None, STEPS)
    before = np.vstack((HOME, targets[:-1]))
    middles = (before + targets) / 2
    assert gate[ends] == pytest.approx(middles, abs=1e-6)
    assert limiter[ends] == pytest.approx((np.vstack((HOME, middles[:-1])) + middles) / 2, abs=2e-6)


@pytest.mark.parametrize("size", [0.05, 0.5, 2.0])
def test_both_rest_at_a_place_that_is_asked_for_once(size):
    target = HOME + size * np.array([1, 0.3, 0, 0.2, -1, 0.5, 1.0])
    targets = np.repeat(target[None], 60, 0)
    for motion in (by_the_gate(targets)[0], by_the_limiter(targets)[0]):
        assert motion[-1] == pytest.approx(target, abs=2e-6)


def test_the_gate_is_never_later_than_the_limiter_at_a_far_place():
    """Its plans are time-optimal; the limiter decides once a period, and does not foresee."""
    target = HOME + 1.2 * np.array([1, 0, 0, 0, 0, 0, 0.0])
    targets = np.repeat(target[None], 60, 0)

    def arrives(motion):
        return int((np.abs(motion - target).max(1) < 1e-3).argmax())

    assert arrives(by_the_gate(targets)[0]) <= arrives(by_the_limiter(targets)[0])
