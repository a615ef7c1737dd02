"""How fast does the bench roll out, and what does it add to a bare Isaac Lab loop?

    python -m tools.bench_rollout                       # every engine that works here, 1 to 64 environments
    python -m tools.bench_rollout physics=ovphysx num_envs=16 steps=200 write=docs/benchmarks.md

Each row is measured in a process of its own, both loops in that process, in alternating stretches, so that a busy
machine slows both alike. The bare loop calls ``env.step`` with the same actions and reads the same cameras at the
same steps. Episodes per hour are those of the scripted expert, measured by running it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

import numpy as np
from rich.console import Console
from rich.progress import track

from workbench.cli.options import OptionError, option, parse_options
from workbench.rollout.launch import default_device, default_physics
from workbench.runs.provenance import machine, package_versions


@dataclass
class BenchOptions:
    """Options of the benchmark."""

    physics: str = option("ovphysx,newton_mjwarp", "engines, comma-separated")
    num_envs: str = option("1,4,16,64", "numbers of environments, comma-separated")
    cameras: str = option("none,front", "cameras that are read, comma-separated: none, front")
    device: str = option("auto", "cpu or cuda:N")
    steps: int = option(192, "steps per loop in all", "control steps")
    image_size: int = option(224, "width and height of the images", "px")
    row: str = option("", "internal: measure this one row and print it as JSON")


@dataclass
class Row:
    """One line of the table."""

    physics: str
    device: str
    num_envs: int
    cameras: str
    bare_ms: float
    """Wall time of a step of the bare loop [ms]."""
    bench_ms: float
    """Wall time of a step of the bench's loop [ms]."""
    overhead: float
    """What the bench adds, as a share of the bare loop: median over pairs of neighbouring stretches."""
    env_steps_per_s: float
    frames_per_s: float
    episodes_per_hour: float | None
    """Of the expert; None with cameras, which the expert does not read."""


class _Watcher:
    """Holds still and reads a camera every `execute_steps` steps, as a policy with action chunks does."""

    name = "watcher"
    privileged = False
    execute_steps = 8

    def __init__(self, num_envs: int, action_spec, cameras: tuple[str, ...], device: str) -> None:
        from policy.baselines import Hold

        self.action_spec = action_spec
        self.cameras = cameras
        self._hold = Hold(num_envs, action_spec, device)

    def reset(self, env_ids, seeds) -> None:
        """Nothing to forget."""

    def act(self, observation):
        """A chunk of holding still."""
        from policy import Decision

        still = self._hold.act(observation)
        return Decision(still.actions.expand(-1, self.execute_steps, -1), still.grounding)


def measure(physics: str, device: str, num_envs: int, cameras: str, steps: int, image_size: int) -> Row:
    """One row, in this process."""
    import torch

    from domain_rand.sets import load_set
    from workbench.rollout.loop import Rollout
    from workbench.rollout.simulation import TabletopSimulation, launch_tabletop
    from workbench.rollout.simulation_cfg import SimulationCfg

    watched = () if cameras == "none" else (cameras,)
    simulated = SimulationCfg(num_envs, physics, device, cameras=watched, image_size=image_size)
    with launch_tabletop(simulated) as env:
        policy = _Watcher(num_envs, env.action_spec, watched, device)
        stretches = 12
        chunk = max(policy.execute_steps, steps // stretches // policy.execute_steps * policy.execute_steps)
        simulation = TabletopSimulation(env, load_set("default"), 0, max_steps=chunk)
        action = simulation.idle_action.expand(num_envs, -1)

        def wait() -> None:
            if device != "cpu":
                torch.cuda.synchronize()

        def bare(first: int) -> float:
            # The same episodes as the other loop: an empty table is drawn faster than one with bodies on it.
            simulation.begin(range(num_envs), range(first, first + num_envs))
            wait()
            began = time.perf_counter()
            for i in range(chunk):
                if watched and i % policy.execute_steps == 0:
                    env.scene[watched[0]].data.output["rgb"].torch.clone()
                env.episode_length_buf[:] = 0
                env.step(action)
            wait()
            took = time.perf_counter() - began
            forget()
            return took

        def forget() -> None:
            simulation.end(range(num_envs))
            for _ in range(2):
                simulation.step(action)

        def bench(first: int) -> float:
            rollout = Rollout(simulation, policy, range(first, first + num_envs), lambda episode: None)
            rollout._begin_waiting()  # a reset is no step; the bare loop has none either
            wait()
            began = time.perf_counter()
            rollout.run()
            wait()
            took = time.perf_counter() - began
            forget()
            return took

        bench(0)
        bare(0)
        firsts = [(k + 1) * num_envs for k in range(stretches)]
        pairs = []
        for k, first in enumerate(firsts):
            # In turns, so that a machine that grows slower favours neither.
            took = {loop: loop(first) for loop in ((bare, bench) if k % 2 else (bench, bare))}
            pairs.append((took[bare], took[bench]))
        bare_ms, bench_ms = (float(np.median(column)) / chunk * 1e3 for column in zip(*pairs, strict=True))
        overhead = float(np.median([b / a for a, b in pairs])) - 1
        rate = None
        if not watched:
            expert_simulation = TabletopSimulation(env, load_set("default"), 0, max_steps=300)
            began = time.perf_counter()
            Rollout(
                expert_simulation,
                env.task.expert(num_envs, env.action_spec, device=device),
                range(num_envs),
                lambda e: None,
            ).run()
            wait()
            rate = num_envs / (time.perf_counter() - began) * 3600
    frames = num_envs / policy.execute_steps / bench_ms * 1e3 if watched else 0.0
    steps_per_s = num_envs / bench_ms * 1e3
    return Row(physics, device, num_envs, cameras, bare_ms, bench_ms, overhead, steps_per_s, frames, rate)


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| physics | device | environments | camera | bare loop [ms/step] | bench [ms/step] | overhead "
        "| env steps/s | frames/s | expert episodes/h |",
        "|---|---|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for r in rows:
        episodes = f"{r.episodes_per_hour:,.0f}" if r.episodes_per_hour else ""
        frames = f"{r.frames_per_s:.0f}" if r.frames_per_s else ""
        lines.append(
            f"| {r.physics} | {r.device} | {r.num_envs} | {r.cameras} | {r.bare_ms:.1f} | {r.bench_ms:.1f} "
            f"| {r.overhead:+.1%} | {r.env_steps_per_s:.0f} | {frames} | {episodes} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    console = Console()
    try:
        options = parse_options(BenchOptions, sys.argv[1:])
    except OptionError as error:
        print(f"bench_rollout: {error}", file=sys.stderr)
        return 2
    device = default_device() if options.device == "auto" else options.device
    if options.row:
        physics, num_envs, cameras = options.row.split("/")
        row = measure(physics, device, int(num_envs), cameras, options.steps, options.image_size)
        print("ROW " + json.dumps(asdict(row)))
        return 0
    cases = [
        f"{physics}/{n}/{camera}"
        for physics in options.physics.split(",")
        for camera in options.cameras.split(",")
        for n in options.num_envs.split(",")
    ]
    rows = []
    for case in track(cases, description="measuring", console=console):
        words = [
            f"row={case}",
            f"device={device}",
            f"steps={options.steps}",
            f"image_size={options.image_size}",
        ]
        command = [sys.executable, "-m", "tools.bench_rollout", *words]
        run = subprocess.run(command, capture_output=True, encoding="utf-8")
        found = [line for line in run.stdout.splitlines() if line.startswith("ROW ")]
        if not found:
            tail = "\n".join(run.stderr.splitlines()[-3:])
            console.print(f"{case} failed:\n{tail}")
            continue
        rows.append(Row(**json.loads(found[0][4:])))
        r = rows[-1]
        console.print(
            f"{case}: {r.env_steps_per_s:.0f} env steps/s, overhead {r.overhead:+.1%}", highlight=False
        )
    versions = package_versions()
    print(f"\n{machine()}")
    print(
        ", ".join(f"{k} {versions[k]}" for k in ("isaaclab", "ovphysx", "newton", "mujoco-warp", "warp-lang"))
    )
    print(f"\n{default_physics(device)} is the default engine on {device}\n\n{table(rows)}")
    return 0 if len(rows) == len(cases) else 1


if __name__ == "__main__":
    sys.exit(main())
