"""SIGTERM and SIGHUP end a command as Ctrl-C does: with a word, closed, and with the exit status of the signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from workbench.cli.stopping import Terminated, signals_as_interrupts
from workbench.scale.ray_workers import connect

WAITS = """
import sys, time
from workbench.cli import main as cli
from workbench.cli.command import Command

def run(words, console):
    try:
        print("begun", flush=True)
        time.sleep(60)
    finally:
        print("closing", flush=True)
        time.sleep(1)
        print("closed", flush=True)

cli.COMMANDS["report"] = Command(run, "", "")
sys.exit(cli.main(["report", "run"]))
"""


@pytest.mark.parametrize(
    ("number", "word", "status"),
    [
        (signal.SIGINT, "interrupted", 130),
        (signal.SIGTERM, "terminated", 143),
        (signal.SIGHUP, "terminated", 129),
    ],
)
def test_a_signal_ends_a_command_with_a_word(number: int, word: str, status: int) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", WAITS], stdout=pipe, stderr=pipe, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
        assert process.stdout.readline() == "closing\n"
        if number != signal.SIGINT:
            process.send_signal(number)  # once more, while it closes
        said, complaint = process.communicate(timeout=60)
    assert said == "closed\n"
    assert complaint == f"workbench: {word}; the same command again goes on from here\n"
    assert process.returncode == status


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    try:
        with signals_as_interrupts():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def wait_as_ray_does() -> None:
    """Ray's waiting makes a plain interrupt of whatever a signal's handler raises."""
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt:
        raise KeyboardInterrupt from None


def test_a_signal_that_a_library_makes_an_interrupt_of_keeps_its_name() -> None:
    with pytest.raises(Terminated, match="SIGTERM") as stopped, signals_as_interrupts():
        wait_as_ray_does()
    assert stopped.value.exit_status == 143


def test_ray_does_not_take_the_signal_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Ray sets at its start ends the process without a word."""
    ray = SimpleNamespace(init=lambda **_: signal.signal(signal.SIGTERM, signal.SIG_IGN))
    monkeypatch.setitem(sys.modules, "ray", ray)
    before = signal.getsignal(signal.SIGTERM)
    with signals_as_interrupts():
        connect("")
        with pytest.raises(Terminated, match="SIGTERM"):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before
