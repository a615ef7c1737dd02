"""The floor policies: inside the limits, and the same in an episode whichever environments run beside it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.action import ActionChannel, ActionSpec
from policy.baselines import Hold, Random
from policy.contract import Observation, Policy

GRIPPER = ActionChannel("gripper", "1", "joint", "absolute", -1.0, 1.0)


def spec_with(lows, highs, sign="+1 opens"):
    arm = (
        ActionChannel(f"dq{i}", "rad", "joint", "previous_command", low, high)
        for i, (low, high) in enumerate(zip(lows, highs, strict=True))
    )
    return ActionSpec("tested", "franka", 20.0, (*arm, GRIPPER), sign)


SPEC = spec_with((-0.1, -0.2, -0.05), (0.1, 0.2, 0.05))


def observation(rows):
    n = len(rows)
    zeros = torch.zeros(n)
    return Observation(
        list(rows), zeros.long(), [""] * n, zeros, zeros, zeros, torch.zeros(n, 7)
    )  # nothing of it is read


def inside(actions, spec):
    low, high = torch.tensor(spec.low).float() - 1e-6, torch.tensor(spec.high).float() + 1e-6
    return bool(((actions >= low) & (actions <= high)).all())


@pytest.mark.parametrize("make", [Hold, Random])
def test_a_baseline_keeps_the_contract_of_a_policy(make):
    policy = make(4, SPEC)
    assert isinstance(policy, Policy)
    policy.reset([1, 3], [5, 6])
    decision = policy.act(observation([1, 3]))
    n, steps, channels = decision.actions.shape
    assert (n, channels, len(decision.grounding)) == (2, SPEC.dim, 2)
    assert 1 <= policy.execute_steps <= steps, "more steps are to be executed than the chunk holds"


@given(st.integers(0, 2**31), st.lists(st.floats(0.001, 3.0), min_size=1, max_size=7))
@settings(max_examples=50)
def test_random_stays_inside_the_limits_of_relative_channels(seed, reach):
    spec = spec_with([-r for r in reach], reach)
    policy = Random(1, spec)
    policy.reset([0], [seed])
    for _ in range(5):
        assert inside(policy.act(observation([0])).actions, spec)


@given(st.integers(0, 2**31), st.floats(-3, 3), st.floats(0.01, 3.0))
@settings(max_examples=50)
def test_random_stays_inside_limits_that_do_not_hold_zero(seed, low, span):
    spec = spec_with((low,), (low + span,))
    policy = Random(1, spec)
    policy.reset([0], [seed])
    actions = policy.act(observation([0])).actions
    assert inside(actions, spec), (
        f"{actions[0, :, 0].tolist()} is not inside the channel's [{low}, {low + span}]"
    )


def test_random_uses_its_range_and_both_states_of_the_hand():
    policy = Random(1, SPEC)
    policy.reset([0], [0])
    actions = torch.cat([policy.act(observation([0])).actions[0] for _ in range(200)])
    reach = actions[:, :-1].abs().amax(0) / torch.tensor(SPEC.high)[:-1]
    np.testing.assert_allclose(reach, Random.scale, rtol=0.02)
    assert set(actions[:, -1].tolist()) == {-1.0, 1.0}


@given(st.data())
@settings(max_examples=30)
def test_what_random_does_depends_on_the_seed_of_the_row_only(data):
    rows = data.draw(st.lists(st.integers(0, 7), min_size=1, max_size=8, unique=True))
    seeds = data.draw(st.lists(st.integers(0, 2**31), min_size=len(rows), max_size=len(rows)))
    together = Random(8, SPEC)
    together.reset(range(8), [99] * 8)  # something else ran before
    together.act(observation(range(8)))
    together.reset(rows, seeds)
    chunks = [together.act(observation(rows)).actions for _ in range(3)]
    for i, seed in enumerate(seeds):
        alone = Random(1, SPEC)
        alone.reset([0], [seed])
        for k, chunk in enumerate(chunks):
            assert torch.equal(alone.act(observation([0])).actions[0], chunk[i]), (
                f"decision {k} of seed {seed} differs between row {rows[i]} of a batch and a batch of one"
            )


def test_two_seeds_act_differently():
    policy = Random(2, SPEC)
    policy.reset([0, 1], [1, 2])
    a, b = policy.act(observation([0, 1])).actions
    assert not torch.equal(a, b)


@pytest.mark.parametrize(("sign", "opened"), [("+1 opens", 1.0), ("+1 closes", -1.0)])
def test_hold_moves_nothing_and_opens_the_hand(sign, opened):
    spec = spec_with((-0.1,), (0.1,), sign)
    actions = Hold(3, spec).act(observation([2, 0])).actions
    assert actions.shape == (2, 1, 2)
    assert (actions[..., 0] == 0).all()
    assert (actions[..., spec.index("gripper")] == opened).all()
