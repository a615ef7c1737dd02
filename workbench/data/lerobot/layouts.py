"""LeRobot's two layouts for datasets of others: `V21Writer` and `V3Writer`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.data.lerobot import v3 as lerobot_v3
from workbench.data.lerobot import v21 as lerobot_v21
from workbench.data.lerobot.metadata import append, write_json
from workbench.data.lerobot.reading import ImportedDataset, ImportedEpisode
from workbench.data.lerobot.rolling_files import EPISODES_PATH, RollingTable
from workbench.data.lerobot.shared_columns import SharedColumns
from workbench.data.lerobot.video_spans import cut
from workbench.data.lerobot.writer import Writer
from workbench.data.statistics import Table

_BUFFER = 64
"""Episodes whose metadata becomes one row group."""
_ROWS, _BYTES = 2**12, 2**23
"""Rows, or bytes, after which episodes become a row group: a writer keeps a line of its own for each, in memory."""


class V21Writer(Writer):
    """A table and a video of each camera an episode."""

    version = lerobot_v21.VERSION

    def _write(
        self,
        source: ImportedDataset,
        episode: ImportedEpisode,
        table: pa.Table,
        line: dict[str, Any],
        stats: dict[str, Table],
    ) -> None:
        index = self.episodes
        path = self.root / lerobot_v21.data_path(index)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
        for key in self.shared.videos:
            span = episode.videos[key]
            if not cut(span, episode.frames, source.fps, self.root / lerobot_v21.video_path(index, key)):
                self.reencoded.append(index)
            stats |= self._judge(key, self.reader.frames(span, episode.frames, source.fps))
        if episode.metadata:
            line["task_data"] = dict(episode.metadata)
        append(self.meta / "episodes.jsonl", line)
        append(self.meta / "episodes_stats.jsonl", {"episode_index": index, "stats": stats})

    def _finish(self) -> None:
        for task, k in self.tasks.items():
            append(self.meta / "tasks.jsonl", {"task_index": k, "task": task})
        # Public loaders index every statistic of a column by channel; a count of rows is none.
        countless = {
            name: table if name in self.seen else {k: v for k, v in table.items() if k != "count"}
            for name, table in self._statistics().items()
        }
        write_json(self.meta / "stats.json", countless)

    def _paths(self) -> dict[str, Any]:
        return {
            "total_videos": self.episodes * len(self.shared.videos),
            "total_chunks": -(-self.episodes // lerobot_v21.CHUNK),
            "chunks_size": lerobot_v21.CHUNK,
            "data_path": lerobot_v21.DATA_PATH,
            "video_path": lerobot_v21.VIDEO_PATH if self.shared.videos else None,
        }

    def _video(self, key: str) -> Path | None:
        return self.root / lerobot_v21.video_path(0, key) if self.episodes else None


class V3Writer(Writer):
    """Many episodes to a table; videos in the files that they came in, or cut out into one an episode."""

    version, flattens = lerobot_v3.VERSION, True

    def __init__(self, root: Path, shared: SharedColumns, whole: frozenset[Path] = frozenset()) -> None:
        """``whole`` are videos all of whose episodes will be added: they are copied as they are."""
        super().__init__(root, shared)
        self._whole = whole
        self._data = RollingTable(root, lerobot_v3.DATA_PATH, lerobot_v3.DATA_MB, lerobot_v3.CHUNK)
        self._lines = RollingTable(root, EPISODES_PATH, lerobot_v3.DATA_MB, lerobot_v3.CHUNK)
        self._waiting: list[dict[str, Any]] = []
        self._tables: list[pa.Table] = []
        self._copied: dict[str, tuple[Path, int]] = {}
        """The file of each column that was copied last, and its number."""
        self._files = dict.fromkeys(shared.videos, 0)

    def _write(
        self,
        source: ImportedDataset,
        episode: ImportedEpisode,
        table: pa.Table,
        line: dict[str, Any],
        stats: dict[str, Table],
    ) -> None:
        chunk, file = self._data.place()
        self._tables.append(table)
        if sum(map(len, self._tables)) >= _ROWS or sum(t.nbytes for t in self._tables) >= _BYTES:
            self._flush_rows()
        line |= {
            "data/chunk_index": chunk,
            "data/file_index": file,
            "dataset_from_index": self.frames,
            "dataset_to_index": self.frames + episode.frames,
        }
        for key in self.shared.videos:
            number, first = self._place(source, episode, key)
            chunk, file = divmod(number, lerobot_v3.CHUNK)
            parts = {"chunk_index": chunk, "file_index": file, "from_timestamp": first}
            parts["to_timestamp"] = first + episode.frames / source.fps
            line |= {f"videos/{key}/{name}": value for name, value in parts.items()}
            stats |= self._judge(key, self.reader.frames(episode.videos[key], episode.frames, source.fps))
        line |= {f"stats/{f}/{name}": v for f, t in stats.items() for name, v in t.items()}
        line["task_data"] = json.dumps(dict(episode.metadata), ensure_ascii=False)
        self._waiting.append(line)
        if len(self._waiting) >= _BUFFER:
            self._flush()

    def _place(self, source: ImportedDataset, episode: ImportedEpisode, key: str) -> tuple[int, float]:
        """Number of the video that holds an episode's frames, and when they begin there [s]."""
        span = episode.videos[key]
        if key in self._copied and self._copied[key][0] == span.path:
            return self._copied[key][1], span.first
        number = self._files[key]
        self._files[key] += 1
        target = self._path(key, number)
        if span.path in self._whole:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(span.path, target)
            self._copied[key] = span.path, number
            return number, span.first
        if not cut(span, episode.frames, source.fps, target):
            self.reencoded.append(self.episodes)
        return number, 0.0

    def _path(self, key: str, number: int) -> Path:
        chunk, file = divmod(number, lerobot_v3.CHUNK)
        return self.root / lerobot_v3.VIDEO_PATH.format(video_key=key, chunk_index=chunk, file_index=file)

    def _flush_rows(self) -> None:
        if self._tables:
            self._data.add(pa.concat_tables(self._tables).combine_chunks())
            self._tables = []

    def _flush(self) -> None:
        if self._waiting:
            chunk, file = self._lines.place()
            where = {"meta/episodes/chunk_index": chunk, "meta/episodes/file_index": file}
            self._lines.add(pa.Table.from_pylist([line | where for line in self._waiting]))
            self._waiting = []

    def _finish(self) -> None:
        self._flush_rows()
        self._flush()
        self.close()
        pq.write_table(lerobot_v3.tasks_table(list(self.tasks)), self.meta / "tasks.parquet")
        write_json(self.meta / "stats.json", self._statistics())

    def close(self) -> None:
        """Close all files."""
        self._data.close()
        self._lines.close()

    def _paths(self) -> dict[str, Any]:
        return {
            "chunks_size": lerobot_v3.CHUNK,
            "data_files_size_in_mb": lerobot_v3.DATA_MB,
            "video_files_size_in_mb": lerobot_v3.VIDEO_MB,
            "data_path": lerobot_v3.DATA_PATH,
            "video_path": lerobot_v3.VIDEO_PATH if self.shared.videos else None,
        }

    def _video(self, key: str) -> Path | None:
        return self._path(key, 0) if self._files[key] else None
