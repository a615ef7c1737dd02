"""Things that break while the bridge moves the twin, and how the arm comes to rest then, by the twin's own audit.

    .venv/bin/python -m tools.bridge_faults 20 runs/faults               # all faults, 20 times each
    .venv/bin/python -m tools.bridge_faults 20 runs/faults bridge_killed policy_stalled

Needs the twin's environment (`workbench bridge twin_setup`) and `franky-control`. Every time is a run of its own: the
policy of `tools.fault_policy` swings the arm at 40 % of its limits, something breaks, and from then on are measured the
time until every true joint is slower than 0.02 rad/s for 20 ms, the way of the joint that went farthest, and how long
before the fault the last tick is that the log holds. The audit of a twin that is killed ends with it: there the time is
that until the bridge says that the arm is silent. ``clock_jumps`` is tried on the ideal arm, by its set points: no
process can be given another monotonic clock.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.workbench.bridge.twin.faults import (
    STILL,
    await_motion,
    processes,
    rest_after,
    stop_twin_of,
    twins_of,
)
from workbench.bridge.ticks import read_ticks

SCALE = 0.4
MOVES = 0.1
"""A joint of the ideal arm that is faster than this moves: only then the clock jumps [rad/s]."""


@dataclass
class Run:
    """A bridge that moves the twin, and who it asks."""

    out: Path
    bridge: subprocess.Popen
    policy: subprocess.Popen
    port: int
    cameras: tuple[str, ...]
    bad: Path
    """Where a proxy notes when the network begins to be bad."""
    frozen: list[int] = field(default_factory=list)
    """Processes that were stopped, and would outlive the twin."""


@dataclass(frozen=True)
class Measured:
    """One time."""

    rest_s: float
    """Of a twin that was killed, whose audit ends with it: until the bridge said that the arm is silent [s]."""
    way_rad: float
    speed: float
    """Of the fastest joint at the fault [rad/s]."""
    last_tick_s: float
    """How long before the fault the last tick is, if the bridge was killed; else the longest gap between ticks [s]."""


@contextmanager
def running(out: Path, proxied: bool, cameras: tuple[str, ...]) -> Iterator[Run]:
    """The arm of a twin, moving."""
    if out.exists():
        raise RuntimeError(f"{out} is there already: choose another folder, or remove it")
    out.mkdir(parents=True)
    port, bad = _free_port(), out / "bad.txt"
    policy = _start("tools.fault_policy", "serve", str(port), *cameras)
    asked, proxy = port, None
    if proxied:
        asked = _free_port()
        proxy = _start("tools.fault_policy", "proxy", str(asked), str(port), str(bad))
    _await_port(asked)
    _await_port(port)
    with (out / "bridge.log").open("wb") as log:
        bridge = subprocess.Popen(
            [
                sys.executable, "-m", "workbench.cli.main", "bridge", "robot=twin", "mode=live", "arm=true",
                f"scale={SCALE}", "episode_s=300", f"policy=remote:openpi://127.0.0.1:{asked}", f"out={out / 'run'}",
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    run = Run(out / "run", bridge, policy, port, cameras, bad)
    try:
        await_motion(run.out)
        yield run
    finally:
        for pid in run.frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        stop_twin_of(run.out)
        for process in (bridge, run.policy, proxy):
            if process is not None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGCONT)
                    process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _start(*words: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", *words])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_port(port: int) -> None:
    for _ in range(300):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens at port {port}")


def _twin(run: Run) -> int:
    found = twins_of(run.out)
    if not found:
        raise RuntimeError("the twin has ended before the fault")
    return found[0]


def _cameras(run: Run) -> int:
    twin = _twin(run)
    for pid in processes(b"workbench.bridge.twin.cameras"):
        if f"PPid:\t{twin}\n" in Path(f"/proc/{pid}/status").read_text("utf-8"):
            return pid
    raise RuntimeError("the twin has no process of cameras")


def _send(pid: int, number: int) -> float:
    at = time.monotonic()
    os.kill(pid, number)
    return at


def policy_killed(run: Run) -> float:
    """The policy's process is killed."""
    return _send(run.policy.pid, signal.SIGKILL)


def policy_stalled(run: Run) -> float:
    """It stops to answer, its connection open."""
    return _send(run.policy.pid, signal.SIGSTOP)


def policy_restarted(run: Run) -> float:
    """It is killed, and another comes up at its address at once."""
    at = _send(run.policy.pid, signal.SIGKILL)
    run.policy.wait()
    run.policy = _start("tools.fault_policy", "serve", str(run.port), *run.cameras)
    return at


def camera_frozen(run: Run) -> float:
    """The cameras give no new picture."""
    run.frozen.append(_cameras(run))
    return _send(run.frozen[-1], signal.SIGSTOP)


def twin_killed(run: Run) -> float:
    """The arm falls silent for ever."""
    return _send(_twin(run), signal.SIGKILL)


def bridge_killed(run: Run) -> float:
    """SIGKILL."""
    return _send(run.bridge.pid, signal.SIGKILL)


def bad_network(run: Run) -> float:
    """Up to 300 ms more on every message, and one of ten lost."""
    at = float(run.bad.read_text("utf-8").split()[0])
    if at < time.monotonic():
        raise RuntimeError("the arm began to move after the network was bad already")
    time.sleep(at - time.monotonic())
    return at


FAULTS: dict[str, Callable[[Run], float]] = {
    fault.__name__: fault
    for fault in (
        policy_killed, policy_stalled, policy_restarted, camera_frozen, twin_killed, bridge_killed, bad_network,
    )
}  # fmt: skip


def once(name: str, out: Path) -> Measured:
    """One fault, measured."""
    cameras = ("front",) if name == "camera_frozen" else ()
    with running(out, name == "bad_network", cameras) as run:
        at = FAULTS[name](run)
        if name == "twin_killed":
            run.bridge.wait(30)
            rest = (_noticed(run.out) - at, float("nan"), float("nan"))
        else:
            found = rest_after(run.out, at, wait=4.0)
            rest = (found.seconds, found.radians, found.speed)
        ticks = _ticks(run.out)
    if name == "bridge_killed":
        return Measured(*rest, at - ticks[-1])
    return Measured(*rest, float(np.diff(ticks).max()))


def _ticks(out: Path) -> np.ndarray:
    return np.array([message["at"] for message in _logged(out, "/tick")])


def _noticed(out: Path) -> float:
    """When the driver first complained [s]."""
    said = [message["at"] for message in _logged(out, "/event") if message["kind"] == "driver"]
    if not said:
        raise RuntimeError("the bridge did not notice that the arm is silent")
    return float(said[0])


def _logged(out: Path, topic: str) -> list[dict[str, Any]]:
    newest = max((out / "ticks").glob("*.mcap"))
    return [message for _, message in read_ticks(newest, topic)]


def clock_jumps(seconds: float) -> Measured:
    """The loop's clock jumps while the ideal arm moves."""
    from policy.execution import ExecutionCfg
    from robots.driver import SetPoint
    from robots.registry import robot
    from workbench.bridge.arm_loop import ArmLoop, Tick
    from workbench.bridge.clock import Ticker
    from workbench.bridge.episode import EpisodeRunner, Senses
    from workbench.bridge.gate import Gate, GateCfg
    from workbench.bridge.ideal_arm import IdealArm
    from workbench.bridge.operator import LEFT
    from workbench.bridge.place import bounds_of
    from workbench.bridge.policies.teleop import Teleop
    from workbench.bridge.targets import Targets
    from workbench.bridge.thinking import Thinker

    model = robot("franka")
    jumped = [0.0]

    def clock() -> float:
        return time.monotonic() + jumped[0]

    limits, home = model.spec.limits, model.spec.home
    speeds: list[tuple[float, np.ndarray, np.ndarray]] = []
    fault: list[float] = []

    class Watched(IdealArm):
        def command(self, point: SetPoint) -> None:
            speeds.append((time.monotonic(), point.position, point.velocity))
            super().command(point)

    arm = Watched(limits, home, clock=clock)
    spec = model.action_spaces(20.0)["delta_eef"]
    gate = Gate(
        GateCfg.of(
            model, bounds_of({}, model.workspace), dt=0.01, command_dt=0.05, scale=SCALE, limits=limits
        )
    )
    loop = ArmLoop(arm, gate, Ticker(0.01, clock), None, True, clock=clock)
    loop.begin()
    policy = Teleop(spec, 1.0, clock)

    class Watch:
        def __init__(self) -> None:
            self.count = 0

        def decided(self, answer: object) -> None:
            policy.steer(LEFT)

        def ticked(self, tick: Tick) -> None:
            self.count += 1
            moves = np.abs(tick.setpoint.velocity).max() > MOVES
            if self.count >= 120 and moves and not fault:  # on a busy machine it may just be held up
                fault.append(time.monotonic())
                jumped[0] += seconds

    runner = EpisodeRunner(
        loop, policy, Thinker(policy, clock), Targets(spec, model.chain, limits, home, model.gripper), ExecutionCfg(),
        Senses(), lambda: None, watcher=Watch(),
    )  # fmt: skip
    policy.steer(LEFT)
    runner.run("1", 1, "", 100)
    loop.come_to_rest("the trial ends")
    if not fault:
        raise RuntimeError("the arm did not move, so that no fault could be made")
    after = [(t, q, v) for t, q, v in speeds if t >= fault[0]]
    slow = next((k for k, (_, _, v) in enumerate(after) if np.abs(v).max() < STILL), None)
    if slow is None:
        raise RuntimeError("the arm had not come to rest")
    way = max(float(np.abs(q - after[0][1]).max()) for _, q, _ in after[: slow + 1])
    times = np.array([t for t, _, _ in speeds])
    return Measured(
        after[slow][0] - fault[0], way, float(np.abs(after[0][2]).max()), float(np.diff(times).max())
    )


def main() -> None:
    """Measure, and print a line a fault."""
    times, out, *names = sys.argv[1:]
    known = [*FAULTS, "clock_jumps"]
    if odd := [name for name in names if name not in known]:
        raise SystemExit(f"there is no fault {odd[0]}; there are {', '.join(known)}")
    print(
        "fault: times at rest, time to rest median / greatest [s], way greatest [rad], speed at the fault greatest"
    )
    print("[rad/s], longest gap between ticks (bridge_killed: last tick before the kill) greatest [s]")
    for name in names or known:
        found, failed = [], []
        for k in range(int(times)):
            try:
                found.append(
                    clock_jumps(10.0 if k % 2 == 0 else -10.0)
                    if name == "clock_jumps"
                    else once(name, Path(out) / f"{name}-{k:02d}")
                )
            except (AssertionError, RuntimeError, subprocess.TimeoutExpired) as problem:
                failed.append(str(problem))
        if found:
            rest, way, speed, tick = np.array(
                [[m.rest_s, m.way_rad, m.speed, m.last_tick_s] for m in found]
            ).T
            print(
                f"{name}: {len(found)} of {times}; {np.median(rest):.3f} / {rest.max():.3f}; {way.max():.3f}; "
                f"{speed.max():.2f}; {tick.max():.3f}", flush=True,
            )  # fmt: skip
        for sentence in failed:
            print(f"{name}: {sentence}", flush=True)


if __name__ == "__main__":
    main()
