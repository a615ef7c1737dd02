"""Workers on Ray: the same results as one process, whoever dies on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sim.conftest import records, workbench
from tests.sim.test_generate import kill_after, lines
from workbench.evaluation.summary import TIME_KEYS

pytestmark = [pytest.mark.sim, pytest.mark.slow, pytest.mark.long]

PLAN = ("stages=plan", "episodes=12", "num_envs=3", "chunk=2", "seed=4", "device=cpu", "dr=heavy")
RAY = ("launcher=ray", "workers=2")


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """Twelve episodes planned in one process."""
    out = tmp_path_factory.mktemp("plan") / "alone"
    workbench("generate", f"out={out}", *PLAN)
    return out


def workers(out: Path) -> list[int]:
    """Processes that have a worker's log of this folder open."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            target = os.readlink(entry / "fd" / "1")
        except OSError:
            continue
        if target.startswith(str(out / "simulator-w")):
            found.append(int(entry.name))
    return found


def test_two_workers_plan_what_one_process_plans(alone, tmp_path):
    out = tmp_path / "two"
    workbench("generate", f"out={out}", *PLAN, *RAY)
    assert lines(out, "plan") == lines(alone, "plan")
    assert len({path.name.split("-")[1] for path in (out / "plan").glob("chunk-*.hdf5")}) == 2


def test_a_killed_worker_loses_nothing(alone, tmp_path):
    out = tmp_path / "worker"
    words = [sys.executable, "-m", "workbench.cli.main", "generate", f"out={out}", *PLAN, *RAY]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 300
    while not list((out / "plan").glob("chunk-*.hdf5")):
        assert time.monotonic() < deadline, "nothing was finished within five minutes"
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.1)
    victims = workers(out)
    assert victims, "no worker was found"
    os.kill(victims[0], signal.SIGKILL)
    said, _ = process.communicate(timeout=400)
    assert process.returncode == 0, said
    assert lines(out, "plan") == lines(alone, "plan")


def test_a_killed_driver_loses_nothing(alone, tmp_path):
    out = tmp_path / "driver"
    words = ("generate", f"out={out}", *PLAN, *RAY)
    kill_after(lambda: list((out / "plan").glob("chunk-*.hdf5")), *words)
    workbench(*words)
    assert lines(out, "plan") == lines(alone, "plan")


def test_an_evaluation_in_workers_is_the_same(tmp_path):
    words = ("episodes=8", "num_envs=2", "seed=4", "device=cpu", "record=0", "last_frames=0", "dr=heavy")
    one, two = tmp_path / "one", tmp_path / "two"
    workbench("eval", f"out={one}", *words)
    workbench("eval", f"out={two}", *words, *RAY)

    def timeless(folder: Path) -> dict:
        return {i: {k: v for k, v in r.items() if k not in TIME_KEYS} for i, r in records(folder).items()}

    assert timeless(two) == timeless(one)


def await_nodes(count, status, environment):
    """Until Ray's own command says that a cluster has so many nodes."""
    deadline = time.monotonic() + 120
    while True:
        said = subprocess.run(status, capture_output=True, text=True, env=environment, timeout=120)
        active = said.stdout.partition("Active:")[2].partition("Pending:")[0]
        if said.returncode == 0 and active.count("node_") == count:
            return
        assert time.monotonic() < deadline, said.stdout + said.stderr
        time.sleep(1)


def test_several_nodes_on_one_machine(alone, tmp_path):
    """As a cluster of machines, started with Ray's own command, each node with one core."""
    ray = Path(sys.executable).with_name("ray")
    port = "6399"
    environment = dict(os.environ, RAY_DISABLE_IMPORT_WARNING="1")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    nodes = []
    try:
        for place in (
            ["--head", f"--port={port}", "--include-dashboard=false"],
            [f"--address=127.0.0.1:{port}"],
        ):
            nodes.append(
                subprocess.Popen(
                    [ray, "start", *place, "--num-cpus=1", "--block"], start_new_session=True, **quiet
                )
            )
            # One after the other: two that start at once may choose the same port.
            await_nodes(len(nodes), [ray, "status", f"--address=127.0.0.1:{port}"], environment)
        out = tmp_path / "cluster"
        workbench("generate", f"out={out}", *PLAN, *RAY, f"ray_address=127.0.0.1:{port}")
        assert lines(out, "plan") == lines(alone, "plan")
    finally:
        for node in reversed(nodes):
            os.killpg(node.pid, signal.SIGTERM)
        for node in nodes:
            node.wait(timeout=60)
