"""A disk that fills up while a model is trained: one sentence, and the same command goes on once there is room."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors import safe_open

from policy.m1.training.training_state import states
from tests.workbench.training.test_train import CONSOLE, SHORT, data, options, small  # noqa: F401
from workbench.cli.main import main
from workbench.training import train

ROOM = 256
"""For everything but states and checkpoint [KiB]."""


def weights(run):
    with safe_open(run / "checkpoint" / "model.safetensors", "np") as file:
        return {name: np.array(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118


@pytest.mark.long
@pytest.mark.slow
def test_a_full_disk_costs_no_state(data, tmp_path, small, small_disk, capsys):  # noqa: F811
    chosen = {"stage": "action", "numbers_steps": 1, "head_steps": 1, "steps": 2, "save_every": 1, "seed": 1}
    whole = tmp_path / "whole"
    train.train(options(data, whole, **chosen), CONSOLE)
    last = sum(path.stat().st_size for path in states(whole / "states")[-1].iterdir()) // 1024
    disk = small_disk(int(1.5 * last) + ROOM)
    words = [f"{k}={v}" for k, v in ({"data": data, "out": disk / "run"} | SHORT | chosen).items()]
    for _ in range(2):  # as long as there is no room, it says so
        assert main(["train", *words]) == 2
        complaint = capsys.readouterr().err
        assert complaint.startswith(f"workbench train: cannot use {disk / 'run'}")
        assert "No space left on device; make room, and the same command again goes on from here" in complaint
        assert complaint.count("\n") == 1
        assert [path.name for path in (disk / "run" / "states").iterdir()] == ["step-0-00000001"]
    small_disk(100 * last)
    assert main(["train", *words]) == 0
    losses = [(run / "losses.jsonl").read_bytes() for run in (whole, disk / "run")]
    assert losses[0] == losses[1]
    first, second = weights(whole), weights(disk / "run")
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)
