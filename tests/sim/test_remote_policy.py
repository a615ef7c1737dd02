"""A policy behind a server of the bench gives the records of the same policy in process; both times are printed."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sim.conftest import records, workbench
from workbench.evaluation.summary import TIME_KEYS

pytestmark = [pytest.mark.sim, pytest.mark.long]

REACH = """
import torch
from policy.contract import Decision

class Reach:
    '''Moves the hand toward a place on the table: it reads the state alone.'''

    execute_steps = 4
    stateless = True

    def __init__(self, action_spec, x: float = 0.5, gain: float = 0.2):
        self.action_spec, self.x, self.gain = action_spec, x, gain

    def act(self, observation):
        n = len(observation.env_ids)
        chunk = torch.tensor(self.action_spec.idle_action).repeat(n, 4, 1)
        ahead = self.gain * (self.x - observation.ee_pose[:, 0])
        chunk[..., self.action_spec.index("dx")] = ahead[:, None]
        return Decision(chunk, [None] * n)
"""
EPISODES = 64
ASKED = (f"episodes={EPISODES}", "num_envs=16", "seed=1", "dr=none", "time_limit_s=4", "record=0", "last_frames=0",
         "device=cpu", "image_size=64")  # fmt: skip


@contextmanager
def served(*words):
    """The address of a server in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "workbench.cli.main",
        "serve",
        "device=cpu",
        "threads=1",
        "image_size=64",
        *words,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        line = process.stdout.readline()
        assert "policy=remote:" in line, line
        yield line.partition("policy=")[2].strip(" )\n")
    finally:
        process.terminate()
        process.communicate(timeout=60)


def timed(*words):
    began = time.perf_counter()
    workbench(*words)
    return time.perf_counter() - began


def without_times(run: Path):
    return {i: {k: v for k, v in r.items() if k not in TIME_KEYS} for i, r in records(run).items()}


@pytest.mark.parametrize(
    ("policy", "protocol", "port"),
    [("reach.py", "openpi", 18551), ("m1", "m1", 18552)],
    ids=["scripted", "m1-mini"],
)
def test_records_over_the_socket_are_those_in_process(tmp_path, policy, protocol, port):
    if policy == "reach.py":
        (tmp_path / "reach.py").write_text(REACH, "utf-8")
        policy = str(tmp_path / "reach.py")
    with served(f"policy={policy}", f"protocol={protocol}", f"port={port}") as address:
        here = timed("eval", f"policy={policy}", *ASKED, f"out={tmp_path / 'here'}")
        there = timed("eval", f"policy={address}", *ASKED, f"out={tmp_path / 'there'}")
    local, remote = without_times(tmp_path / "here"), without_times(tmp_path / "there")
    assert len(local) == EPISODES
    assert remote == local
    print(f"{here:.1f} s in process, {there:.1f} s over the socket")
