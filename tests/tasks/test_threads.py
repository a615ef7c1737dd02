"""Work on all cores keeps its order; threads that took real-time priority give it up."""

import ctypes
import os
import sys
import threading

import pytest

from tasks.threads import _PR_GET_TIMERSLACK, PATIENCE_S, beginning_patiently, in_threads, leave_real_time


def test_results_come_in_the_order_of_the_items():
    assert in_threads(lambda n: n * n, range(50)) == [n * n for n in range(50)]


def test_a_failure_is_raised():
    def fail(n: int) -> int:
        raise ValueError(f"item {n}")

    with pytest.raises(ValueError, match="item 0"):
        in_threads(fail, [0, 1])


def test_real_time_threads_are_ordinary_afterwards():
    started, finish = threading.Event(), threading.Event()
    refused = []

    def work() -> None:
        try:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        except PermissionError:
            refused.append(True)
        started.set()
        finish.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    started.wait(10)
    try:
        if refused:
            pytest.skip("only root may take real-time priority")
        assert os.sched_getscheduler(thread.native_id) == os.SCHED_RR
        assert leave_real_time() >= 1  # other tests of this process may have begun some, too
        assert os.sched_getscheduler(thread.native_id) == os.SCHED_OTHER
        assert leave_real_time() == 0
    finally:
        finish.set()
        thread.join()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone lets threads oversleep")
def test_threads_that_begin_patiently_oversleep_and_no_others():
    def slack() -> int:
        found = []
        thread = threading.Thread(target=lambda: found.append(ctypes.CDLL(None).prctl(_PR_GET_TIMERSLACK)))
        thread.start()
        thread.join()
        return found[0]

    before = slack()
    with beginning_patiently():
        assert slack() == int(PATIENCE_S * 1e9) != before
    assert slack() == before
