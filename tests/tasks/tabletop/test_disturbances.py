"""When, where and how hard a scene is disturbed."""

import functools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from robots.registry import names, robot
from tasks.tabletop.action_spaces import CONTROL_DT
from tasks.tabletop.disturbances import ARM_PUSH_S, EARLIEST_S, LATEST_S, SPOTS, Disturbances
from tasks.tabletop.reference import hand_force_ratio, impulse_ratio

pytestmark = pytest.mark.usefixtures("one_thread")

LONG = math.ceil((LATEST_S + ARM_PUSH_S) / CONTROL_DT) + 5
"""Control steps after which everything that is to happen is over."""
ALL = {"object_push": 0.02, "arm_push": 10.0, "target_move": 0.03, "distractor_drop": 1}
P_LEAST = 1e-4

seeds = st.integers(0, 2**31 - 1)
quick = settings(max_examples=15, deadline=None)


def disturbances_of(seeds_, **values):
    """Episodes with these seeds, all disturbed alike."""
    n = len(seeds_)
    disturbances = Disturbances(n)
    for name, value in values.items():
        disturbances.set(name, range(n), [value] * n)
    disturbances.begin(range(n), seeds_)
    return disturbances


@functools.cache
def many_plans():
    """What was planned for 3000 episodes."""
    return disturbances_of(range(3000))._plans


def course(disturbances, steps=LONG):
    """Forces on object and hand ``[T, N, 3]``, and what begins, as ``(step, happening)``."""
    on_object, on_hand, happenings = [], [], []
    for step in range(steps):
        happenings += [(step, h) for h in disturbances.advance()]
        on_object.append(disturbances.object_force.clone())
        on_hand.append(disturbances.hand_force.clone())
    return torch.stack(on_object), torch.stack(on_hand), happenings


@given(seeds)
@quick
def test_nominally_nothing_happens(seed):
    disturbances = disturbances_of([seed, seed + 1])
    assert not disturbances.active
    on_object, on_hand, happenings = course(disturbances)
    assert not on_object.any()
    assert not on_hand.any()
    assert not happenings


# -- pushes


@given(seeds, st.floats(0.001, 0.5))
@quick
def test_a_push_on_the_object_is_force_times_time_in_one_horizontal_direction(seed, impulse):
    on_object, on_hand, _ = course(disturbances_of([seed], object_push=impulse))
    total = on_object[:, 0].sum(0) * CONTROL_DT
    assert float(total.norm()) == pytest.approx(impulse, rel=1e-5)
    assert not on_object[..., 2].any()
    assert not on_hand.any()


@given(seeds, st.floats(0.1, 60.0))
@quick
def test_a_push_on_the_hand_is_a_steady_force_for_its_time(seed, force):
    on_object, on_hand, _ = course(disturbances_of([seed], arm_push=force))
    pushed = on_hand[:, 0].norm(dim=1) > 0
    assert int(pushed.sum()) * CONTROL_DT == pytest.approx(ARM_PUSH_S)
    assert pushed.nonzero()[:, 0].diff().eq(1).all(), "with a break in it"
    during = on_hand[pushed, 0]
    assert torch.equal(during, during[:1].expand_as(during)), "it changes while it lasts"
    assert float(during[0].norm()) == pytest.approx(force, rel=1e-5)
    assert not on_hand[..., 2].any()
    assert not on_object.any()


# -- sudden changes


@given(seeds, st.floats(0.001, 0.2))
@quick
def test_the_object_is_displaced_once_by_the_distance(seed, distance):
    _, _, happenings = course(disturbances_of([seed], target_move=distance))
    assert [h.drop_at for _, h in happenings] == [()]
    assert math.hypot(*happenings[0][1].move_target) == pytest.approx(distance, rel=1e-6)


@given(seeds)
@quick
def test_something_falls_once_onto_one_of_many_places(seed):
    _, _, happenings = course(disturbances_of([seed], distractor_drop=1))
    assert [h.move_target for _, h in happenings] == [None]
    spots = np.array(happenings[0][1].drop_at)
    assert spots.shape == (SPOTS, 2)
    assert spots.min() >= 0
    assert spots.max() < 1


def test_places_to_fall_to_are_spread_evenly():
    spots = np.array([plan.spots for plan in many_plans()[:40]]).reshape(-1, 2)
    for axis in spots.T:
        assert stats.kstest(axis, "uniform").pvalue > P_LEAST


@given(seeds, st.integers(1, 40))
@quick
def test_a_displacement_that_is_put_off_comes_at_the_next_step(seed, times):
    """As often as it is put off; nothing else waits for it."""
    disturbances = disturbances_of([seed, seed], **ALL)
    at = {0: [], 1: []}
    falls = []
    for step in range(LONG + 50):
        for happening in disturbances.advance():
            if happening.move_target:
                at[happening.row].append(step)
                if happening.row == 0 and len(at[0]) <= times:
                    disturbances.postpone_move(0)
            if happening.drop_at:
                falls.append(step)
    assert at[0] == list(range(at[1][0], at[1][0] + times + 1))
    assert falls[0] == falls[1]
    assert len(falls) == 2


# -- when and which way


@given(seeds)
@quick
def test_everything_happens_once_within_its_time(seed):
    on_object, on_hand, happenings = course(disturbances_of([seed], **ALL))
    begins = {
        "object": on_object[:, 0].any(1).nonzero()[0, 0],
        "hand": on_hand[:, 0].any(1).nonzero()[0, 0],
        "moved": [step for step, h in happenings if h.move_target],
        "dropped": [step for step, h in happenings if h.drop_at],
    }
    assert len(begins["moved"]) == len(begins["dropped"]) == 1
    for what, step in begins.items():
        step = int(step[0] if isinstance(step, list) else step)
        assert EARLIEST_S <= step * CONTROL_DT <= LATEST_S, what
    assert int(on_object[:, 0].any(1).sum()) == 1, "the push on an object lasts a control step"


@pytest.mark.parametrize("kind", Disturbances.KINDS)
def test_times_and_directions_are_uniform(kind):
    plans = many_plans()
    angles = [math.atan2(*plan.direction[kind][::-1]) for plan in plans]
    assert stats.kstest(angles, stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > P_LEAST
    steps = [plan.step[kind] for plan in plans]
    first, last = round(EARLIEST_S / CONTROL_DT), round(LATEST_S / CONTROL_DT)
    counts = np.bincount(steps, minlength=last)[first:]
    assert len(counts) == last - first, f"from step {min(steps)} to {max(steps)}"
    assert stats.chisquare(counts).pvalue > P_LEAST


def test_kinds_of_disturbances_happen_independently_of_each_other():
    plans = many_plans()
    drawn = [[plan.step[kind] for plan in plans] for kind in Disturbances.KINDS]
    drawn += [[plan.direction[kind][0] for plan in plans] for kind in Disturbances.KINDS]
    assert np.abs(np.corrcoef(drawn) - np.eye(len(drawn))).max() < 4.5 / 3000**0.5


# -- rows and episodes


def test_active_says_whether_anything_is_to_happen_anywhere():
    for kind, value in ALL.items():
        disturbances = Disturbances(3)
        disturbances.set(kind, [1], [value])
        assert disturbances.active, kind
        disturbances.set(kind, [1], [0])
        assert not disturbances.active, kind


@given(seeds, st.integers(1, LONG))
@quick
def test_after_a_stop_nothing_happens_any_more(seed, when):
    disturbances = disturbances_of([seed, seed], **ALL)
    before = course(disturbances, when)
    disturbances.stop([0])
    on_object, on_hand, happenings = course(disturbances)
    assert not on_object[:, 0].any()
    assert not on_hand[:, 0].any()
    assert {h.row for _, h in happenings} <= {1}
    whole = course(disturbances_of([seed], **ALL), when + LONG)
    assert torch.equal(torch.cat((before[0], on_object))[:, 1], whole[0][:, 0]), "the other row goes on"
    assert torch.equal(torch.cat((before[1], on_hand))[:, 1], whole[1][:, 0])


@given(seeds, seeds, st.integers(1, LONG))
@quick
def test_the_next_episode_is_disturbed_as_if_it_were_the_first(before, seed, when):
    """Also when it begins while a push of the last one lasts, and stopped or not."""
    for stopped in (False, True):
        disturbances = disturbances_of([before], **ALL)
        course(disturbances, when)
        if stopped:
            disturbances.stop([0])
        disturbances.begin([0], [seed])
        assert not disturbances.object_force.any()
        assert not disturbances.hand_force.any()
        again, first = course(disturbances), course(disturbances_of([seed], **ALL))
        assert torch.equal(again[0], first[0])
        assert torch.equal(again[1], first[1])
        assert again[2] == first[2]


@given(seeds)
@quick
def test_rows_are_independent(seed):
    disturbances = Disturbances(3)
    for kind, value in ALL.items():
        disturbances.set(kind, [1], [value])
    disturbances.begin(range(3), [seed, seed + 1, seed + 2])
    on_object, on_hand, happenings = course(disturbances)
    alone = course(disturbances_of([seed + 1], **ALL))
    assert torch.equal(on_object[:, 1], alone[0][:, 0])
    assert torch.equal(on_hand[:, 1], alone[1][:, 0])
    assert not on_object[:, (0, 2)].any()
    assert not on_hand[:, (0, 2)].any()
    assert [(s, h.move_target, h.drop_at) for s, h in happenings] == [
        (s, h.move_target, h.drop_at) for s, h in alone[2]
    ]
    assert {h.row for _, h in happenings} == {1}


@given(seeds, st.floats(0.5, 2.0))
@quick
def test_how_hard_changes_neither_when_nor_which_way(seed, factor):
    gentle, hard = (course(disturbances_of([seed], **{k: v * f for k, v in ALL.items() if k != "distractor_drop"}))
                    for f in (1.0, factor))  # fmt: skip
    for a, b in zip(gentle[:2], hard[:2], strict=True):
        torch.testing.assert_close(a * factor, b, rtol=1e-5, atol=1e-6)
    assert [step for step, _ in gentle[2]] == [step for step, _ in hard[2]]


@pytest.mark.parametrize("name", names())
def test_pushes_are_as_strong_as_they_are_for_the_robot(name):
    model, strongest = robot(name), {"object_force": 0.0, "hand_force": 0.0}
    disturbances = Disturbances(1, model=model)
    for kind in ("object_push", "arm_push"):
        disturbances.set(kind, [0], [ALL[kind]])
    disturbances.begin([0], [3])
    for _ in range(LONG):
        disturbances.advance()
        for force in strongest:
            strongest[force] = max(strongest[force], float(getattr(disturbances, force).norm()))
    assert strongest["object_force"] == pytest.approx(
        impulse_ratio(model) * ALL["object_push"] / CONTROL_DT, rel=1e-6
    )
    assert strongest["hand_force"] == pytest.approx(hand_force_ratio(model) * ALL["arm_push"], rel=1e-6)
