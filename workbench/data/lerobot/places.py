"""Where a LeRobot dataset's episodes lie: its metadata, read once, held in a few hundred bytes an episode.

What an episode's line holds beyond that (``task_data``, of tens of kilobytes in some datasets) is read again when it is
asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow.parquet as pq

from workbench.data.lerobot import files as lerobot_files
from workbench.data.lerobot.files import (
    LeRobotImportError,
    each_line,
    each_row_group,
    read_line,
    reading,
    tables,
    video_keys,
)

_REPEATED = "names episode {} in two lines"


@dataclass(frozen=True)
class VideoSpan:
    """Where an episode's frames of one camera are."""

    path: Path
    first: float
    """Time of the episode's first frame in the file [s]."""


class Lines(Protocol):
    """The metadata that places are of."""

    def table(self, place: Place) -> Path:
        """The table that holds an episode's rows."""
        ...

    def videos(self, place: Place) -> Mapping[str, VideoSpan]:
        """Where its frames are, by the name of the column."""
        ...

    def metadata(self, place: Place) -> Mapping[str, Any]:
        """What the dataset says of the episode besides: ``task_data``."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where an episode's rows are."""

    index: int
    tasks: tuple[str, ...]
    """Texts that its line names, in no order that means anything."""
    length: int
    """Frames."""
    line: int
    """Where its line begins in the metadata: a byte, or the number of a row."""
    numbers: tuple[Any, ...] = field(repr=False)
    """What its paths are made of."""
    lines: Lines = field(repr=False, compare=False)

    @property
    def table(self) -> Path:
        """The table with its rows."""
        return self.lines.table(self)

    @property
    def videos(self) -> Mapping[str, VideoSpan]:
        """Where its frames are, by the name of the column."""
        return self.lines.videos(self)

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the dataset says of it besides: InternVLA-M1's ``task_data``, if it has any. Read when asked for."""
        return self.lines.metadata(self)


class JsonLines:
    """``meta/episodes.jsonl`` of v2.0 and v2.1: a table and a video file of each camera an episode."""

    def __init__(self, root: Path, info: Mapping[str, Any]) -> None:
        where = root / "meta/info.json"
        self.root, self.path = root, root / "meta/episodes.jsonl"
        self._per_chunk = lerobot_files.field(info, "chunks_size", where)
        self._data, self._video = lerobot_files.field(info, "data_path", where), info.get("video_path") or ""
        self._keys = video_keys(info) if self._video else []

    def places(self) -> Iterator[Place]:
        """A place a line."""
        for at, line in each_line(self.path):
            index = lerobot_files.field(line, "episode_index", self.path)
            length = lerobot_files.field(line, "length", self.path)
            numbers = (index // self._per_chunk, index)
            yield Place(index, _texts(line, self.path), length, at, numbers, self)

    def table(self, place: Place) -> Path:
        """See `Lines`."""
        return self.root / self._data.format(episode_chunk=place.numbers[0], episode_index=place.index)

    def videos(self, place: Place) -> Mapping[str, VideoSpan]:
        """See `Lines`."""
        numbers = {"episode_chunk": place.numbers[0], "episode_index": place.index}
        return {
            key: VideoSpan(self.root / self._video.format(video_key=key, **numbers), 0.0)
            for key in self._keys
        }

    def metadata(self, place: Place) -> Mapping[str, Any]:
        """See `Lines`."""
        return read_line(self.path, place.line).get("task_data") or {}


class BareLines:
    """``episodes.jsonl`` beside ``episode_*.parquet``, some of which may be missing."""

    def __init__(self, root: Path) -> None:
        self.root, self.path = root, root / "episodes.jsonl"

    def places(self) -> Iterator[Place]:
        """A place for each line whose table is there."""
        for at, line in each_line(self.path):
            index = lerobot_files.field(line, "episode_index", self.path)
            length = lerobot_files.field(line, "length", self.path)
            place = Place(index, _texts(line, self.path), length, at, (), self)
            if place.table.exists():
                yield place

    def table(self, place: Place) -> Path:
        """See `Lines`."""
        return self.root / f"episode_{place.index:06d}.parquet"

    def videos(self, place: Place) -> Mapping[str, VideoSpan]:
        """See `Lines`."""
        return {}

    def metadata(self, place: Place) -> Mapping[str, Any]:
        """See `Lines`."""
        return read_line(self.path, place.line).get("task_data") or {}


class EpisodeTables:
    """``meta/episodes`` of v3.0: rows that say which files hold an episode's rows and frames, and from when on."""

    def __init__(self, root: Path, info: Mapping[str, Any]) -> None:
        where = root / "meta/info.json"
        self.root = root
        self._data, self._video = lerobot_files.field(info, "data_path", where), info.get("video_path") or ""
        self._keys = video_keys(info) if self._video else []
        self._paths = tables(root / "meta/episodes")
        self._held: tuple[int, int, list[Any]] | None = None

    def places(self) -> Iterator[Place]:
        """A place a row."""
        parts = ("data/chunk_index", "data/file_index")
        for file, path in enumerate(self._paths):
            for first, rows in each_row_group(path, lambda name: not _is_heavy(name)):
                for k, row in enumerate(rows):
                    numbers: list[Any] = [file, *(lerobot_files.field(row, name, path) for name in parts)]
                    for key in self._keys:
                        numbers += [
                            lerobot_files.field(row, f"videos/{key}/{part}", path)
                            for part in ("chunk_index", "file_index", "from_timestamp")
                        ]
                    index = lerobot_files.field(row, "episode_index", path)
                    length = lerobot_files.field(row, "length", path)
                    yield Place(index, _texts(row, path), length, first + k, tuple(numbers), self)

    def table(self, place: Place) -> Path:
        """See `Lines`."""
        _, chunk, file = place.numbers[:3]
        return self.root / self._data.format(chunk_index=chunk, file_index=file)

    def videos(self, place: Place) -> Mapping[str, VideoSpan]:
        """See `Lines`."""
        found = {}
        for k, key in enumerate(self._keys):
            chunk, file, first = place.numbers[3 + 3 * k : 6 + 3 * k]
            path = self._video.format(video_key=key, chunk_index=chunk, file_index=file)
            found[key] = VideoSpan(self.root / path, first)
        return found

    def metadata(self, place: Place) -> Mapping[str, Any]:
        """See `Lines`."""
        file, held = place.numbers[0], self._held
        if held is None or held[0] != file or not held[1] <= place.line < held[1] + len(held[2]):
            self._held = held = (file, *self._texts_around(self._paths[file], place.line))
        text = held[2][place.line - held[1]]
        return json.loads(text) if isinstance(text, str) else {}

    def _texts_around(self, path: Path, line: int) -> tuple[int, list[Any]]:
        """First row and texts of the row group that holds a line."""
        table = reading(path, lambda: pq.ParquetFile(path))
        if "task_data" not in table.schema_arrow.names:
            return line, [None]
        first = 0
        for k in range(table.num_row_groups):
            count = table.metadata.row_group(k).num_rows
            if line < first + count:
                found = reading(path, lambda k=k: table.read_row_group(k, ["task_data"]))  # type: ignore[misc]
                return first, found["task_data"].to_pylist()
            first += count
        raise LeRobotImportError(f"{path} has changed: it had a row {line}")


def _is_heavy(name: str) -> bool:
    return name.startswith("stats/") or name == "task_data"


def _texts(line: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    found = line.get("tasks") or ()
    found = (found,) if isinstance(found, str) else tuple(found)
    if not all(isinstance(text, str) for text in found):
        raise LeRobotImportError(f"{path}, episode {line.get('episode_index')}: tasks must be texts")
    return found


def once(places: Iterator[Place], path: Path) -> tuple[list[Place], list[str]]:
    """Every episode once, in the order of their lines, and what is to be said of those that are there twice.

    LeRobotImportError for an episode that two lines tell different things about.
    """
    found: dict[int, Place] = {}
    texts: dict[tuple[str, ...], tuple[str, ...]] = {}
    notes = []
    for place in places:
        known = found.get(place.index)
        if known is None:
            if (same := texts.setdefault(place.tasks, place.tasks)) is not place.tasks:
                place = Place(place.index, same, place.length, place.line, place.numbers, place.lines)
            found[place.index] = place
        elif _told(known) != _told(place):
            raise LeRobotImportError(
                f"{path} {_REPEATED.format(place.index)} that differ: which of them holds is not known"
            )
        else:
            notes.append(f"{path} {_REPEATED.format(place.index)}, which say the same: it is one episode")
    return list(found.values()), notes


def _told(place: Place) -> tuple[Any, ...]:
    # All but which file of the metadata the line is in.
    return place.tasks, place.length, place.numbers[1:]


def consecutive(places: Sequence[Place], key: Callable[[Place], Any]) -> Iterator[list[Place]]:
    """Runs of places that share a key."""
    run: list[Place] = []
    for place in places:
        if run and key(place) != key(run[-1]):
            yield run
            run = []
        run.append(place)
    if run:
        yield run
