"""``workbench data replay``: a dataset's actions in the simulator, and what came of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console

from robots.registry import robot
from workbench.cli.progress_bar import progress_bar
from workbench.data.archive.survey import is_archive
from workbench.data.command_options import ReplayOptions
from workbench.data.lerobot.columns import OLD_NAMES
from workbench.data.lerobot.metadata import ORIGIN
from workbench.data.lerobot.reading import ImportedDataset, ImportedEpisode, LeRobotImportError, load_lerobot
from workbench.data.replay.actions import Replayed, replay_actions
from workbench.data.replay.bridged import JOINTS, commanded_on_an_arm, is_bridged
from workbench.data.replay.joint_tracking import resample, track_joints
from workbench.data.replay.sources import recorded_actions
from workbench.rollout.launch import check_launch, default_device, default_physics, output_to
from workbench.stats import wilson_interval

REPRODUCED = 0.95
"""Share of episodes that must succeed again for a dataset to count as reproduced."""


def replay(path: Path, options: ReplayOptions, console: Console) -> int:
    """Replay what a dataset holds; returns the exit status.

    Datasets of our own are run again, episode by episode. Of those of others, and of runs of the bridge, the commanded
    joints are followed, with nothing on the table. Either way the error is judged.
    """
    options.check()
    limit = options.episodes or None
    if is_bridged(path):
        return _follow(commanded_on_an_arm(path), options, limit, console)
    if is_archive(path) or (path / ORIGIN).exists():
        return _run_again(path, options, limit, console)
    return _follow(load_lerobot(path), options, limit, console)


def _run_again(path: Path, options: ReplayOptions, limit: int | None, console: Console) -> int:
    groups = recorded_actions(path, limit)
    for group in groups:
        group.options.physics = options.physics or group.options.physics
        check_launch(group.options.physics, group.options.renderer, group.options.device)
        console.print(
            f"{len(group.recordings)} recordings of {sum(len(r.names) for r in group.recordings)} episodes to "
            f"replay in {group.options.num_envs} environments, {group.options.physics} on {group.options.device}"
        )
    found: list[Replayed] = []
    with quietly(console) as terminal, progress_bar(terminal) as bar:
        task = bar.add_task("episodes", total=sum(len(group.recordings) for group in groups), note="")
        for group in groups:
            found += replay_actions(group, lambda _: bar.update(task, advance=1))
    status = judge(found, options.tool_mm, console)
    if status:
        for said in dict.fromkeys(said for group in groups for said in group.reservations):
            console.print(f"but {said}", markup=False)
    return status


def judge(found: list[Replayed], allowed_mm: float, console: Console) -> int:
    """Name what did not come about again, and how much did; the exit status."""
    beyond = [one for one in found if not 1e3 * one.tool_error <= allowed_mm]
    for one in found:
        said = [one.failure_reason] if one.failure_reason is not None else []
        if one in beyond:
            said.append(f"the tool is {1e3 * one.tool_error:.1f} mm off, {allowed_mm:g} mm are allowed")
        elif said:
            said.append(f"{1e3 * one.tool_error:.1f} mm off")
        if said:
            console.print(f"episode {', '.join(one.names)}: {'; '.join(said)}", markup=False)
    successes = sum(one.failure_reason is None for one in found)
    share = successes / len(found)
    low, high = wilson_interval(successes, len(found))
    worst = max(one.tool_error for one in found)
    console.print(
        f"[bold]succeeded again {successes}/{len(found)} = {share:.1%}[/], "
        f"interval [{low:.1%}, {high:.1%}]; the tool was at most {1e3 * worst:.1f} mm from where it had been, "
        f"{allowed_mm:g} mm are allowed",
        highlight=False,
    )
    return 0 if share >= REPRODUCED and not beyond else 1


def _follow(
    dataset: ImportedDataset | Sequence[ImportedEpisode],
    options: ReplayOptions,
    limit: int | None,
    console: Console,
) -> int:
    device = default_device()
    physics = options.physics or default_physics(device)
    check_launch(physics, "newton_warp", device)
    chosen = [episode for _, episode in zip(range(limit or len(dataset)), dataset, strict=False)]
    commands = [resample(commanded_joints(episode), episode.fps) for episode in chosen]
    with quietly(console):
        found = track_joints(commands, physics, device)
    beyond = 0
    for episode, tracked in zip(chosen, found, strict=True):
        is_beyond = not 1e3 * tracked.rms <= options.joints_mrad
        beyond += is_beyond
        console.print(
            f"episode {episode.index}: {len(tracked.error)} control steps, joint tracking error "
            f"{1e3 * tracked.rms:.1f} mrad RMS, {1e3 * tracked.worst:.1f} mrad at most"
            + (f", {options.joints_mrad:g} mrad RMS are allowed" if is_beyond else "")
            + (f"; {tracked.clipped} commands beyond the arm's limits" if tracked.clipped else ""),
            highlight=False,
        )
    rms = float(np.sqrt(np.mean(np.concatenate([t.error for t in found]) ** 2)))
    console.print(
        f"[bold]{1e3 * rms:.1f} mrad RMS over {len(found)} episodes[/], {physics} on {device}; "
        f"{options.joints_mrad:g} mrad are allowed in each",
        highlight=False,
    )
    return 1 if beyond else 0


def commanded_joints(episode: ImportedEpisode) -> np.ndarray:
    """Arm joints ``[F, 7]`` [rad] that an episode of somebody's commands; LeRobotImportError for one without."""
    if not {JOINTS, OLD_NAMES[JOINTS]} & episode.columns.keys():
        raise LeRobotImportError(
            f"there is nothing to replay: episode {episode.index} has no column {JOINTS!r} of commanded arm joints "
            f"[rad], and nothing says in which simulation it was made; it has {', '.join(episode.columns)}"
        )
    joints, arm = episode.column(JOINTS).astype(float), len(robot().spec.arm_joints)
    if joints.shape[1:] != (arm,):
        raise LeRobotImportError(
            f"episode {episode.index}, column {JOINTS!r}: has {joints.shape[1]} joints, this arm has {arm}"
        )
    return joints


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
