"""What does the gate cost? Time of a command and of a setpoint, without and with the whole stopping path checked.

    python -m tools.bench_gate                       # a stream at 10 %, 100 %, and hostile commands
    python -m tools.bench_gate commands=5000 robot=so_arm

``wall`` is what a clock says, and on a busy machine mostly what else runs; ``cpu`` is the thread's own time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console
from rich.table import Table

from robots import registry as robots
from robots.registry import RobotError, arm
from tools.attack_gate import bounds_of
from tools.gate_attacks import MOVING, Situation
from tools.gate_bout import Bout
from workbench.bridge.gate import Command, GateCfg
from workbench.cli.options import OptionError, option, parse_options
from workbench.runs.installation import processor


@dataclass
class BenchOptions:
    """Options of the measurement."""

    robot: str = option(robots.DEFAULT, f"which robot: {', '.join(robots.arm_names())}")
    commands: int = option(2000, "commands of each kind")

    def check(self) -> None:
        """An error of one sentence for what cannot run."""
        if self.commands < 100:
            raise OptionError("commands must be at least 100: of fewer there is no 99th percentile")
        arm(self.robot)


def stream(situation: Situation, commands: int) -> Iterator[Command]:
    """A smooth motion about home, as a policy makes it."""
    rng = np.random.default_rng(0)
    rate, phase = rng.uniform(0.5, 2.0, len(situation.home)), rng.uniform(0, 6, len(situation.home))
    for k in range(commands):
        shape = np.sin(rate * k * 0.05 + phase) - np.sin(phase)
        yield situation.command(situation.home + 0.06 * shape * min(1.0, k / 40))


def hostile(situation: Situation, commands: int) -> Iterator[Command]:
    """Attacks that are well formed, in turns of 20."""
    for k in range(commands):
        yield MOVING[(k // 20) % len(MOVING)](situation)


Kind = Callable[[Situation, int], Iterator[Command]]


def measure(bout: Bout, kind: Kind, commands: int) -> dict[str, np.ndarray]:
    """Times [ms] of each command, and of each setpoint, by the wall's clock and by the thread's."""
    taken: dict[str, list[float]] = {
        name: [] for name in ("command wall", "command cpu", "setpoint wall", "setpoint cpu")
    }
    for command in kind(bout.situation, commands):
        begun = time.perf_counter(), time.thread_time()
        bout.gate.admit(command, bout.now)
        taken["command wall"].append(time.perf_counter() - begun[0])
        taken["command cpu"].append(time.thread_time() - begun[1])
        bout.situation.seq += 1
        for _ in range(bout.ticks_per_command):
            bout.now += bout.cfg.dt
            state = bout.measured()
            begun = time.perf_counter(), time.thread_time()
            setpoint = bout.gate.tick(state, bout.now)
            taken["setpoint wall"].append(time.perf_counter() - begun[0])
            taken["setpoint cpu"].append(time.thread_time() - begun[1])
            bout.follow(setpoint)
    return {name: 1000 * np.array(times) for name, times in taken.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    console = Console(soft_wrap=True, highlight=False)
    try:
        options = parse_options(BenchOptions, sys.argv[1:] if argv is None else argv)
        options.check()
    except (OptionError, RobotError) as error:
        print(f"bench_gate: {error}", file=sys.stderr)
        return 2
    model = arm(options.robot)
    console.print(
        f"{options.robot} on {processor()}; 20 commands and 100 setpoints a second; times in ms, p50 / p99"
    )
    table = Table(
        "commands", "links", "scale", "command wall", "command cpu", "setpoint wall", "setpoint cpu"
    )
    for name, kind in (("stream", stream), ("hostile", hostile)):
        for collisions in (False, True):
            for scale in (0.1, 1.0):
                bounds = replace(bounds_of(model), collisions=collisions)
                bout = Bout(model, GateCfg.of(model, bounds, 0.01, 0.05, scale=scale), 1)
                times = measure(bout, kind, options.commands)
                cells = [
                    f"{np.percentile(taken, 50):.3f} / {np.percentile(taken, 99):.3f}"
                    for taken in times.values()
                ]
                table.add_row(name, "checked" if collisions else "-", f"{scale:g}", *cells)
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
