"""``workbench data replay``: a dataset's actions in the simulator, and what came of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console

from workbench.data.command_options import ReplayOptions
from workbench.data.joint_tracking import resample, track_joints
from workbench.data.lerobot_import import ImportedDataset, load_lerobot
from workbench.data.replay_actions import replay_actions
from workbench.data.replay_sources import recorded_actions
from workbench.data.survey import is_archive
from workbench.launch import check_launch, default_device, default_physics, output_to
from workbench.options import OptionError
from workbench.progress_bar import progress_bar

REPRODUCED = 0.95
"""Share of episodes that must succeed again for a dataset to count as reproduced."""
JOINTS = "command.joints"
"""Column of commanded joints; ``action.joints`` in datasets of others."""


def replay(path: Path, options: ReplayOptions, console: Console) -> int:
    """Replay what a dataset holds; returns the exit status.

    Datasets of our own are run again, episode by episode. Of those of others the commanded joints are followed, with
    nothing on the table, and the error is told.
    """
    if options.episodes < 0:
        raise OptionError(f"episodes must be at least 0, not {options.episodes}")
    limit = options.episodes or None
    if is_archive(path) or (path / "meta/origin.json").exists():
        return _run_again(path, options, limit, console)
    return _follow(load_lerobot(path), options, limit, console)


def _run_again(path: Path, options: ReplayOptions, limit: int | None, console: Console) -> int:
    recorded = recorded_actions(path, limit)
    made_with = recorded.options
    if options.physics:
        made_with.physics = options.physics
    check_launch(made_with.physics, made_with.renderer, made_with.device)
    console.print(
        f"{len(recorded.actions)} episodes to replay in {made_with.num_envs} environments, "
        f"{made_with.physics} on {made_with.device}"
    )
    with quietly(console) as terminal, progress_bar(terminal) as bar:
        task = bar.add_task("episodes", total=len(recorded.actions), note="")
        found = replay_actions(
            made_with, recorded.actions, recorded.paths, lambda *_: bar.update(task, advance=1)
        )
    for index, reason in sorted(found.outcomes.items()):
        if reason is not None:
            console.print(
                f"episode {index}: {reason}, {1e3 * found.tool_error[index]:.1f} mm off", highlight=False
            )
    low, high = found.interval()
    share = found.successes / len(found.outcomes)
    worst = max(found.tool_error.values())
    console.print(
        f"[bold]succeeded again {found.successes}/{len(found.outcomes)} = {share:.1%}[/], "
        f"interval [{low:.1%}, {high:.1%}]; the tool was at most {1e3 * worst:.1f} mm from where it had been",
        highlight=False,
    )
    return 0 if share >= REPRODUCED else 1


def _follow(dataset: ImportedDataset, options: ReplayOptions, limit: int | None, console: Console) -> int:
    device = default_device()
    physics = options.physics or default_physics(device)
    check_launch(physics, "newton_warp", device)
    chosen = [episode for _, episode in zip(range(limit or len(dataset)), dataset, strict=False)]
    commands = [resample(episode.column(JOINTS).astype(float), episode.fps) for episode in chosen]
    with quietly(console):
        found = track_joints(commands, physics, device)
    for episode, tracked in zip(chosen, found, strict=True):
        console.print(
            f"episode {episode.index}: {len(tracked.error)} control steps, joint tracking error "
            f"{1e3 * tracked.rms:.1f} mrad RMS, {1e3 * tracked.worst:.1f} mrad at most"
            + (f"; {tracked.clipped} commands beyond the arm's limits" if tracked.clipped else ""),
            highlight=False,
        )
    rms = float(np.sqrt(np.mean(np.concatenate([t.error for t in found]) ** 2)))
    console.print(
        f"[bold]{1e3 * rms:.1f} mrad RMS over {len(found)} episodes[/], {physics} on {device}",
        highlight=False,
    )
    return 0


@contextmanager
def quietly(console: Console) -> Iterator[Console]:
    """Keep the simulator's output out of the terminal, in a file that is kept, and named, only if something fails.

    Gives a console on the terminal.
    """
    descriptor, name = tempfile.mkstemp(prefix="workbench-replay-", suffix=".log")
    os.close(descriptor)
    try:
        with output_to(Path(name)) as terminal:
            yield Console(file=terminal)
    except BaseException:
        console.print(
            f"what the simulator printed is in {name}", markup=False, highlight=False, soft_wrap=True
        )
        raise
    os.unlink(name)
