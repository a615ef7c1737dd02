"""``workbench gap visual``: real pictures against simulated ones of the same states, and the factors that cover it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from robots import registry as robots
from workbench.cli.options import OptionError, help_table, listed, option, parse_options
from workbench.cli.positional import called_like_an_option, separate
from workbench.runs.durable import write_atomically

if TYPE_CHECKING:
    from domain_rand.sets import FactorSet
    from robots.protocol import RobotModel
    from workbench.visual_gap.findings import Finding
    from workbench.visual_gap.measures import CameraGap
    from workbench.visual_gap.pairs import Pairs
    from workbench.visual_gap.real_frames import RealFrames

USAGE = """usage: workbench gap visual LOG ... [key=value ...]

A LOG is a run or an MCAP file of `workbench bridge` with pictures, or an archive of the data engine.
"""
MOST_FRAMES = 500


@dataclass
class VisualOptions:
    """Options of ``workbench gap visual``."""

    robot: str = option(robots.DEFAULT, f"whose pictures: {', '.join(robots.names())}")
    cameras: str = option(
        "", "names of cameras, separated by commas; empty: all that the log and the simulation have"
    )
    frames: int = option(24, "pictures of each camera, from all logs together", "pictures")
    simulated: str = option(
        "none",
        "factor set of the simulated pictures, fixed values alone: what `workbench calibrate` wrote, or none",
    )
    lens: str = option("fit", "fit: focal length and distortion too; known: they are as simulated")
    dr: str = option(
        "", "YAML file for the factor set that covers the difference; empty: visual.yaml in out="
    )
    out: str = option("", "folder for visual.json, visual.html and visual.yaml")
    num_envs: int = option(4, "environments that draw")
    seed: int = option(0, "of outline points and resamples")
    physics: str = option(
        "auto", "ovphysx, newton_mjwarp or isaacsim_physx: nothing moves, so it hardly matters"
    )
    renderer: str = option("newton_warp", "newton_warp or isaac_rtx")
    device: str = option("auto", "cpu or cuda:N; auto: a GPU if there is one")

    def resolve(self) -> RobotModel:
        """The robot; OptionError or LaunchError for what cannot be."""
        from workbench.rollout.launch import check_launch, default_device, default_physics

        if self.lens not in ("fit", "known"):
            raise OptionError(f"lens={self.lens}: choose fit or known")
        if not 2 <= self.frames <= MOST_FRAMES:
            raise OptionError(f"frames must be from 2 to {MOST_FRAMES}, not {self.frames}")
        if not 1 <= self.num_envs <= 256:
            raise OptionError(f"num_envs must be from 1 to 256, not {self.num_envs}")
        if self.device == "auto":
            self.device = default_device()
        if self.physics == "auto":
            self.physics = default_physics(self.device)
        check_launch(self.physics, self.renderer, self.device)
        try:
            return robots.robot(self.robot)
        except robots.RobotError as problem:
            raise OptionError(str(problem)) from problem


def visual_command(words: Sequence[str], console: Console) -> int:
    """Run it; OptionError for words that cannot be used, LogError for logs."""
    names, given = separate(words, VisualOptions)
    options = parse_options(VisualOptions, given)
    model = options.resolve()
    if not names:
        raise OptionError(f"gap visual takes at least one log{called_like_an_option(given)}; see --help")
    from workbench.visual_gap.findings import findings
    from workbench.visual_gap.measures import measure
    from workbench.visual_gap.page import HEADINGS, rows_of, sentence_of

    real = _chosen(options, names)
    pairs = _simulated(options, real, model)
    gaps = [measure(one, options.lens == "known", options.seed) for one in pairs]
    found = [f for gap, one in zip(gaps, pairs, strict=True) for f in findings(gap, one.colors)]
    for gap in gaps:
        console.print(sentence_of(gap), markup=False)
        for reason in gap.reasons:
            console.print(f"  not said: {reason}", markup=False)
    grid = Table(*HEADINGS, box=None)
    for row in rows_of(found):
        grid.add_row(*map(escape, row))
    console.print(grid)
    _write(options, names, gaps, pairs, found, console)
    return 0


def print_help(console: Console) -> None:
    """What ``--help`` prints."""
    console.print(USAGE, markup=False)
    console.print(help_table(VisualOptions))


def _chosen(options: VisualOptions, names: Sequence[str]) -> list[RealFrames]:
    """The log's pictures that are compared; OptionError for cameras that there are not."""
    from tasks.tabletop.workspace import cameras_of
    from workbench.visual_gap.real_frames import read_real

    known = [spec.name for spec in cameras_of(robots.robot(options.robot))]
    every = read_real(names)
    there = list(dict.fromkeys(f.camera for f in every))
    wanted = listed("cameras", options.cameras) or tuple(name for name in there if name in known)
    for name in wanted:
        if name not in there:
            raise OptionError(f"cameras={name}: the log has {', '.join(there)}")
        if name not in known:
            raise OptionError(f"cameras={name}: the simulation has {', '.join(known)}")
    if not wanted:
        raise OptionError(
            f"the log's cameras are {', '.join(there)}, the simulation's {', '.join(known)}: none is both"
        )
    kept = []
    for name in wanted:
        own = [f for f in every if f.camera == name]
        sizes = {f.pictures.shape[1:3] for f in own}
        if len(sizes) > 1 or len({*next(iter(sizes))}) > 1:
            raise OptionError(
                f"pictures of camera {name} must be square and of one size, not {sorted(sizes)}"
            )
        share = max(2, options.frames // len(own))
        kept += [f.chosen(share) for f in own]
    return kept


def _simulated(options: VisualOptions, real: Sequence[RealFrames], model: RobotModel) -> list[Pairs]:
    """Pairs, camera by camera."""
    from workbench.rollout.simulation import launch_tabletop
    from workbench.rollout.simulation_cfg import SimulationCfg
    from workbench.visual_gap.matched import begin, matched
    from workbench.visual_gap.pairs import joined

    sizes = {f.pictures.shape[1] for f in real}
    if len(sizes) > 1:
        raise OptionError(
            f"cameras must have pictures of one size, not {sorted(sizes)} px: choose with cameras="
        )
    factor_set = fixed_looks(options.simulated)
    cameras = tuple(dict.fromkeys(f.camera for f in real))
    with launch_tabletop(
        SimulationCfg(
            num_envs=options.num_envs, physics=options.physics, device=options.device, robot=options.robot,
            renderer=options.renderer, cameras=cameras, image_size=sizes.pop(), factor_set=factor_set,
        )
    ) as env:  # fmt: skip
        begin(env, factor_set)
        made = [matched(env, frames, model) for frames in real]
    result = []
    for camera in cameras:
        own = [p for p in made if p.camera == camera]
        # Episodes with other things stand for themselves; what most have is compared.
        names = max((p.names for p in own), key=[p.names for p in own].count)
        result.append(joined([p for p in own if p.names == names]))
    return result


def fixed_looks(name: str) -> FactorSet:
    """A factor set whose factors of cameras and appearance are fixed values; OptionError for one that draws them."""
    from domain_rand.distributions import Fixed
    from domain_rand.sets import load_set

    found = load_set(name)
    for factor in found.factors:
        looks = factor.name.startswith(("camera.", "appearance."))
        if looks and not isinstance(factor.distribution, Fixed):
            raise OptionError(
                f"simulated={name} draws {factor.name}: simulated pictures are of fixed values, as "
                "`workbench calibrate` writes them"
            )
    return found


def _write(
    options: VisualOptions,
    names: Sequence[str],
    gaps: Sequence[CameraGap],
    pairs: Sequence[Pairs],
    found: Sequence[Finding],
    console: Console,
) -> None:
    """``visual.json``, ``visual.html`` and the factor set, where asked for."""
    from workbench.visual_gap.covering import write_set
    from workbench.visual_gap.document import document
    from workbench.visual_gap.page import page_of

    out = Path(options.out) if options.out else None
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        content = document(gaps, found, names, options)
        write_atomically(out / "visual.json", json.dumps(content, indent=1) + "\n")
        write_atomically(out / "visual.html", page_of(gaps, pairs, found))
        console.print(f"{out}/visual.html", markup=False)
    path = Path(options.dr) if options.dr else out / "visual.yaml" if out is not None else None
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_set(found, path, names)
        console.print(str(path), markup=False)
