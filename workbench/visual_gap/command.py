"""``workbench gap visual``: real pictures against simulated ones of the same states, and the factors that cover it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from robots import registry as robots
from workbench.cli.options import OptionError, help_table, option, parse_options
from workbench.cli.positional import called_like_an_option, separate
from workbench.runs.durable import write_atomically

if TYPE_CHECKING:
    from robots.protocol import RobotModel
    from workbench.rollout.policies import PolicyCfg
    from workbench.visual_gap.findings import Finding
    from workbench.visual_gap.gather import Compared
    from workbench.visual_gap.measures import CameraGap
    from workbench.visual_gap.pairs import Pairs
    from workbench.visual_gap.policy_gap import Distance

USAGE = """usage: workbench gap visual LOG ... [key=value ...]

A LOG is a run or an MCAP file of `workbench bridge` with pictures, an archive of the data engine, or a LeRobot folder.
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
    policy: str = option("", "who is shown both: m1, a class of yours, or a server; empty: nobody")
    checkpoint: str = option("", "m1: folder of its checkpoint; none: the one that ships")

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
        if self.policy:
            self.policy_cfg.check()
        try:
            return robots.robot(self.robot)
        except robots.RobotError as problem:
            raise OptionError(str(problem)) from problem

    @property
    def policy_cfg(self) -> PolicyCfg:
        """Who is asked."""
        from workbench.rollout.policies import PolicyCfg
        from workbench.rollout.policy_names import M1, M1_MINI

        checkpoint = self.checkpoint or (M1_MINI if self.policy == M1 else "")
        return PolicyCfg(self.policy, checkpoint=checkpoint, robot=self.robot)


def visual_command(words: Sequence[str], console: Console) -> int:
    """Run it; OptionError for words that cannot be used, LogError for logs."""
    names, given = separate(words, VisualOptions)
    options = parse_options(VisualOptions, given)
    model = options.resolve()
    if not names:
        raise OptionError(f"gap visual takes at least one log{called_like_an_option(given)}; see --help")
    from workbench.visual_gap.findings import findings
    from workbench.visual_gap.gather import chosen, compared
    from workbench.visual_gap.measures import measure
    from workbench.visual_gap.page import ANSWERS, HEADINGS, answer_rows, rows_of, sentence_of

    seen = compared(options, chosen(options, names, model))
    pairs = [one.pairs for one in seen]
    gaps = [measure(one, options.lens == "known", options.seed) for one in pairs]
    found = [f for gap, one in zip(gaps, pairs, strict=True) for f in findings(gap, one.colors)]
    for gap, one in zip(gaps, seen, strict=True):
        console.print(sentence_of(gap), markup=False)
        if one.left_out:
            console.print(
                f"  left out: {one.left_out} pictures of episodes with other things on the table",
                markup=False,
            )
        for reason in gap.reasons:
            console.print(f"  not said: {reason}", markup=False)
    grid = Table(*HEADINGS, box=None)
    for row in rows_of(found):
        grid.add_row(*map(escape, row))
    console.print(grid)
    answers = _asked(options, seen, model)
    if answers:
        grid = Table(*ANSWERS, box=None)
        for row in answer_rows(answers):
            grid.add_row(*map(escape, row))
        console.print(grid)
    _write(options, names, gaps, pairs, found, answers, console)
    return 0


def _asked(options: VisualOptions, seen: Sequence[Compared], model: RobotModel) -> list[Distance]:
    """What a policy makes of both; nothing without one. OptionError for one that cannot be asked."""
    if not options.policy:
        return []
    from tasks.tabletop.action_spaces import action_specs
    from workbench.rollout.policies import make_policy
    from workbench.visual_gap.policy_gap import policy_distances

    count, size = len(seen[0].instructions), seen[0].pairs.size[0]
    policy = make_policy(
        options.policy_cfg, count, action_specs(options.robot)["delta_eef"], options.device, size
    )
    pairs = {one.pairs.camera: one.pairs for one in seen if len(one.instructions) == count}
    try:
        return policy_distances(policy, pairs, seen[0].states, seen[0].instructions, model)
    except ValueError as problem:
        raise OptionError(f"policy={options.policy}: {problem}") from problem


def print_help(console: Console) -> None:
    """What ``--help`` prints."""
    console.print(USAGE, markup=False)
    console.print(help_table(VisualOptions))


def _write(
    options: VisualOptions,
    names: Sequence[str],
    gaps: Sequence[CameraGap],
    pairs: Sequence[Pairs],
    found: Sequence[Finding],
    answers: Sequence[Distance],
    console: Console,
) -> None:
    """``visual.json``, ``visual.html`` and the factor set, where asked for."""
    from workbench.visual_gap.covering import write_set
    from workbench.visual_gap.document import document
    from workbench.visual_gap.page import page_of

    out = Path(options.out) if options.out else None
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        content = document(gaps, found, answers, names, options)
        write_atomically(out / "visual.json", json.dumps(content, indent=1) + "\n")
        write_atomically(out / "visual.html", page_of(gaps, pairs, found, answers))
        for gap, one in zip(gaps, pairs, strict=True):
            if gap.background is not None:
                picture = out / f"background_{one.camera}.png"
                Image.fromarray(gap.background).save(picture)
                console.print(f"{picture}   (dr.appearance.background_overlay.value={picture})", markup=False)
        console.print(f"{out}/visual.html", markup=False)
    path = Path(options.dr) if options.dr else out / "visual.yaml" if out is not None else None
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_set(found, path, names)
        console.print(str(path), markup=False)
