"""Which action of which chunk is carried out when."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.execution import (
    ADAPTIVE,
    BLENDED,
    MODES,
    OPEN_LOOP,
    REAL_TIME,
    RECEDING,
    REMEMBERED_DELAYS,
    TEMPORAL,
    ChunkExecutor,
    ExecutionCfg,
)
from robots.action_spaces import DELTA_EEF
from robots.registry import robot

SPEC = robot().action_spaces(20.0)[DELTA_EEF]
CHUNK = 12


def run(cfg, steps, delay=0, chunk=CHUNK, rows=1, answer=None, spec=None, idle=(0.0, 0.0)):
    """Actions ``[steps, N, A]``, rows that stood still ``[steps, N]`` and steps at which each row was asked.

    By default an action says at which step its chunk was asked for, and for which step it is meant.
    """
    executor = ChunkExecutor(cfg, rows, spec, np.array(idle))
    actions, waits, asked = [], [], [[] for _ in range(rows)]
    for now in range(steps):
        due = np.flatnonzero(executor.due())
        if len(due):
            for row in due:
                asked[row].append(now)
            chunks = np.stack([np.full(chunk, float(now)), now + np.arange(float(chunk))], 1)
            chunks = np.tile(chunks, (len(due), 1, 1)) if answer is None else answer(now, due)
            delays = np.array([delay(now, row) if callable(delay) else delay for row in due])
            executor.receive(due.tolist(), chunks, delays)
        action, waiting = executor.next()
        actions.append(action)
        waits.append(waiting)
    return np.stack(actions), np.stack(waits), asked


def test_without_delay_an_open_loop_asks_every_horizon_steps_and_never_waits():
    actions, waits, asked = run(ExecutionCfg(OPEN_LOOP, 4), 20)
    assert asked == [[0, 4, 8, 12, 16]]
    assert actions[:, 0, 0].tolist() == [4.0 * (step // 4) for step in range(20)]
    assert actions[:, 0, 1].tolist() == list(range(20))
    assert not waits.any()


def test_an_open_loop_stands_still_while_the_policy_thinks_and_then_begins_with_the_first_action():
    actions, waits, asked = run(ExecutionCfg(OPEN_LOOP, 4), 18, delay=2)
    assert asked == [[0, 6, 12]]
    assert np.flatnonzero(waits[:, 0]).tolist() == [0, 1, 6, 7, 12, 13]
    assert actions[2:6, 0, 1].tolist() == [0, 1, 2, 3], "the first actions of the chunk, though late"


def test_a_receding_horizon_goes_on_meanwhile_and_takes_the_new_chunk_up_at_the_present_step():
    actions, waits, asked = run(ExecutionCfg(RECEDING, 4), 24, delay=3)
    assert asked == [[0, 4, 8, 12, 16, 20]]
    assert np.flatnonzero(waits[:, 0]).tolist() == [0, 1, 2], "only before the first answer"
    assert actions[3:, 0, 1].tolist() == list(range(3, 24)), "each action at the step that it is meant for"
    assert actions[3:, 0, 0].tolist() == [4.0 * ((step - 3) // 4) for step in range(3, 24)]


def test_it_stands_still_where_the_last_chunk_is_over_before_the_next_one_comes():
    _, waits, _ = run(ExecutionCfg(RECEDING, 4), 20, delay=3, chunk=6)
    assert np.flatnonzero(waits[:, 0]).tolist() == [0, 1, 2, 6, 10, 14, 18]


def test_an_answer_that_is_over_when_it_comes_still_gives_its_last_action_once():
    actions, waits, asked = run(ExecutionCfg(RECEDING, 1), 9, delay=2, chunk=1)
    assert asked == [[0, 2, 4, 6, 8]], "no second request while one is under way"
    assert (~waits[:, 0]).tolist() == [False, False, True, False, True, False, True, False, True]
    assert actions[2, 0].tolist() == [0.0, 0.0]


def test_requests_wait_for_the_answer_before():
    _, _, asked = run(ExecutionCfg(RECEDING, 2), 30, delay=5)
    assert asked == [[0, 5, 10, 15, 20, 25]]


def test_temporal_ensembling_weighs_the_oldest_most():
    actions, _, _ = run(ExecutionCfg(TEMPORAL, 1, window=3, decay=0.5), 8)
    weights = np.exp(-0.5 * np.arange(3))
    expected = (weights * [5.0, 6.0, 7.0]).sum() / weights.sum()
    assert actions[7, 0, 0] == pytest.approx(expected, rel=1e-6)
    assert actions[7, 0, 1] == pytest.approx(7.0)


def test_adaptive_ensembling_leaves_out_what_goes_another_way():
    way = {0: [1.0, 0.0], 1: [-1.0, 0.0], 2: [1.0, 0.0]}
    actions, _, _ = run(
        ExecutionCfg(ADAPTIVE, 1, window=3, alpha=5.0),
        3,
        answer=lambda now, due: np.tile(np.array(way[now]), (1, CHUNK, 1)),
    )
    with_it, against = math.exp(5.0), math.exp(-5.0)
    assert actions[2, 0, 0] == pytest.approx((2 * with_it - against) / (2 * with_it + against), rel=1e-5)


def test_averages_are_of_actions_for_the_same_step_and_of_chunks_that_have_come():
    for mode in (TEMPORAL, ADAPTIVE):
        actions, waits, _ = run(ExecutionCfg(mode, 1, window=5), 30, delay=3)
        assert actions[3:, 0, 1] == pytest.approx(np.arange(3.0, 30.0), rel=1e-6)
        assert not waits[3:].any()


def test_a_blended_chunk_takes_over_from_the_old_one_without_a_jump():
    """The old chunk says 0 throughout, the new one 1: no step of the blend is far from the one before."""
    value = {0: 0.0, 4: 1.0}

    def answer(now, due):
        return np.full((1, CHUNK, 2), value.get(now, 1.0))

    blended, _, _ = run(ExecutionCfg(BLENDED, 4), 12, delay=2, answer=answer)
    sudden, _, _ = run(ExecutionCfg(RECEDING, 4), 12, delay=2, answer=answer)
    assert np.abs(np.diff(sudden[2:8, 0, 0])).max() == 1.0
    rise = blended[2:10, 0, 0]
    assert np.all(np.diff(rise) >= 0)
    assert np.abs(np.diff(rise)).max() < 0.6
    # Black et al. 2025, equation 5: index j of the new chunk, delay 2, 8 steps that both have.
    shares = [(8 - j) / (8 - 2 + 1) for j in (2, 3)]
    expected = [1 - c * math.expm1(c) / math.expm1(1) for c in shares]
    assert rise[4:6] == pytest.approx(expected, rel=1e-5)


@given(
    st.sampled_from(MODES),
    st.integers(1, 5),
    st.lists(st.lists(st.integers(0, 6), min_size=40, max_size=40), min_size=1, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_rows_do_not_depend_on_each_other(mode, horizon, delays):
    """Together and alone, with delays of their own."""
    cfg = ExecutionCfg(mode, horizon, window=3)
    noise = np.random.default_rng(0).normal(size=(40, CHUNK, 2))

    def of(rows):
        return run(
            cfg,
            40,
            delay=lambda now, row: delays[rows[row]][now],
            rows=len(rows),
            answer=lambda now, due: np.stack([noise[now] + rows[row] for row in due]),
        )

    actions, waits, asked = of(range(len(delays)))
    for row in range(len(delays)):
        alone, alone_waits, alone_asked = of([row])
        assert np.array_equal(actions[:, row], alone[:, 0])
        assert np.array_equal(waits[:, row], alone_waits[:, 0])
        assert asked[row] == alone_asked[0]


def test_a_row_that_begins_anew_forgets_its_chunks():
    executor = ChunkExecutor(ExecutionCfg(TEMPORAL, 1), 2, None, np.zeros(2))
    executor.receive([0, 1], np.ones((2, CHUNK, 2)), np.zeros(2, dtype=int))
    executor.next()
    executor.begin([1])
    assert executor.due().tolist() == [True, True]
    executor.receive([0, 1], np.full((2, CHUNK, 2), 3.0), np.zeros(2, dtype=int))
    actions, _ = executor.next()
    assert actions[1].tolist() == [3.0, 3.0]
    assert 1.0 < actions[0, 0] < 3.0


def test_a_hand_keeps_to_its_command_while_it_waits_and_for_as_long_as_it_is_asked_to():
    closed, opened = SPEC.gripper_command(closed=True), SPEC.gripper_command(closed=False)
    told = [closed, opened, closed, closed, opened, opened, opened]
    idle = SPEC.idle_action

    def answer(now, due):
        chunk = np.tile(np.array(idle), (1, 1, 1))
        chunk[..., SPEC.gripper_index] = told[now]
        return chunk

    kept, _, _ = run(ExecutionCfg(OPEN_LOOP, 1, gripper_hold=3), 7, answer=answer, spec=SPEC, idle=idle)
    assert kept[:, 0, SPEC.gripper_index].tolist() == [closed] * 4 + [opened] * 3
    late, waits, _ = run(
        ExecutionCfg(OPEN_LOOP, 1), 6, delay=2, answer=lambda now, due: answer(0, due), spec=SPEC, idle=idle
    )
    assert waits[3, 0]
    assert late[3, 0, SPEC.gripper_index] == closed, "what it holds would fall"


def test_chunks_may_have_another_length_each_time():
    lengths = {0: 3, 3: 8, 8: 2}
    _, waits, asked = run(
        ExecutionCfg(OPEN_LOOP, 5), 12, answer=lambda now, due: np.zeros((1, lengths.get(now, 4), 2))
    )
    assert asked == [[0, 3, 8, 10]]
    assert not waits.any()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"mode": "closed_loop"}, "no way 'closed_loop'"),
        ({"horizon": 0}, "at least 1"),
        ({"gripper_hold": -1}, "at least 0"),
    ],
)
def test_what_cannot_be_executed_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        ExecutionCfg(**wrong)


def test_a_hand_that_is_not_there_cannot_be_held():
    with pytest.raises(ValueError, match="needs actions with a channel"):
        ChunkExecutor(ExecutionCfg(gripper_hold=2), 1, None, np.zeros(2))


def test_what_a_row_goes_on_with_is_the_rest_of_its_last_chunk():
    """Asked every 4 steps, answers take 2: of 10 actions 6 are left, 2 of which come before the next answer."""
    executor = ChunkExecutor(ExecutionCfg(REAL_TIME, 4), 2, None, np.zeros(1, dtype=np.float32))
    actions, weight = executor.committed([0, 1])
    assert not weight.any(), "nothing goes on before there was a chunk"
    executor.receive([0, 1], np.arange(10.0)[None, :, None].repeat(2, 0), np.array([2, 0]))
    for _ in range(4):
        executor.next()
    actions, weight = executor.committed([0, 1])
    assert actions[0, :6, 0].tolist() == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    assert weight[0, :2].tolist() == [1.0, 1.0]
    shares = [(6 - k) / (6 - 2 + 1) for k in range(2, 6)]
    assert weight[0, 2:6] == pytest.approx([c * math.expm1(c) / math.expm1(1) for c in shares], rel=1e-6)
    assert not weight[0, 6:].any()
    assert weight[1, 0] < 1.0, "what no answer is waited for can still change"
    executor.begin([0])
    assert not executor.committed([0])[1].any(), "an episode goes on from nothing"


def test_the_slowest_of_the_last_answers_is_expected_next():
    executor = ChunkExecutor(ExecutionCfg(REAL_TIME, 1), 1, None, np.zeros(1, dtype=np.float32))
    for delay in [5, *[1] * (REMEMBERED_DELAYS - 1)]:
        executor.receive([0], np.zeros((1, 12, 1)), np.array([delay]))
    assert int((executor.committed([0])[1] == 1.0).sum()) == 5
    executor.receive([0], np.zeros((1, 12, 1)), np.array([1]))
    assert int((executor.committed([0])[1] == 1.0).sum()) == 1
