"""Jobs come back in order, whoever does them, and whoever dies over them."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import pytest

from workbench.rollout.launch import LaunchError
from workbench.scale.ordered_map import AHEAD, HERE, RAY, Workers, ordered_map

TWO = Workers(2)


def double(job):
    time.sleep(0.05 * (job == 0))  # the first takes longest
    return 2 * job


def refuse(job):
    if job == 3:
        raise KeyError("the fourth")
    return job


def die_once(folder, job):
    """Dies over one job, the first time."""
    mark = folder / "died"
    if job == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return job


def die(job):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("workers", [HERE, TWO])
def test_results_are_in_the_order_of_the_jobs(workers):
    assert list(ordered_map(double, range(9), workers)) == list(range(0, 18, 2))


@pytest.mark.parametrize("workers", [HERE, TWO])
def test_what_the_work_raises_is_raised_when_its_turn_comes(workers):
    results = ordered_map(refuse, range(9), workers)
    assert list(itertools.islice(results, 3)) == [0, 1, 2]
    with pytest.raises(KeyError, match="the fourth"):
        next(results)


def test_jobs_are_taken_as_they_are_needed():
    taken = itertools.count()
    results = ordered_map(double, taken, TWO)
    for _ in range(5):
        next(results)
    results.close()
    assert next(taken) <= 5 + AHEAD * 2


@pytest.mark.parametrize("workers", [TWO, pytest.param(Workers(2, RAY), marks=pytest.mark.slow)])
def test_what_a_dead_worker_had_is_done_again(tmp_path, workers):
    assert list(ordered_map(partial(die_once, tmp_path), range(8), workers)) == list(range(8))
    assert (tmp_path / "died").exists(), "or nothing was tested"


def test_workers_that_die_again_and_again_are_one_sentence():
    with pytest.raises(LaunchError, match="workers died 4 times in a row"):
        list(ordered_map(die, range(4), TWO))


def test_workers_end_with_whoever_started_them(tmp_path):
    script = f"""
        import sys
        sys.path[:0] = {[str(Path(__file__).parents[3])]!r}
        from tests.workbench.scale.test_ordered_map import slowly
        from workbench.scale.ordered_map import Workers, ordered_map
        if __name__ == "__main__":
            list(ordered_map(slowly, {[str(tmp_path / name) for name in "ab"]!r}, Workers(2)))
    """
    (tmp_path / "main.py").write_text(textwrap.dedent(script))
    process = subprocess.Popen([sys.executable, tmp_path / "main.py"])
    began = time.monotonic()
    while not all((tmp_path / name).exists() for name in "ab"):
        assert time.monotonic() < began + 60, "workers did not start"
        time.sleep(0.05)
    pids = [int((tmp_path / name).read_text() or 0) for name in "ab"]
    process.kill()
    process.wait()
    began = time.monotonic()
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < began + 10, "a worker outlived the process that started it"
        time.sleep(0.05)


def slowly(path):
    part = Path(f"{path}.part")
    part.write_text(str(os.getpid()))
    part.rename(path)
    time.sleep(120)
