"""LeRobot datasets, v2.0, v2.1 and v3.0, read an episode at a time: numbers, texts, pictures, and where videos are.

Whoever wrote them decided what the columns mean: this reads names and values, and leaves the meaning to whoever asks.
Columns of bytes are left out, since the public ones hold Python pickles, which run code when they are opened;
`ImportedDataset.skipped` names them.

Also read is a bare folder of ``episode_*.parquet`` beside an ``episodes.jsonl``, as datasets are passed on without
their pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from workbench.data.lerobot.columns import OLD_NAMES
from workbench.data.lerobot.files import (
    LeRobotImportError,
    is_numeric,
    is_picture,
    is_text,
    numbers,
    read_json,
    read_lines,
    read_schema,
    read_table,
)
from workbench.data.lerobot.files import field as entry
from workbench.data.lerobot.places import BareLines, EpisodeTables, JsonLines, Place, VideoSpan, once
from workbench.data.lerobot.rows import Rows, Tables

V20, V21, V3, BARE = "v2.0", "v2.1", "v3.0", "bare"
VERSIONS = (V20, V21, V3)
FILTERS = "meta/filters.json"
"""Which episodes are of which subset, in copies of ours: LeRobot's ``splits`` are ranges."""


@dataclass(frozen=True)
class ImportedEpisode:
    """One episode of a dataset that others made: ``F`` frames."""

    index: int
    task: str
    """What was asked at its first frame; empty where the dataset does not say."""
    fps: float
    """Frames a second [Hz]."""
    columns: Mapping[str, np.ndarray]
    """Rows ``[F, ...]`` by name, in the type they are stored in; plain numbers are ``[F]``."""
    metadata: Mapping[str, Any]
    """What the dataset says about the episode besides: InternVLA-M1's ``task_data``, if it has any."""
    videos: Mapping[str, VideoSpan]
    skipped: tuple[str, ...] = ()
    """Columns of another kind than numbers, texts and pictures, which were not read."""
    tasks: tuple[str, ...] = ()
    """Everything that was asked in it, in the order of time."""
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns of texts ``[F]``."""
    pictures: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    """Columns of encoded pictures ``[F]``."""

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

    @property
    def order(self) -> np.ndarray | None:
        """Rows in the order of their ``frame_index``, where they lie in another and each is there once; else None."""
        said = self.columns.get("frame_index")
        if said is None or np.array_equal(said.reshape(-1), np.arange(self.frames)):
            return None
        order = np.argsort(said.reshape(-1), kind="stable")
        return order if np.array_equal(said.reshape(-1)[order], np.arange(self.frames)) else None

    def in_order(self) -> ImportedEpisode:
        """The episode with its rows in the order of time."""
        if (order := self.order) is None:
            return self
        return replace(
            self,
            columns={name: value[order] for name, value in self.columns.items()},
            texts={name: tuple(value[k] for k in order) for name, value in self.texts.items()},
            pictures={name: tuple(value[k] for k in order) for name, value in self.pictures.items()},
        )


class Reader(Protocol):
    """What gives the rows of episodes."""

    def rows(self, place: Place) -> Rows:
        """The rows of an episode, as they lie in its file."""
        ...


@dataclass(frozen=True)
class ImportedDataset:
    """A dataset that others made; iterate over it for its episodes, rows in the order of time."""

    root: Path
    version: str
    """One of `VERSIONS`, `BARE`, or another layout's name."""
    fps: float
    info: Mapping[str, Any]
    """``meta/info.json``; empty where there is none."""
    tasks: Mapping[int, str]
    """Texts by task index, as the dataset lists them."""
    places: tuple[Place, ...]
    notes: tuple[str, ...] = ()
    """What is wrong with its metadata and could be mended, in plain sentences."""
    filters: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Subsets that it names, as ``train``: indices of their episodes."""

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[ImportedEpisode]:
        for _, episode in self.each():
            if isinstance(episode, LeRobotImportError):
                raise episode
            yield episode.in_order()

    def each(
        self, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[Place, ImportedEpisode | LeRobotImportError]]:
        """Every episode's place, and the episode as its rows lie in the file, or why it cannot be read.

        One episode at a time, and one row group of its table, are in memory. With ``columns``, others are not read.
        """
        reader = self.reader(columns)
        for place in self.places:
            try:
                yield place, self._episode(place, reader)
            except LeRobotImportError as problem:
                yield place, problem

    def episode(self, index: int, columns: Sequence[str] | None = None) -> ImportedEpisode:
        """The episode of that index; LeRobotImportError if there is none. With ``columns``, others are not read."""
        for place in self.places:
            if place.index == index:
                return self._episode(place, self.reader(columns)).in_order()
        raise LeRobotImportError(f"{self.root} has no episode {index}; it has {len(self)}")

    def skipped(self) -> tuple[str, ...]:
        """Columns of the first episode that hold neither numbers nor texts nor pictures."""
        if not self.places:
            return ()
        kinds = read_schema(self.places[0].table)
        return tuple(
            c.name for c in kinds if not (is_numeric(c.type) or is_picture(c.type) or is_text(c.type))
        )

    def reader(self, columns: Sequence[str] | None = None) -> Reader:
        """A reader of the dataset's tables, which holds the one in hand."""
        return _Reader(Tables(self.root, self.version == V3, columns))

    def _episode(self, place: Place, reader: Reader) -> ImportedEpisode:
        rows = reader.rows(place)
        if not rows.columns:
            raise LeRobotImportError(f"{place.table} has no numeric column")
        if rows.count != place.length:
            raise LeRobotImportError(
                f"{place.table} has {rows.count} rows of episode {place.index}, its metadata says {place.length}"
            )
        tasks = self._asked(place, rows)
        return ImportedEpisode(
            place.index,
            tasks[0] if tasks else "",
            self.fps,
            rows.columns,
            place.metadata,
            place.videos,
            rows.skipped,
            tasks,
            rows.texts,
            rows.pictures,
        )

    def _asked(self, place: Place, rows: Rows) -> tuple[str, ...]:
        """What was asked, in the order of time: the rows know it; the line of the episode may not even say it."""
        if self.version == BARE or "task_index" not in rows.columns:
            return place.tasks  # what an index means in a bare folder, nothing says
        said = rows.columns["task_index"].reshape(-1)
        if "frame_index" in rows.columns:
            said = said[np.argsort(rows.columns["frame_index"].reshape(-1), kind="stable")]
        known = tuple(self.tasks[k] for k in dict.fromkeys(said.tolist()) if k in self.tasks)
        return known or place.tasks


@dataclass
class _Reader:
    """Rows of a LeRobot dataset."""

    tables: Tables

    def rows(self, place: Place) -> Rows:
        """See `Reader`."""
        return self.tables.of(place.table).rows(place.index)


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
    fps = entry(info, "fps", info_path)
    if not isinstance(fps, int | float) or fps <= 0:
        raise LeRobotImportError(f"{info_path}: fps must be positive, not {fps!r}")
    _check_features(info, info_path)
    version = entry(info, "codebase_version", info_path)
    if version not in VERSIONS:
        raise LeRobotImportError(
            f"{info_path}: codebase_version is {version!r}, this reads {V20}, {V21} and {V3}"
        )
    lines = EpisodeTables(root, info) if version == V3 else JsonLines(root, info)
    tasks = _tasks_v3(root) if version == V3 else _tasks_v2(root)
    places, notes = once(lines.places(), root / ("meta/episodes" if version == V3 else "meta/episodes.jsonl"))
    return ImportedDataset(
        root, version, float(fps), info, tasks, tuple(places), tuple(notes), _filters(root, info, places)
    )


def _check_features(info: Mapping[str, Any], path: Path) -> None:
    features = info.get("features", {})
    if not isinstance(features, dict):
        raise LeRobotImportError(f"{path}: features must be an object, not {type(features).__name__}")
    for name, feature in features.items():
        if not isinstance(feature, dict) or not {"dtype", "shape"} <= feature.keys():
            raise LeRobotImportError(f"{path}: feature {name!r} has no dtype and shape")


def _bare(root: Path) -> ImportedDataset:
    """A folder of tables without ``meta``: the rate comes from the frames' times."""
    places, notes = once(BareLines(root).places(), root / "episodes.jsonl")
    if not places:
        raise LeRobotImportError(f"{root} has episodes.jsonl but no episode_*.parquet that it names")
    first = read_table(places[0].table)
    if "timestamp" not in first.column_names or len(first) < 2:
        raise LeRobotImportError(f"{places[0].table} has no two timestamps to take a rate from")
    times = numbers(first["timestamp"], f"{places[0].table}, column 'timestamp'")
    rate = (len(times) - 1) / float(times[-1] - times[0])
    fps = float(round(rate)) if abs(rate - round(rate)) < 0.01 else rate
    tasks = dict(enumerate(dict.fromkeys(t for p in places for t in p.tasks)))
    return ImportedDataset(root, BARE, fps, {}, tasks, tuple(places), tuple(notes))


def _filters(root: Path, info: Mapping[str, Any], places: list[Place]) -> dict[str, tuple[int, ...]]:
    """What `FILTERS` names, or else ``splits``, as ``"train": "0:50"``; ranges that reach past the end are cut."""
    if (root / FILTERS).exists():
        return {name: tuple(map(int, found)) for name, found in read_json(root / FILTERS).items()}
    splits = info.get("splits")
    found = {}
    for name, said in splits.items() if isinstance(splits, dict) else ():
        begin, colon, end = str(said).partition(":")
        if colon and begin.isdigit() and end.isdigit():
            found[str(name)] = tuple(p.index for p in places if int(begin) <= p.index < int(end))
    return found


def _tasks_v2(root: Path) -> dict[int, str]:
    path = root / "meta/tasks.jsonl"
    return {entry(line, "task_index", path): line.get("task", "") for line in read_lines(path)}


def _tasks_v3(root: Path) -> dict[int, str]:
    path = root / "meta/tasks.parquet"
    table = read_table(path)
    # The texts are the index of a pandas frame, which may have no name.
    name = next((n for n in ("task", "__index_level_0__") if n in table.column_names), None)
    if name is None or "task_index" not in table.column_names:
        raise LeRobotImportError(f"{path} has no columns 'task' and 'task_index'")
    return dict(zip(table["task_index"].to_pylist(), table[name].to_pylist(), strict=True))
