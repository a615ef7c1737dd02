"""Where recorded actions come from: an archive's own, or what a LeRobot export kept of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml

from tasks.pick_place.action_spaces import CONTROL_HZ, DELTA_EEF
from workbench.data.archive import EPISODES, PLAN, ArchiveError, episodes
from workbench.data.generate_options import GenerateOptions
from workbench.data.lerobot_import import ImportedEpisode, LeRobotImportError, load_lerobot
from workbench.data.origin import read_mapping
from workbench.data.replay_actions import options_of
from workbench.data.survey import is_archive


@dataclass
class RecordedActions:
    """What is to be replayed, by the index of the episode."""

    options: GenerateOptions
    """How the dataset was made."""
    actions: dict[int, np.ndarray] = field(default_factory=dict)
    """``[T, A]`` in the units of the options' action space."""
    paths: dict[int, np.ndarray] = field(default_factory=dict)
    """Tool positions as recorded ``[T + 1, 3]`` [m], base frame, at control steps."""


def recorded_actions(folder: Path, limit: int | None = None) -> RecordedActions:
    """The actions of a dataset that `workbench generate` made or that was exported from one.

    Args:
        folder: archive or LeRobot dataset.
        limit: how many episodes at most.

    Raises:
        ArchiveError, LeRobotImportError: a folder that is neither, or does not say how it was made.
    """
    return _of_archive(folder, limit) if is_archive(folder) else _of_lerobot(folder, limit)


def _of_archive(folder: Path, limit: int | None) -> RecordedActions:
    config = folder / "config.yaml"
    if not config.exists():
        raise ArchiveError(f"{folder} has no config.yaml, so its episodes cannot be made again")
    found = RecordedActions(options_of(folder, read_mapping(config, yaml.safe_load)))
    stage = folder / PLAN if (folder / PLAN).is_dir() else folder / EPISODES
    for episode in episodes(stage, ()):
        index = episode.record["index"]
        if index in found.actions:
            continue  # another rendering of the same
        if limit is not None and len(found.actions) >= limit:
            break
        found.actions[index], found.paths[index] = episode.actions, episode.ee_pose[:, :3]
    return found


def _of_lerobot(folder: Path, limit: int | None) -> RecordedActions:
    origin = folder / "meta/origin.json"
    config = read_mapping(origin, json.loads).get("config") if origin.exists() else None
    if not config:
        raise LeRobotImportError(
            f"{folder} does not say how it was made, so its episodes cannot be made again"
        )
    found = RecordedActions(options_of(folder, config))
    for episode in load_lerobot(folder):
        index = int(episode.metadata["original_episode_name"].split("-")[0])
        if index in found.actions:
            continue
        if limit is not None and len(found.actions) >= limit:
            break
        found.actions[index] = control_actions(episode, found.options.action_space)
        found.paths[index] = _at_control_steps(episode)
    return found


def control_actions(episode: ImportedEpisode, space: str) -> np.ndarray:
    """Actions ``[T, A]`` at control steps from those between frames: each is spread evenly over its steps.

    Args:
        episode: of an export; its frames are a whole number of control steps apart.
        space: name of the action space.
    """
    steps = _steps_a_frame(episode)
    if space == DELTA_EEF.name:
        parts = ("command.delta_eef_position", "command.delta_eef_rotation_vector")
    else:
        parts = ("command.delta_joints",)
    arm = np.concatenate([episode.column(name) for name in parts], 1) / steps
    gripper = -episode.column("command.gripper_close")  # there +1 closes, here it opens
    return np.repeat(np.concatenate((arm, gripper), 1), steps, 0).astype(np.float32)


def _at_control_steps(episode: ImportedEpisode) -> np.ndarray:
    position, steps = episode.column("state.eef_position"), _steps_a_frame(episode)
    at = np.arange(len(position) * steps - steps + 1) / steps
    return np.stack([np.interp(at, np.arange(len(position)), position[:, axis]) for axis in range(3)], 1)


def _steps_a_frame(episode: ImportedEpisode) -> int:
    return round(CONTROL_HZ / episode.fps)
