"""``workbench doctor``: what is installed, what works here, and a tiny step of everything that should.

Each engine and renderer is tried in a process of its own: some settle things for the whole process (PhysX picks CPU
or GPU once), and one that crashes must not take the doctor with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from robots.asset_cache import cache_root
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
physics, renderer, device = sys.argv[1:]
from workbench.rollout.simulation import TabletopSimulation, launch_tabletop
from workbench.rollout.simulation_cfg import SimulationCfg
from domain_rand.sets import load_set
cfg = SimulationCfg(1, physics, device, renderer=renderer, cameras=("front",), image_size=32)
with launch_tabletop(cfg) as env:
    simulation = TabletopSimulation(env, load_set("none"), 0, 10)
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
    for heading in ("physics", "renderer", "device", "verdict", "detail"):
        table.add_column(heading, overflow="fold")
    failed = False
    for physics in PHYSICS:
        for renderer in RENDERERS:
            with console.status(f"trying {physics} with {renderer} on {device}"):
                trial = try_combination(physics, renderer, device)
            failed |= trial.verdict == "FAILED"
            table.add_row(trial.physics, trial.renderer, trial.device, trial.verdict, trial.detail)
    console.print(table)
    return 1 if failed else 0


def try_combination(physics: str, renderer: str, device: str) -> Trial:
    """Start one environment, step once, look at one image."""
    try:
        check_launch(physics, renderer, device)
    except LaunchError as error:
        return Trial(physics, renderer, device, "not available", str(error))
    command = [sys.executable, "-c", _TRIAL, physics, renderer, device]
    try:
        run = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return Trial(physics, renderer, device, "FAILED", f"no answer within {TIMEOUT_S} s")
    if run.returncode == 0 and "TRIAL PASSED" in run.stdout:
        return Trial(physics, renderer, device, "works", "")
    lines = [line for line in (run.stderr + run.stdout).splitlines() if line.strip()]
    return Trial(physics, renderer, device, "FAILED", lines[-1] if lines else f"exit status {run.returncode}")


def _packages() -> Table:
    table = Table(title="packages", title_justify="left", box=None, padding=(0, 2), show_header=False)
    for name, found in package_versions().items():
        table.add_row(name, found or "not installed")
    for tool, use in (("ffmpeg", "video in Rerun"), ("git", "provenance")):
        table.add_row(tool, "found" if shutil.which(tool) else f"not found: no {use}")
    return table


def _plugins() -> Table:
    from domain_rand import checks, factors, plugins  # noqa: F401  importing them loads what is registered
    from robots import registry as robots
    from tasks import registry
    from workbench.rollout.policy_classes import GROUP, registered

    table = Table(title="plug-ins", title_justify="left", box=None, padding=(0, 2), show_header=False)
    for plugin in (*plugins.load(plugins.FACTORS), *plugins.load(plugins.CHECKS)):
        verdict = f"[red]{plugin.problem}[/]" if plugin.problem else "works"
        table.add_row(plugin.group, plugin.name, plugin.package, verdict)
    for name, point in registry.registered().items():
        try:
            registry.find(name)
            verdict = "works"
        except registry.TaskError as problem:
            verdict = f"[red]{problem}[/]"
        table.add_row(registry.GROUP, name, point.value, verdict)
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
