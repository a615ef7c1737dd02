"""What ``workbench data replay`` leaves behind of the simulator's output."""

from __future__ import annotations

import io
import os
import tempfile

import pytest
from rich.console import Console

from workbench.data.replay.command import quietly

PRINTED = b"kernels compiled\n"


@pytest.fixture
def temporary(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with capfd.disabled():
        yield tmp_path


def test_a_replay_that_succeeds_leaves_no_log(temporary):
    console = Console(file=io.StringIO())
    with quietly(console):
        os.write(1, PRINTED)
    assert not list(temporary.iterdir())
    assert console.file.getvalue() == ""


def test_a_replay_that_fails_keeps_its_log_and_names_it(temporary):
    console = Console(file=io.StringIO())

    def replayed():
        with quietly(console):
            os.write(1, PRINTED)
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        replayed()
    (log,) = temporary.iterdir()
    assert log.read_bytes() == PRINTED
    assert str(log) in console.file.getvalue()
