"""Import of LeRobot datasets, v2.1 and v3.0: their numeric columns, an episode at a time.

Whoever wrote them decided what the columns mean: this reads numbers, names, tasks and where the videos are, and leaves
the meaning to whoever asks. Columns of bytes are left out, since the public ones hold Python pickles, which run code
when they are opened; `ImportedDataset.skipped` names them.

Also read is a bare folder of ``episode_*.parquet`` beside an ``episodes.jsonl``, as datasets are passed on without
their pictures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from workbench.data.columns import OLD_NAMES
from workbench.data.lerobot_files import (
    LeRobotImportError,
    field,
    is_numeric,
    numbers,
    read_json,
    read_lines,
    read_table,
    tables,
    video_keys,
)

V21, V3, BARE = "v2.1", "v3.0", "bare"


@dataclass(frozen=True)
class VideoSpan:
    """Where an episode's frames of one camera are."""

    path: Path
    first: float
    """Time of the episode's first frame in the file [s]."""


@dataclass(frozen=True)
class ImportedEpisode:
    """One episode of a LeRobot dataset: ``F`` frames."""

    index: int
    task: str
    fps: float
    """Frames a second [Hz]."""
    columns: Mapping[str, np.ndarray]
    """Rows ``[F, ...]`` by name, in the type they are stored in; plain numbers are ``[F]``."""
    metadata: Mapping[str, Any]
    """What the dataset says about the episode besides: InternVLA-M1's ``task_data``, if it has any."""
    videos: Mapping[str, VideoSpan]
    skipped: tuple[str, ...] = ()
    """Columns that hold no numbers, and were not read."""

    @property
    def frames(self) -> int:
        """Frames ``F``."""
        return len(next(iter(self.columns.values())))

    def column(self, name: str) -> np.ndarray:
        """A column as a table ``[F, ...]``: plain numbers become ``[F, 1]``; LeRobotImportError lists what there is.

        A column that exports had under another name, see `OLD_NAMES`, is found by today's.
        """
        stored = name if name in self.columns else OLD_NAMES.get(name, name)
        if stored not in self.columns:
            raise LeRobotImportError(
                f"episode {self.index} has no column {name!r}; it has {', '.join(self.columns)}"
            )
        value = self.columns[stored]
        return value[:, None] if value.ndim == 1 else value


@dataclass(frozen=True)
class Place:
    """Where an episode's rows are."""

    index: int
    tasks: tuple[str, ...]
    length: int
    table: Path
    metadata: Mapping[str, Any]
    videos: Mapping[str, VideoSpan]


@dataclass(frozen=True)
class ImportedDataset:
    """A LeRobot dataset; iterate over it for its episodes."""

    root: Path
    version: str
    """`V21`, `V3` or `BARE`."""
    fps: float
    info: Mapping[str, Any]
    """``meta/info.json``; empty where there is none."""
    tasks: Mapping[int, str]
    """Texts by task index, as the dataset lists them."""
    places: tuple[Place, ...]

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[ImportedEpisode]:
        for _, episode in self.each():
            if isinstance(episode, LeRobotImportError):
                raise episode
            yield episode

    def each(self) -> Iterator[tuple[Place, ImportedEpisode | LeRobotImportError]]:
        """Every episode's place, and the episode or why it cannot be read; each table is read once."""
        path, table = None, None
        for place in self.places:
            try:
                if table is None or path != place.table:
                    path, table = place.table, read_table(place.table)
                yield place, self._episode(place, table)
            except LeRobotImportError as problem:
                yield place, problem

    def episode(self, index: int) -> ImportedEpisode:
        """The episode of that index; LeRobotImportError if there is none."""
        for place in self.places:
            if place.index == index:
                return self._episode(place, read_table(place.table))
        raise LeRobotImportError(f"{self.root} has no episode {index}; it has {len(self)}")

    def skipped(self) -> tuple[str, ...]:
        """Columns of the first episode that hold no numbers."""
        return next(iter(self)).skipped if self.places else ()

    def _episode(self, place: Place, table: pa.Table) -> ImportedEpisode:
        if self.version == V3:
            if "episode_index" not in table.column_names:
                raise LeRobotImportError(f"{place.table} has no column 'episode_index'")
            # Rows lie episode by episode; a filter would go through the whole file for each.
            begin, end = np.searchsorted(table["episode_index"].to_numpy(), (place.index, place.index + 1))
            table = table.slice(begin, end - begin)
        columns, skipped = {}, []
        for column in table.schema:
            if is_numeric(column.type):
                where = f"{place.table}, column {column.name!r}"
                columns[column.name] = numbers(table[column.name], where)
            else:
                skipped.append(column.name)
        if not columns:
            raise LeRobotImportError(f"{place.table} has no numeric column")
        if table.num_rows != place.length:
            raise LeRobotImportError(
                f"{place.table} has {table.num_rows} rows of episode {place.index}, "
                f"its metadata says {place.length}"
            )
        task = place.tasks[0] if place.tasks else ""
        return ImportedEpisode(
            place.index, task, self.fps, columns, place.metadata, place.videos, tuple(skipped)
        )


def load_lerobot(root: Path) -> ImportedDataset:
    """Read what a dataset says about itself; LeRobotImportError for what is missing or of another version."""
    try:
        return _load(root)
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise LeRobotImportError(
            f"{root}/meta does not hold what a LeRobot dataset's does: {type(problem).__name__}, {problem}"
        ) from None


def _load(root: Path) -> ImportedDataset:
    info_path = root / "meta/info.json"
    if not info_path.exists():
        if (root / "episodes.jsonl").exists() and not (root / "config.yaml").exists():  # that is a run
            return _bare(root)
        raise LeRobotImportError(f"{root} is no LeRobot dataset: it has no meta/info.json")
    info = read_json(info_path)
    fps = field(info, "fps", info_path)
    if not isinstance(fps, int | float) or fps <= 0:
        raise LeRobotImportError(f"{info_path}: fps must be positive, not {fps!r}")
    _check_features(info, info_path)
    version = field(info, "codebase_version", info_path)
    if version == V21:
        tasks = {
            field(line, "task_index", root / "meta/tasks.jsonl"): line.get("task", "")
            for line in read_lines(root / "meta/tasks.jsonl")
        }
        return ImportedDataset(root, V21, float(fps), info, tasks, tuple(_places_v21(root, info)))
    if version == V3:
        return ImportedDataset(root, V3, float(fps), info, _tasks_v3(root), tuple(_places_v3(root, info)))
    raise LeRobotImportError(f"{info_path}: codebase_version is {version!r}, this reads {V21} and {V3}")


def _check_features(info: Mapping[str, Any], path: Path) -> None:
    features = info.get("features", {})
    if not isinstance(features, dict):
        raise LeRobotImportError(f"{path}: features must be an object, not {type(features).__name__}")
    for name, feature in features.items():
        if not isinstance(feature, dict) or not {"dtype", "shape"} <= feature.keys():
            raise LeRobotImportError(f"{path}: feature {name!r} has no dtype and shape")


def _places_v21(root: Path, info: Mapping[str, Any]) -> Iterator[Place]:
    path, where = root / "meta/episodes.jsonl", root / "meta/info.json"
    per_chunk = field(info, "chunks_size", where)
    data, video = field(info, "data_path", where), info.get("video_path") or ""
    for line in read_lines(path):
        index = field(line, "episode_index", path)
        numbers = {"episode_chunk": index // per_chunk, "episode_index": index}
        videos = {
            key: VideoSpan(root / video.format(video_key=key, **numbers), 0.0)
            for key in video_keys(info)
            if video
        }
        yield Place(
            index,
            tuple(line.get("tasks", ())),
            field(line, "length", path),
            root / data.format(**numbers),
            line.get("task_data", {}),
            videos,
        )


def _places_v3(root: Path, info: Mapping[str, Any]) -> Iterator[Place]:
    where = root / "meta/info.json"
    data, video = field(info, "data_path", where), info.get("video_path") or ""
    for path in tables(root / "meta/episodes"):
        for row in read_table(path, lambda name: not name.startswith("stats/")).to_pylist():
            videos = {}
            for key in video_keys(info) if video else ():
                parts = {p: field(row, f"videos/{key}/{p}", path) for p in ("chunk_index", "file_index")}
                first = field(row, f"videos/{key}/from_timestamp", path)
                videos[key] = VideoSpan(root / video.format(video_key=key, **parts), first)
            numbers = {p: field(row, f"data/{p}", path) for p in ("chunk_index", "file_index")}
            text = row.get("task_data")
            yield Place(
                field(row, "episode_index", path),
                tuple(row.get("tasks") or ()),
                field(row, "length", path),
                root / data.format(**numbers),
                json.loads(text) if isinstance(text, str) else {},
                videos,
            )


def _bare(root: Path) -> ImportedDataset:
    """A folder of tables without ``meta``: the rate comes from the frames' times."""
    places = []
    for line in read_lines(root / "episodes.jsonl"):
        index = field(line, "episode_index", root / "episodes.jsonl")
        table = root / f"episode_{index:06d}.parquet"
        if table.exists():
            length = field(line, "length", root / "episodes.jsonl")
            places.append(
                Place(index, tuple(line.get("tasks", ())), length, table, line.get("task_data", {}), {})
            )
    if not places:
        raise LeRobotImportError(f"{root} has episodes.jsonl but no episode_*.parquet that it names")
    first = read_table(places[0].table)
    if "timestamp" not in first.column_names or len(first) < 2:
        raise LeRobotImportError(f"{places[0].table} has no two timestamps to take a rate from")
    times = numbers(first["timestamp"], f"{places[0].table}, column 'timestamp'")
    rate = (len(times) - 1) / float(times[-1] - times[0])
    fps = float(round(rate)) if abs(rate - round(rate)) < 0.01 else rate
    tasks = dict(enumerate(dict.fromkeys(t for p in places for t in p.tasks)))
    return ImportedDataset(root, BARE, fps, {}, tasks, tuple(places))


def _tasks_v3(root: Path) -> dict[int, str]:
    path = root / "meta/tasks.parquet"
    table = read_table(path)
    # The texts are the index of a pandas frame, which may have no name.
    name = next((n for n in ("task", "__index_level_0__") if n in table.column_names), None)
    if name is None or "task_index" not in table.column_names:
        raise LeRobotImportError(f"{path} has no columns 'task' and 'task_index'")
    return dict(zip(table["task_index"].to_pylist(), table[name].to_pylist(), strict=True))
