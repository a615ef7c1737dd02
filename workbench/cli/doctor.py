"""``workbench doctor``: what is installed, what works here, and a tiny step of everything that should.

Each engine and renderer, each task and each robot is tried in a process of its own: some settle things for the whole
process (PhysX picks CPU or GPU once), and one that crashes must not take the doctor with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path

from rich.console import Console
from rich.table import Table

from robots import registry as robots
from robots.asset_cache import cache_root
from tasks import registry as tasks
from workbench.rollout.launch import (
    PHYSICS,
    RENDERERS,
    LaunchError,
    check_launch,
    default_device,
    default_physics,
)
from workbench.runs.provenance import hardware, package_versions

TIMEOUT_S = 420
"""A first start compiles kernels; on two cores that takes about two minutes [s]."""

_TRIAL = """
import sys
physics, renderer, device, task, robot = sys.argv[1:]
from workbench.rollout.simulation import TabletopSimulation, launch_tabletop
from workbench.rollout.simulation_cfg import SimulationCfg
from domain_rand.sets import load_set
factor_set = load_set("none", task=task)
cfg = SimulationCfg(
    1, physics, device, task, robot, renderer, cameras=("front",), image_size=32, factor_set=factor_set
)
with launch_tabletop(cfg) as env:
    simulation = TabletopSimulation(env, factor_set, 0, 10)
    simulation.begin([0], [0])
    simulation.step(simulation.idle_action[None])
    image = env.image("front")
    if image.shape != (1, 32, 32, 3):  # no assert: Python's -O takes those out
        sys.exit(f"the image has the shape {image.shape}")
    if int(image.max()) <= int(image.min()):
        sys.exit("the camera sees nothing")
    print("TRIAL PASSED")
"""


@dataclass(frozen=True)
class Trial:
    """One combination tried."""

    physics: str
    renderer: str
    device: str
    task: str
    robot: str
    verdict: str
    """``works``, ``not available`` or ``FAILED``."""
    detail: str


def doctor(console: Console) -> int:
    """Print everything; 0 unless something that should work does not."""
    console.print(_packages())
    machine = hardware()
    gpus = ", ".join(machine["gpus"]) or "none"
    console.print(
        f"\n{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB memory, GPUs: {gpus}\n"
    )
    console.print(_caches())
    plugins = _plugins()
    if plugins.row_count:
        console.print()
        console.print(plugins)
    device = default_device()
    console.print(
        f"\ndefaults here: device={device} physics={default_physics(device)} renderer={RENDERERS[0]}\n"
    )
    table = Table(title="one step and one image of each", title_justify="left", box=None, padding=(0, 2))
    for heading in ("physics", "renderer", "device", "task", "robot", "verdict", "detail"):
        table.add_column(heading, overflow="fold")
    failed = False
    for wanted in combinations(device):
        with console.status(f"trying {' with '.join(wanted)} on {device}"):
            trial = try_combination(device, *wanted)
        failed |= trial.verdict == "FAILED"
        table.add_row(*(getattr(trial, f.name) for f in fields(trial)))
    console.print(table)
    return 1 if failed else 0


def combinations(device: str) -> list[tuple[str, str, str, str]]:
    """What is tried: every engine and renderer with the default task and robot, then, on the default engine, each other
    task with that robot, and each other robot with that task. Physics, renderer, task, robot."""
    home = tasks.DEFAULT, robots.DEFAULT
    found = [(physics, renderer, *home) for physics in PHYSICS for renderer in RENDERERS]
    engine = default_physics(device), RENDERERS[0]
    found += [(*engine, task, robots.DEFAULT) for task in tasks.names() if task != tasks.DEFAULT]
    return found + [(*engine, tasks.DEFAULT, robot) for robot in robots.names() if robot != robots.DEFAULT]


def try_combination(
    device: str, physics: str, renderer: str, task: str = tasks.DEFAULT, robot: str = robots.DEFAULT
) -> Trial:
    """Start one environment, step once, look at one image."""
    tried = physics, renderer, device, task, robot
    try:
        check_launch(physics, renderer, device)
        tasks.find(task)
        robots.robot(robot)
    except LaunchError as error:
        return Trial(*tried, "not available", str(error))
    except (tasks.TaskError, robots.RobotError) as error:
        return Trial(*tried, "FAILED", str(error))
    command = [sys.executable, "-c", _TRIAL, *tried]
    try:
        run = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return Trial(*tried, "FAILED", f"no answer within {TIMEOUT_S} s")
    if run.returncode == 0 and "TRIAL PASSED" in run.stdout:
        return Trial(*tried, "works", "")
    lines = [line for line in (run.stderr + run.stdout).splitlines() if line.strip()]
    return Trial(*tried, "FAILED", lines[-1] if lines else f"exit status {run.returncode}")


def _packages() -> Table:
    table = Table(title="packages", title_justify="left", box=None, padding=(0, 2), show_header=False)
    for name, found in package_versions().items():
        table.add_row(name, found or "not installed")
    for tool, use in (("ffmpeg", "video in Rerun"), ("git", "provenance")):
        table.add_row(tool, "found" if shutil.which(tool) else f"not found: no {use}")
    return table


def _plugins() -> Table:
    from domain_rand import checks, factors, plugins  # noqa: F401  importing them loads what is registered
    from workbench.rollout.policy_classes import GROUP, registered

    table = Table(title="plug-ins", title_justify="left", box=None, padding=(0, 2), show_header=False)
    for plugin in (*plugins.load(plugins.FACTORS), *plugins.load(plugins.CHECKS)):
        verdict = f"[red]{plugin.problem}[/]" if plugin.problem else "works"
        table.add_row(plugin.group, plugin.name, plugin.package, verdict)
    for name, point in tasks.registered().items():
        try:
            tasks.find(name)
            verdict = "works"
        except tasks.TaskError as problem:
            verdict = f"[red]{problem}[/]"
        table.add_row(tasks.GROUP, name, point.value, verdict)
    for name, where in robots.registered().items():
        try:
            robots.robot(name)
            verdict = "works"
        except robots.RobotError as problem:
            verdict = f"[red]{problem}[/]"
        table.add_row(robots.GROUP, name, where, verdict)
    for name, where in registered().items():
        table.add_row(GROUP, name, where, "")
    return table


def _caches() -> Table:
    import warp

    table = Table(title="caches", title_justify="left", box=None, padding=(0, 2), show_header=False)
    warp_cache = (
        os.environ.get("WARP_CACHE_PATH") or warp.config.kernel_cache_dir or Path.home() / ".cache" / "warp"
    )
    for name, path in (("robot and object assets", cache_root()), ("compiled kernels", Path(warp_cache))):
        size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) if path.is_dir() else 0
        table.add_row(name, str(path), f"{size / 2**20:.0f} MiB")
    return table
