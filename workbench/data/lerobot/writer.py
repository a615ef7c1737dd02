"""Writing datasets of others in LeRobot's layouts: their columns, texts, pictures and videos as they are.

`Writer` is what the layouts share, `workbench.data.lerobot.layouts` has one a layout: `add` episode after episode, then
`finish`. Numbers keep their bits and types, pictures their bytes, videos their coding where they need not be cut within
a group of frames.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from workbench.data.lerobot.columns import ANNOTATION, INDEX
from workbench.data.lerobot.files import LeRobotImportError
from workbench.data.lerobot.metadata import feature_entries, index_columns, write_json
from workbench.data.lerobot.reading import ImportedDataset, ImportedEpisode
from workbench.data.lerobot.shared_columns import SharedColumns
from workbench.data.lerobot.video_spans import SpanReader
from workbench.data.statistics import ColumnStatistics, PictureStatistics, Table
from workbench.data.video import VideoError, information

_PICTURE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
_OF_TASKS = "annotation.human."
"""Columns of GR00T's datasets that begin so hold rows of the table of tasks, if they are whole numbers."""


class Writer:
    """What both layouts share: numbering, tasks, statistics."""

    version = ""
    flattens = False
    """Whether a single number a row is stored as such, not as a list of one."""

    def __init__(self, root: Path, shared: SharedColumns) -> None:
        self.root, self.shared, self.meta = root, shared, root / "meta"
        self.meta.mkdir(parents=True)
        self.tasks: dict[str, int] = {}
        self.columns = ColumnStatistics()
        self.seen = {key: PictureStatistics() for key in (*shared.videos, *shared.pictures)}
        self.reencoded: list[int] = []
        """Episodes of which a video had to be coded anew."""
        self.reader = SpanReader()
        self._index = feature_entries(INDEX)
        self.episodes, self.frames = 0, 0

    def add(self, source: ImportedDataset, episode: ImportedEpisode, named: tuple[str, ...]) -> None:
        """Write an episode; ``named`` are the texts that its own line names."""
        self.shared.check(episode, source)
        rows = self._numbers(source, episode)
        table = self._table(rows, episode)
        numbers = {n: v for n, v in rows.items() if not n.startswith(ANNOTATION)}
        own = ColumnStatistics()
        own.add(numbers)
        self.columns.merge(own)
        stats: dict[str, Table] = own.result()
        for key in self.shared.pictures:
            stats |= self._judge(key, (_decoded(p, key, episode) for p in episode.pictures[key]))
        asked = named if set(episode.tasks) <= set(named) else episode.tasks
        line = {
            "episode_index": self.episodes,
            "tasks": list(asked) or [episode.task],
            "length": episode.frames,
        }
        self._write(source, episode, table, line, stats)
        self.episodes, self.frames = self.episodes + 1, self.frames + episode.frames

    def finish(self, splits: Mapping[str, str]) -> None:
        """Write what is known at the end."""
        self._finish()
        info = {
            "codebase_version": self.version,
            "robot_type": self.shared.robot,
            "total_episodes": self.episodes,
            "total_frames": self.frames,
            "total_tasks": len(self.tasks),
            "fps": self.shared.fps,
            "splits": dict(splits),
            "features": self._features(),
        }
        write_json(self.meta / "info.json", info | self._paths())

    def close(self) -> None:
        """Close all files."""

    def _write(
        self,
        source: ImportedDataset,
        episode: ImportedEpisode,
        table: pa.Table,
        line: dict[str, Any],
        stats: dict[str, Table],
    ) -> None:
        raise NotImplementedError

    def _finish(self) -> None:
        raise NotImplementedError

    def _paths(self) -> dict[str, Any]:
        raise NotImplementedError

    def _video(self, key: str) -> Path | None:
        """A video of a column that was written."""
        raise NotImplementedError

    def _features(self) -> dict[str, Any]:
        found = self.shared.features | self._index
        for key in self.shared.videos:
            with suppress(VideoError):
                if path := self._video(key):
                    found[key] = found[key] | {"info": information(path)}
        return found

    def _numbers(self, source: ImportedDataset, episode: ImportedEpisode) -> dict[str, np.ndarray]:
        """The columns of numbers, index included: frame k's time stays as it is stored."""
        rows = {
            name: episode.columns[name].astype(feature["dtype"], copy=False)
            for name, feature in self.shared.numbers.items()
        }
        made = index_columns(self.episodes, self.frames, episode.frames, source.fps, 0)
        rows |= {name: value for name, value in made.items() if name != "task_index"}
        for name in ("timestamp", "frame_index"):
            if name in episode.columns:
                rows[name] = episode.columns[name].reshape(-1)
                self._index[name]["dtype"] = rows[name].dtype.name
        said = episode.columns.get("task_index")
        places = self._places(source)
        if said is None or not places:
            rows["task_index"] = np.full(episode.frames, self._task(episode.task), np.int64)
            return rows
        unknown = sorted(set(said.reshape(-1).tolist()) - places.keys())
        if unknown:
            raise LeRobotImportError(
                f"{source.root}, episode {episode.index}: task {unknown[0]} of a row is not among the dataset's "
                f"{len(places)}"
            )
        for name in ("task_index", *(n for n in rows if n.startswith(_OF_TASKS))):
            value = episode.columns[name]
            if value.dtype.kind == "i":
                moved = np.array([places.get(k, k) for k in value.reshape(-1).tolist()], value.dtype)
                rows[name] = moved if name == "task_index" else moved.reshape(value.shape)
        return rows

    def _places(self, source: ImportedDataset) -> dict[int, int]:
        """Row of each of a dataset's tasks in the table that is written; empty where its own is no such table."""
        if not source.info:
            return {}
        return {k: self._task(text) for k, text in sorted(source.tasks.items())}

    def _task(self, text: str) -> int:
        return self.tasks.setdefault(text, len(self.tasks))

    def _table(self, rows: Mapping[str, np.ndarray], episode: ImportedEpisode) -> pa.Table:
        found: dict[str, pa.Array] = {}
        for key in self.shared.pictures:
            stored = [{"bytes": data, "path": None} for data in episode.pictures[key]]
            found[key] = pa.array(stored, _PICTURE)
        for name in self.shared.texts:
            found[name] = pa.array(list(episode.texts[name]), pa.string())
        for name, value in rows.items():
            single = self.flattens and value.ndim == 2 and value.shape[1] == 1
            found[name] = nested(value.reshape(-1) if single else value, fixed_size=self.flattens)
        return pa.table(found)

    def _judge(self, key: str, pictures: Any) -> dict[str, Table]:
        """Take pictures into the statistics; a column's own, empty where there is none."""
        own = PictureStatistics()
        for picture in pictures:
            if picture is not None:
                own.add(picture)
        if not own.pictures:
            return {}
        self.seen[key].merge(own)
        return {key: own.result()}

    def _statistics(self) -> dict[str, Table]:
        return self.columns.result() | {k: p.result() for k, p in self.seen.items() if p.pictures}


def nested(value: np.ndarray, fixed_size: bool = False) -> pa.Array:
    """Rows ``[N, ...]`` as Arrow lists of lists; those of one axis in a type that has their length, if asked for."""
    if value.ndim == 1:
        return pa.array(value)
    if fixed_size and value.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(value.reshape(-1)), value.shape[1])
    offsets = np.arange(value.shape[0] + 1, dtype=np.int32) * value.shape[1]
    return pa.ListArray.from_arrays(offsets, nested(value.reshape(-1, *value.shape[2:])))


def _decoded(data: bytes, key: str, episode: ImportedEpisode) -> np.ndarray | None:
    """A picture ``[H, W, 3]`` uint8; None for one that is not of 8 bits, as depth."""
    try:
        picture = Image.open(io.BytesIO(data))
        picture.load()
    except (OSError, SyntaxError) as problem:
        raise LeRobotImportError(
            f"episode {episode.index}, column {key!r}: a picture cannot be decoded: {problem}"
        ) from None
    return np.asarray(picture.convert("RGB")) if picture.mode in ("RGB", "RGBA", "L", "P") else None
