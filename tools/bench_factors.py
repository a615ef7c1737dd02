"""What does randomisation cost? Wall time per control step under two factor sets, resets included.

    python -m tools.bench_factors                                  # none against heavy
    python -m tools.bench_factors sets=none,visual cameras=front num_envs=16

Every set runs in a process of its own, as its cameras may have to draw more; the processes take turns, so that a busy
machine slows both alike. The scripted expert acts; a camera is read at every eighth step, as a policy with action
chunks does, whose own time is not in the numbers.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
from rich.console import Console

from workbench.cli.options import OptionError, option, parse_options
from workbench.rollout.launch import default_device, default_physics
from workbench.runs.provenance import machine
from workbench.stats import quantile_interval

LOOK_EVERY = 8
"""Steps between two pictures."""


@dataclass
class FactorBenchOptions:
    """Options of the benchmark."""

    sets: str = option("none,heavy", "two factor sets, comma-separated")
    cameras: str = option("none,front", "cameras that are read, comma-separated: none, front")
    physics: str = option("auto", "engine")
    device: str = option("auto", "cpu or cuda:N")
    num_envs: int = option(16, "environments")
    episode_steps: int = option(96, "length of an episode", "control steps")
    turns: int = option(9, "turns that each set gets, every environment running one episode")
    worker: str = option("", "internal: run turns of this set and camera, one per line of input")


def work(options: FactorBenchOptions) -> None:
    """Run a turn for every line of input; print its wall time per step [ms]."""
    from domain_rand.sets import load_set
    from workbench.rollout.loop import Rollout
    from workbench.rollout.simulation import TabletopSimulation, launch_tabletop
    from workbench.rollout.simulation_cfg import SimulationCfg

    name, camera = options.worker.split("/")
    factor_set = load_set(name)
    watched = () if camera == "none" else (camera,)
    n = options.num_envs
    launched = launch_tabletop(
        SimulationCfg(n, options.physics, options.device, cameras=watched, factor_set=factor_set)
    )
    with launched as env:
        policy = env.task.expert(n, env.action_spec, device=options.device)

        class Watched(TabletopSimulation):
            """Reads the cameras now and then."""

            def step(self, actions):
                """A control step, and every eighth time a picture of every environment."""
                ended = super().step(actions)
                if self._count % LOOK_EVERY == 0:
                    for name in watched:
                        env.image(name)
                return ended

        simulation = Watched(env, factor_set, 0, options.episode_steps)
        print("READY", flush=True)
        for turn, _ in enumerate(sys.stdin):
            steps = simulation._count
            began = time.perf_counter()
            Rollout(simulation, policy, range(turn * n, (turn + 1) * n), lambda episode: None).run()
            took = time.perf_counter() - began
            print(f"TOOK {took / (simulation._count - steps) * 1e3}", flush=True)


class Worker:
    """A process that runs turns of one set."""

    def __init__(self, options: FactorBenchOptions, name: str, camera: str) -> None:
        words = [f"{k}={getattr(options, k)}" for k in ("physics", "device", "num_envs", "episode_steps")]
        command = [sys.executable, "-m", "tools.bench_factors", f"worker={name}/{camera}", *words]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        self._answer("READY")

    def turn(self) -> float:
        """Wall time per step of one more turn [ms]."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return float(self._answer("TOOK").split()[1])

    def close(self) -> None:
        """Let the process end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self, word: str) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(word):
                return line
        raise RuntimeError(f"a worker ended with status {self._process.wait()} before it said {word}")


def main() -> int:
    """Measure and print."""
    console = Console(highlight=False)
    try:
        options = parse_options(FactorBenchOptions, sys.argv[1:])
    except OptionError as error:
        print(f"bench_factors: {error}", file=sys.stderr)
        return 2
    if options.device == "auto":
        options.device = default_device()
    if options.physics == "auto":
        options.physics = default_physics(options.device)
    if options.worker:
        work(options)
        return 0
    first, second = options.sets.split(",")
    lines = [
        f"| camera | {first} [ms/step] | {second} [ms/step] | more, median | its 95 % interval |",
        "|---|---:|---:|---:|---:|",
    ]
    for camera in options.cameras.split(","):
        workers = [Worker(options, name, camera) for name in (first, second)]
        for worker in workers:
            worker.turn()  # the first is slower
        pairs = np.array([[worker.turn() for worker in workers] for _ in range(options.turns)])
        for worker in workers:
            worker.close()
        one, two = np.median(pairs, axis=0)
        more = pairs[:, 1] / pairs[:, 0] - 1
        interval = quantile_interval(more.tolist())
        span = f"{interval[0]:+.1%} to {interval[1]:+.1%}" if interval else "too few turns"
        lines.append(f"| {camera} | {one:.1f} | {two:.1f} | {np.median(more):+.1%} | {span} |")
        console.print(lines[-1])
    print(f"\n{machine()}")
    print(f"{options.physics} on {options.device}, {options.num_envs} environments\n")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
