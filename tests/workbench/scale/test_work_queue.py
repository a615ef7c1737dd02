"""Jobs are handed out once each, in rows that do not depend on who asks, and again if a worker dies with them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.rollout.launch import LaunchError
from workbench.scale.ray_workers import connect
from workbench.scale.work_queue import WorkQueue


def test_a_job_goes_to_its_row():
    queue = WorkQueue(range(10), 4)
    assert [queue.take("a", 1), queue.take("b", 1), queue.take("a", 1), queue.take("a", 1)] == [1, 5, 9, None]
    assert queue.take("b", 3) == 3
    assert queue.waiting == 6


def test_what_a_dead_worker_had_comes_first_but_for_what_is_safe():
    queue = WorkQueue(range(9), 3)
    assert [queue.take("a", 0), queue.take("a", 0), queue.take("b", 0)] == [0, 3, 6]
    assert queue.give_up("a", settled=[0]) == [3]
    assert queue.take("b", 0) == 3
    assert queue.give_up("a") == []


def test_a_closed_queue_hands_out_nothing():
    queue = WorkQueue(range(3), 1)
    queue.close()
    assert queue.take("a", 0) is None
    assert queue.waiting == 0


@given(
    st.integers(0, 60), st.integers(1, 7), st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=200)
)
def test_every_job_is_done_exactly_once_whoever_dies(jobs, rows, events):
    """Workers take, settle and die at random; at the end one of them finishes the rest."""
    queue, done = WorkQueue(range(jobs), rows), []
    held: dict[str, list[int]] = {}
    for k, (worker, dies) in enumerate(events):
        name = f"w{worker}"
        if dies:
            safe = held.pop(name, [])[: k % 2]
            done += safe
            queue.give_up(name, safe)
        elif (job := queue.take(name, k % rows)) is not None:
            assert job % rows == k % rows
            held.setdefault(name, []).append(job)
    done += [job for jobs_held in held.values() for job in jobs_held]
    for row in range(rows):
        while (job := queue.take("last", row)) is not None:
            done.append(job)
    assert sorted(done) == list(range(jobs))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:99999"])
def test_an_address_where_nobody_listens_is_one_sentence_at_once(address):
    pytest.importorskip("ray")
    with pytest.raises(LaunchError, match=f"no Ray cluster at ray_address='{address}'"):
        connect(address)
