"""Starting a simulator: engine and renderer by name, checked before anything is loaded, quiet while it runs."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

PHYSICS = ("ovphysx", "newton_mjwarp", "isaacsim_physx")
RENDERERS = ("newton_warp", "isaac_rtx")
NEEDS_ISAAC_SIM = {"isaacsim_physx": "the physics engine", "isaac_rtx": "the renderer"}


class LaunchError(Exception):
    """The simulator cannot be started as asked, in one sentence."""


def default_device() -> str:
    """``cuda:0`` where a CUDA device works, else ``cpu``."""
    import torch

    return "cuda:0" if torch.cuda.is_available() else "cpu"


def default_physics(device: str) -> str:
    """The fastest sound engine for a device: OvPhysX steps ten times as fast as Newton on a CPU."""
    return "ovphysx" if device == "cpu" else "newton_mjwarp"


def check_launch(physics: str, renderer: str, device: str) -> None:
    """Raise LaunchError, in one sentence, for a combination that cannot run here."""
    _check_name("physics", physics, PHYSICS)
    _check_name("renderer", renderer, RENDERERS)
    if physics == "ovphysx" and renderer == "isaac_rtx":
        raise LaunchError(
            "physics=ovphysx runs without Isaac Sim and cannot share a process with renderer=isaac_rtx"
        )
    for name in (physics, renderer):
        if name in NEEDS_ISAAC_SIM and importlib.util.find_spec("isaacsim") is None:
            raise LaunchError(
                f"{NEEDS_ISAAC_SIM[name]} {name} needs Isaac Sim, which is not installed: "
                "install the extra `isaacsim` on a machine with an RTX GPU (README, section on Isaac Sim)"
            )
    check_device(device)


def check_device(device: str) -> None:
    """Raise LaunchError unless the device is ``cpu`` or a CUDA device that is there."""
    import torch

    if device == "cpu":
        return
    kind, _, number = device.partition(":")
    if kind != "cuda" or not re.fullmatch("0|[1-9][0-9]{0,3}", number):
        raise LaunchError(f"there is no device {device!r}: use cpu or cuda:N")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number) >= count:
        raise LaunchError(
            f"device={device} is not here: this machine has {count} CUDA devices; device=cpu works"
        )


def _check_name(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise LaunchError(f"there is no {option} {value!r}: choose one of {', '.join(known)}")


def prepare_process() -> None:
    """What must happen once per process before Isaac Lab is loaded."""
    import torch
    import warp

    from tasks.threads import leave_real_time

    leave_real_time()  # which a process that ran a simulator hands down to those that it starts
    # Small tensors: a second thread costs more in hand-over than it saves, and the renderer wants the other core.
    torch.set_num_threads(1)
    warp.config.log_level = warp.LOG_WARNING


class _Log(io.FileIO):
    """A descriptor that forgets what a full disk does not take: no run ends for want of its engine's chatter."""

    def write(self, data: Any, /) -> int:
        with suppress(OSError):
            super().write(data)
        return len(data)

    @classmethod
    def stream(cls, descriptor: int) -> IO[str]:
        raw = cls(descriptor, "w", closefd=False)
        return io.TextIOWrapper(
            io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True
        )


@contextmanager
def output_to(log: Path) -> Iterator[IO[str]]:
    """Send everything that this process and its libraries print to a file; yields the terminal as it was.

    File descriptors are moved, because engines print from C++. On the way out everything is put back.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    streams = sys.stdout, sys.stderr
    saved_out, saved_err = os.dup(1), os.dup(2)
    terminal = os.fdopen(
        os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding or "utf-8", errors="backslashreplace"
    )
    try:
        with log.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        sys.stdout, sys.stderr = _Log.stream(1), _Log.stream(2)
        yield terminal
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = streams
        for stream in streams:  # a library may have kept one
            with suppress(OSError):
                stream.flush()
        os.dup2(saved_out, 1)
        os.dup2(saved_err, 2)
        os.close(saved_out)
        os.close(saved_err)
        terminal.close()
