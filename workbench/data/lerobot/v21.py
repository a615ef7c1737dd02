"""Export to LeRobot v2.1, laid out as the public loaders of InternVLA-M1 and GR00T read it.

    meta/info.json, tasks.jsonl, episodes.jsonl, episodes_stats.jsonl, stats.json, stats_gr00t.json, modality.json
    meta/conventions.json, origin.json                        what the numbers mean; what was asked for, with what made
    README.md                                                 the dataset card
    data/chunk-000/episode_000000.parquet                     a row a frame
    videos/chunk-000/observation.images.base_view/episode_000000.mp4      a file an episode and view

Those loaders find their parts of state and action through ``modality.json``, and stack a column's rows to a table: a
single number is a list of one, but for LeRobot's index columns. They index every statistic of a column by channel, so
that ``stats.json`` has no count of rows; ``stats_gr00t.json`` has the six that they know and nothing else. Nothing is
pickled. One episode at a time is in memory.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from workbench.data.archive.survey import Survey, survey
from workbench.data.export_folder import ExportFolder
from workbench.data.lerobot.columns import ANNOTATION, INDEX, features, video_key, view
from workbench.data.lerobot.export_choices import ExportChoices, ranges
from workbench.data.lerobot.export_episode import ExportedEpisode, Recipe, exported_episodes, tasks_of
from workbench.data.lerobot.export_metadata import write_metadata
from workbench.data.lerobot.metadata import (
    append,
    exported_space,
    feature_entries,
    video_entry,
    whole_or_float,
    write_json,
)
from workbench.data.lerobot.picture_columns import picture_features
from workbench.data.origin import origin
from workbench.data.progress import Progress
from workbench.data.statistics import NORMALISATION, ColumnStatistics, PictureStatistics
from workbench.scale.ordered_map import HERE, Workers

VERSION = "v2.1"
CHUNK = 1000
"""Episodes in a folder."""
DATA_PATH = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO_PATH = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"


def export_lerobot_v21(
    folder: Path,
    out: Path,
    progress: Progress | None = None,
    choices: ExportChoices | None = None,
    workers: Workers = HERE,
) -> Survey:
    """Export an archive's rendered episodes, ordered by part, then by name.

    Args:
        folder: the archive.
        out: the dataset's folder; must not exist, or be empty. It appears when all is written.
        progress: told after each episode.
        choices: what to write; None is what `ExportChoices` has.
        workers: who makes the episodes' tables and videos; what is written does not depend on it.

    Returns:
        What was found in the archive.

    Raises:
        ArchiveError: episodes that cannot be read, or do not fit into one dataset.
        ExportError: an unknown action space, ``out`` exists, or the disk refuses.
    """
    choices = choices or ExportChoices()
    choices.check()
    found, made = survey(folder), origin(folder)
    parts = choices.parts(found.entries, made["config"])
    with ExportFolder(out) as target:
        entries = list(chain(*parts.values()))
        writer = _Writer(target, found, choices, tasks_of(entries))
        for episode in exported_episodes(entries, writer.recipe, workers, progress):
            writer.add(episode)
        writer.close()
        info = writer.info() | {"splits": ranges(parts)}
        write_metadata(target, out.name, info, found, writer.features, choices, made)
    return found


class _Writer:
    """Writes episode after episode, then what is known at the end."""

    def __init__(self, root: Path, found: Survey, choices: ExportChoices, tasks: dict[str, int]) -> None:
        self.root, self.found, self.choices, self.tasks = root, found, choices, tasks
        spec = exported_space(found, choices.action_space)
        self.features = features(tuple(found.cameras), found.bodies, spec, choices.annotations)
        single = (name for name, f in self.features.items() if f.shape == (1,))
        scalars = (*INDEX, *(name for name in single if name.startswith(ANNOTATION)))
        names = (*self.features, *INDEX)
        self.recipe = Recipe(names, scalars, False, choices, found.bodies, found.fps)
        self.columns = ColumnStatistics()
        self.pictures = {name: PictureStatistics() for name in found.cameras}
        self.episodes, self.frames = 0, 0
        self.meta = root / "meta"
        self.meta.mkdir()

    def add(self, made: ExportedEpisode) -> None:
        index, entry = made.place.index, made.place.entry
        path = self.root / data_path(index)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(made.table, path)
        self.columns.merge(made.numbers)
        for name, video in made.videos.items():
            path = self.root / video_path(index, video_key(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(video)
            self.pictures[name].merge(made.pictures[name])
        line = {"episode_index": index, "tasks": [entry.instruction], "length": entry.frames}
        append(self.meta / "episodes.jsonl", line | {"task_data": made.task_data})
        append(self.meta / "episodes_stats.jsonl", {"episode_index": index, "stats": made.statistics})
        self.episodes, self.frames = index + 1, self.frames + entry.frames

    def close(self) -> None:
        for task, k in self.tasks.items():
            append(self.meta / "tasks.jsonl", {"task_index": k, "task": task})
        numbers = self.columns.result()
        pictures = {video_key(name): p.result() for name, p in self.pictures.items()}
        countless = {n: {k: v for k, v in t.items() if k != "count"} for n, t in numbers.items()}
        write_json(self.meta / "stats.json", countless | pictures)
        lean = {name: {k: table[k] for k in NORMALISATION} for name, table in numbers.items()}
        write_json(self.meta / "stats_gr00t.json", lean)
        write_json(self.meta / "modality.json", self.modality())

    def modality(self) -> dict[str, Any]:
        """Which numbers of which column are which part of state and action."""
        found: dict[str, dict[str, Any]] = {"state": {}, "action": {}}
        for name, feature in self.features.items():
            prefix, _, key = name.partition(".")
            if kind := {"state": "state", "command": "action"}.get(prefix):
                part = {"start": 0, "end": feature.shape[0], "original_key": name}
                found[kind][key] = part | {"absolute": not key.startswith("delta_")}
                if key == "eef_rotation_vector":  # InternVLA-M1's configurations ask for it by this name
                    found[kind]["eef_rotation"] = found[kind][key]
        found["video"] = {view(name): {"original_key": video_key(name)} for name in self.found.cameras}
        found["annotation"] = {"human.action.task_description": {"original_key": "task_index"}}
        return found

    def info(self) -> dict[str, Any]:
        videos = {
            video_key(name): video_entry(self.root / video_path(0, video_key(name)), size)
            for name, size in self.found.cameras.items()
        }
        return {
            "codebase_version": VERSION,
            "robot_type": self.found.action_spec.robot,
            "total_episodes": self.episodes,
            "total_frames": self.frames,
            "total_tasks": len(self.tasks),
            "total_videos": self.episodes * len(videos),
            "total_chunks": -(-self.episodes // CHUNK),
            "chunks_size": CHUNK,
            "fps": whole_or_float(self.found.fps),
            "data_path": DATA_PATH,
            "video_path": VIDEO_PATH,
            "features": videos
            | picture_features(self.found.cameras, self.choices)
            | feature_entries(self.features | INDEX),
        }


def data_path(index: int) -> str:
    """An episode's table, in the dataset."""
    return DATA_PATH.format(episode_chunk=index // CHUNK, episode_index=index)


def video_path(index: int, key: str) -> str:
    """An episode's video, in the dataset."""
    return VIDEO_PATH.format(episode_chunk=index // CHUNK, episode_index=index, video_key=key)
