"""Export to LeRobot v3.0, as the ``lerobot`` package reads it (checked with 0.6.1 by ``tools/check_lerobot.py``).

    meta/info.json, stats.json, tasks.parquet
    meta/episodes/chunk-000/file-000.parquet                          a row an episode: where its frames lie, statistics
    meta/conventions.json, origin.json, README.md                     as in the v2.1 export
    data/chunk-000/file-000.parquet                                   many episodes' rows, up to a size
    videos/observation.images.base_view/chunk-000/file-000.mp4        many episodes' frames, up to a size

The columns are those of the v2.1 export, see `workbench.data.lerobot.columns`. ``action`` is written as the workbench's
environments take it, +1 opening the gripper: a policy trained on it runs there as it is. One episode at a time is in
memory.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.data.archive.survey import Survey, survey
from workbench.data.export_folder import ExportFolder
from workbench.data.lerobot.columns import INDEX, features, video_key
from workbench.data.lerobot.export_choices import ExportChoices, ranges
from workbench.data.lerobot.export_episode import ExportedEpisode, Recipe, exported_episodes, tasks_of
from workbench.data.lerobot.export_metadata import write_metadata
from workbench.data.lerobot.metadata import (
    exported_space,
    feature_entries,
    video_entry,
    whole_or_float,
    write_json,
)
from workbench.data.lerobot.picture_columns import picture_features
from workbench.data.lerobot.rolling_files import EPISODES_PATH, RollingTable, RollingVideo
from workbench.data.origin import origin
from workbench.data.progress import Progress
from workbench.data.statistics import ColumnStatistics, PictureStatistics
from workbench.scale.ordered_map import HERE, Workers

VERSION = "v3.0"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
CHUNK, DATA_MB, VIDEO_MB = 1000, 100, 200
"""LeRobot's defaults: files in a folder, and sizes after which a new file begins [MiB]."""
_BUFFER = 64
"""Episodes whose metadata becomes one row group."""


def export_lerobot_v3(
    folder: Path,
    out: Path,
    choices: ExportChoices | None = None,
    progress: Progress | None = None,
    data_mb: float = DATA_MB,
    video_mb: float = VIDEO_MB,
    workers: Workers = HERE,
) -> Survey:
    """Export an archive's rendered episodes, ordered by part, then by name.

    Args:
        folder: the archive.
        out: the dataset's folder; must not exist, or be empty. It appears when all is written.
        choices: what to write; None is what `ExportChoices` has.
        progress: told after each episode.
        data_mb: size of a table after which a new one begins [MiB].
        video_mb: the same for videos.
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
        writer = _Writer(target, found, choices, tasks_of(entries), data_mb, video_mb)
        try:
            for episode in exported_episodes(entries, writer.recipe, workers, progress):
                writer.add(episode)
            writer.finish()
        finally:
            writer.close()
        info = writer.info() | {"splits": ranges(parts)}
        write_metadata(target, out.name, info, found, writer.features, choices, made)
    return found


class _Writer:
    """Writes episode after episode, then what is known at the end."""

    def __init__(
        self,
        root: Path,
        found: Survey,
        choices: ExportChoices,
        tasks: dict[str, int],
        data_mb: float,
        video_mb: float,
    ) -> None:
        self.root, self.found, self.choices, self.tasks = root, found, choices, tasks
        spec = exported_space(found, choices.action_space)
        self.features = features(tuple(found.cameras), found.bodies, spec, choices.annotations) | INDEX
        scalars = tuple(name for name, f in self.features.items() if f.shape == (1,))
        self.recipe = Recipe(tuple(self.features), scalars, True, choices, found.bodies, found.fps)
        self.columns = ColumnStatistics()
        self.pictures = {name: PictureStatistics() for name in found.cameras}
        self.rows: list[dict[str, Any]] = []
        self.episodes, self.frames = 0, 0
        self.data = RollingTable(root, DATA_PATH, data_mb, CHUNK)
        self.meta = RollingTable(root, EPISODES_PATH, data_mb, CHUNK)
        self.videos = {
            name: RollingVideo(
                root, VIDEO_PATH.replace("{video_key}", video_key(name)), found.fps, video_mb, CHUNK
            )
            for name in found.cameras
        }

    def add(self, made: ExportedEpisode) -> None:
        index, entry = made.place.index, made.place.entry
        chunk, file = self.data.add(made.table)
        line: dict[str, Any] = {
            "episode_index": index,
            "tasks": [entry.instruction],
            "length": entry.frames,
            "data/chunk_index": chunk,
            "data/file_index": file,
            "dataset_from_index": self.frames,
            "dataset_to_index": self.frames + entry.frames,
        }
        self.columns.merge(made.numbers)
        for name, video in made.videos.items():
            place = self.videos[name].add(video)
            line |= {f"videos/{video_key(name)}/{key}": value for key, value in place.items()}
            self.pictures[name].merge(made.pictures[name])
        line |= {f"stats/{f}/{name}": v for f, table in made.statistics.items() for name, v in table.items()}
        line["task_data"] = json.dumps(made.task_data, ensure_ascii=False, allow_nan=False)
        self.rows.append(line)
        if len(self.rows) >= _BUFFER:
            self.flush()
        self.episodes, self.frames = index + 1, self.frames + entry.frames

    def flush(self) -> None:
        """Write the metadata of the episodes in the buffer."""
        chunk, file = self.meta.place()
        where = {"meta/episodes/chunk_index": chunk, "meta/episodes/file_index": file}
        self.meta.add(pa.Table.from_pylist([row | where for row in self.rows]))
        self.rows = []

    def finish(self) -> None:
        """Write what is known at the end."""
        if self.rows:
            self.flush()
        self.close()
        pq.write_table(tasks_table(list(self.tasks)), self.root / "meta/tasks.parquet")
        pictures = {video_key(name): p.result() for name, p in self.pictures.items()}
        write_json(self.root / "meta/stats.json", self.columns.result() | pictures)

    def close(self) -> None:
        """Close all files."""
        with ExitStack() as stack:  # all of them, also where one fails
            for close in (self.data.close, self.meta.close, *(v.close for v in self.videos.values())):
                stack.callback(close)

    def info(self) -> dict[str, Any]:
        """``meta/info.json``."""
        videos = {}
        for name, size in self.found.cameras.items():
            path = VIDEO_PATH.format(video_key=video_key(name), chunk_index=0, file_index=0)
            videos[video_key(name)] = video_entry(self.root / path, size)
        return {
            "codebase_version": VERSION,
            "fps": whole_or_float(self.found.fps),
            "features": videos
            | picture_features(self.found.cameras, self.choices)
            | feature_entries(self.features),
            "total_episodes": self.episodes,
            "total_frames": self.frames,
            "total_tasks": len(self.tasks),
            "chunks_size": CHUNK,
            "data_files_size_in_mb": DATA_MB,
            "video_files_size_in_mb": VIDEO_MB,
            "data_path": DATA_PATH,
            "video_path": VIDEO_PATH,
            "robot_type": self.found.action_spec.robot,
        }


def tasks_table(tasks: list[str]) -> pa.Table:
    """``meta/tasks.parquet``: a pandas frame whose index is the tasks' texts, as its metadata tells pandas."""

    def column(name: str, pandas_type: str, numpy_type: str) -> dict[str, Any]:
        kinds = {"pandas_type": pandas_type, "numpy_type": numpy_type}
        return {"name": name, "field_name": name, **kinds, "metadata": None}

    pandas = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [column("task_index", "int64", "int64"), column("task", "unicode", "object")],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.0.0",
    }
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), "task": pa.array(tasks)})
    return table.replace_schema_metadata({"pandas": json.dumps(pandas)})
