"""Files of LeRobot v3.0: many episodes to a file, a new file when one has grown to a size, numbered through folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.data.video import VideoJoiner

EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_MIB = 2**20


class _Rolling:
    """Numbers of the file in hand."""

    def __init__(self, root: Path, pattern: str, megabytes: float, per_chunk: int) -> None:
        self._root, self._pattern, self._limit, self._per_chunk = root, pattern, megabytes * _MIB, per_chunk
        self._number = -1

    def _numbers(self) -> tuple[int, int]:
        return divmod(self._number, self._per_chunk)

    def _next(self) -> Path:
        self._number += 1
        chunk, file = self._numbers()
        path = self._root / self._pattern.format(chunk_index=chunk, file_index=file)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


class RollingTable(_Rolling):
    """Parquet files of one schema.

    Args:
        root: folder of the dataset.
        pattern: path in it, with ``chunk_index`` and ``file_index``.
        megabytes: size after which a new file begins [MiB]; one may exceed it by what is added at once.
        per_chunk: files in a folder.
    """

    def __init__(self, root: Path, pattern: str, megabytes: float, per_chunk: int) -> None:
        super().__init__(root, pattern, megabytes, per_chunk)
        self._sink: pa.OSFile | None = None
        self._writer: pq.ParquetWriter | None = None

    def place(self) -> tuple[int, int]:
        """Numbers of the folder and of the file that the next table goes to."""
        full = self._sink is not None and self._sink.tell() >= self._limit
        return divmod(self._number + (1 if full or self._sink is None else 0), self._per_chunk)

    def add(self, table: pa.Table) -> tuple[int, int]:
        """Add rows as one row group; gives the numbers of the folder and of the file that they are in."""
        if self._sink is not None and self._sink.tell() >= self._limit:
            self.close()
        if self._sink is None:
            self._sink = pa.OSFile(str(self._next()), "wb")
            self._writer = pq.ParquetWriter(self._sink, table.schema)
        assert self._writer is not None
        self._writer.write_table(table)
        return self._numbers()

    def close(self) -> None:
        """Close the file in hand."""
        writer, sink, self._writer, self._sink = self._writer, self._sink, None, None
        try:
            if writer is not None:
                writer.close()
        finally:
            if sink is not None:
                sink.close()


class RollingVideo(_Rolling):
    """Videos of one camera, each episode's joined to those before it.

    Args:
        root: folder of the dataset.
        pattern: path in it, with ``chunk_index`` and ``file_index``.
        fps: frames a second [Hz].
        megabytes: size that a file is kept below [MiB]; an episode that alone passes it has a file of its own, and 0
            gives every episode its own.
        per_chunk: files in a folder.
    """

    def __init__(self, root: Path, pattern: str, fps: float, megabytes: float, per_chunk: int) -> None:
        super().__init__(root, pattern, megabytes, per_chunk)
        self._fps = fps
        self._video: VideoJoiner | None = None

    def add(self, video: bytes) -> dict[str, Any]:
        """Add an episode's video; gives where it is, in LeRobot's words."""
        if self._video is not None and self._video.bytes + len(video) >= self._limit:
            self.close()
        if self._video is None:
            self._video = VideoJoiner(self._next(), self._fps)
        first = self._video.frames
        self._video.add(video)
        chunk, file = self._numbers()
        return {
            "chunk_index": chunk,
            "file_index": file,
            "from_timestamp": first / self._fps,
            "to_timestamp": self._video.frames / self._fps,
        }

    def close(self) -> None:
        """Close the file in hand."""
        video, self._video = self._video, None
        if video is not None:
            video.close()
