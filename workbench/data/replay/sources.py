"""Where recorded actions come from: the numbers that exports and training read.

Of an archive those are the actions of ``episodes/``, not of ``plan/``, which nobody reads once it is rendered. Of a
LeRobot dataset they are those of the column ``action``, on which LeRobot's policies train; where an export has none,
the deltas of the space that the data was made in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from policy.action import ActionSpec
from robots.registry import is_known
from tasks.tabletop.action_spaces import ACTION_SPECS, CONTROL_HZ, DELTA_EEF, action_specs
from workbench.data.archive.archive import EPISODES, PLAN, ArchiveError, chunks, episodes
from workbench.data.archive.survey import is_archive
from workbench.data.frame_actions import REACHED
from workbench.data.generate.options import GenerateOptions
from workbench.data.lerobot.columns import ACTION
from workbench.data.lerobot.files import read_json
from workbench.data.lerobot.metadata import CONVENTIONS, ORIGIN
from workbench.data.lerobot.reading import ImportedDataset, ImportedEpisode, LeRobotImportError, load_lerobot
from workbench.data.origin import CONFIG, origin
from workbench.data.replay.origin import config_of, options_of

TRUE, REPORTED = "ee_pose", "measured_ee_pose"
"""Where the tool was, and where the robot said it was, by their names in a simulation's snapshots."""


@dataclass(frozen=True)
class Recording:
    """The actions of a demonstration, and the way of its tool, as one or several episodes hold them."""

    index: int
    """Of the episode that is run again."""
    actions: np.ndarray
    """``[T, A]`` in the units of the environment's action space."""
    path: np.ndarray
    """Tool positions as recorded ``[K, 3]`` [m], base frame."""
    steps: np.ndarray
    """Control step of each ``[K]``."""
    names: list[str] = field(default_factory=list)
    """Episodes of the dataset that hold just these numbers."""


@dataclass
class RecordedActions:
    """Episodes that are replayed together: those of one ``workbench generate``."""

    options: GenerateOptions
    """How they were made."""
    tool: str
    """What `Recording.path` holds: `TRUE` or `REPORTED`."""
    reservations: tuple[str, ...] = ()
    """Why right actions, too, may lead elsewhere, in plain sentences."""
    recordings: list[Recording] = field(default_factory=list)
    """Renderings of a demonstration share one, unless their numbers differ."""
    _known: dict[tuple[int, bytes, bytes], Recording] = field(default_factory=dict)

    def add(self, name: str, recording: Recording) -> None:
        """Add an episode of the dataset by its name there."""
        key = (recording.index, recording.actions.tobytes(), recording.path.tobytes())
        if key not in self._known:
            self._known[key] = recording
            self.recordings.append(recording)
        self._known[key].names.append(name)


_Read = Iterator[tuple[int, str, Recording]]
"""Seed, name and numbers of episode after episode."""


def recorded_actions(folder: Path, limit: int | None = None) -> list[RecordedActions]:
    """The actions of a dataset that `workbench generate` made, or of what was split, merged or exported from such.

    Args:
        folder: archive or LeRobot dataset.
        limit: how many demonstrations at most.

    Returns:
        One for each ``workbench generate`` that the episodes are from.

    Raises:
        ArchiveError, LeRobotImportError: a folder that is neither, or does not say how it was made.
    """
    config: Mapping[str, Any] | None
    reservations: tuple[str, ...] = ()
    if is_archive(folder):
        config, space, tool, read = origin(folder)["config"], None, TRUE, _of_archive(folder)
        if config is None:
            raise ArchiveError(f"{folder} has no {CONFIG}, so its episodes cannot be made again")
    else:
        dataset = load_lerobot(folder)
        path = folder / ORIGIN
        config = read_json(path).get("config") if path.exists() else None
        if config is None:
            raise LeRobotImportError(
                f"{folder} does not say how it was made, so its episodes cannot be made again"
            )
        space, tool, read = _space(dataset), REPORTED, _of_lerobot(dataset)
        reservations = _reservations(dataset, space)
    found: dict[int, RecordedActions] = {}
    chosen: set[tuple[int, int]] = set()
    for seed, name, recording in read:
        if (seed, recording.index) not in chosen and limit is not None and len(chosen) >= limit:
            continue
        chosen.add((seed, recording.index))
        if seed not in found:
            found[seed] = RecordedActions(
                options_of(folder, config_of(folder, config, seed)), tool, reservations
            )
            found[seed].options.action_space = space or found[seed].options.action_space
        found[seed].add(name, recording)
    if not found:
        raise ArchiveError(f"{folder} holds no episode to replay")
    return list(found.values())


def _of_archive(folder: Path) -> _Read:
    stages = [folder / EPISODES, folder / PLAN, folder]
    for episode in episodes(next(stage for stage in stages if chunks(stage)), ()):
        seed, index = episode.demonstration
        path = np.ascontiguousarray(episode.ee_pose[:, :3])
        yield seed, episode.name, Recording(index, episode.actions, path, np.arange(len(path)))


def _of_lerobot(dataset: ImportedDataset) -> _Read:
    spec = _stated_spec(dataset)
    for episode in dataset:
        name = episode.metadata.get("original_episode_name")
        seed = episode.metadata.get("seed")
        if not isinstance(name, str) or not name.split("-")[0].isdigit() or not isinstance(seed, int):
            raise LeRobotImportError(
                f"{dataset.root} does not say which episode of which seed its episode {episode.index} is"
            )
        position = np.ascontiguousarray(episode.column("state.eef_position"))
        steps = np.arange(len(position)) * steps_a_frame(episode)
        recording = Recording(int(name.split("-")[0]), control_actions(episode, spec), position, steps)
        yield seed, name, recording


def _stated_spec(dataset: ImportedDataset) -> ActionSpec:
    """What the dataset says its column ``action`` means; where it has none, the actions it was made with."""
    path = dataset.root / CONVENTIONS
    said = read_json(path)
    has_action = ACTION in dataset.info.get("features", {})
    spec = said.get("action", {}).get("spec") if has_action else said.get("action_spec")
    try:
        if spec is None:
            raise ValueError("it has no action spec")
        return ActionSpec.from_dict(spec)
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise LeRobotImportError(f"{path} does not say what the actions mean: {problem}") from None


def _space(dataset: ImportedDataset) -> str:
    """Name of the action space whose channels the dataset's actions are."""
    spec = _stated_spec(dataset)
    channels = {c.name for c in spec.channels}
    known_spaces = action_specs(spec.robot) if is_known(spec.robot) else ACTION_SPECS
    for name, known in known_spaces.items():
        if {c.name for c in known.channels} == channels:
            return name
    raise LeRobotImportError(
        f"{dataset.root / CONVENTIONS}: actions of the channels {', '.join(sorted(channels))} are of no space that "
        f"can be replayed; there are {', '.join(known_spaces)}"
    )


def _reservations(dataset: ImportedDataset, space: str) -> tuple[str, ...]:
    found, steps = [], round(CONTROL_HZ / dataset.fps)
    if steps > 1:
        found.append(
            f"its frames are {steps} control steps apart: what was done between two is played spread evenly"
        )
    if read_json(dataset.root / CONVENTIONS).get("delta_source", {}).get(space) == REACHED:
        found.append(
            f"its {space} are targets reached, not actions as they were sent: factors that delay or lose commands "
            "act on them once more"
        )
    return tuple(found)


def control_actions(episode: ImportedEpisode, spec: ActionSpec) -> np.ndarray:
    """Actions ``[T, A]`` at control steps from those between frames: each is spread evenly over its steps.

    Args:
        episode: of an export; its frames are a whole number of control steps apart.
        spec: what its actions mean.
    """
    steps = steps_a_frame(episode)
    if ACTION in episode.columns:
        action = episode.column(ACTION)
        if action.shape[1:] != (spec.dim,):
            raise LeRobotImportError(
                f"episode {episode.index} has actions of {action.shape[1]} numbers, its conventions name {spec.dim}"
            )
        arm, gripper = action[:, :-1], action[:, -1:] * spec.gripper_command(closed=False)
    else:
        parts: tuple[str, ...] = ("command.delta_joints",)
        if {c.name for c in spec.channels} == {c.name for c in DELTA_EEF.channels}:
            parts = ("command.delta_eef_position", "command.delta_eef_rotation_vector")
        arm = np.concatenate([episode.column(name) for name in parts], 1)
        gripper = -episode.column("command.gripper_close")  # there +1 closes, here it opens
    return np.repeat(np.concatenate((arm / steps, gripper), 1), steps, 0).astype(np.float32)


def steps_a_frame(episode: ImportedEpisode) -> int:
    """Control steps from one frame to the next."""
    return round(CONTROL_HZ / episode.fps)
