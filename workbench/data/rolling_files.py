"""Files of LeRobot v3.0: many episodes to a file, a new file when one has grown to a size, numbered through folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.data.episode import DatasetEpisode
from workbench.data.episode_video import add_pictures
from workbench.data.export_folder import ExportError
from workbench.data.statistics import PictureStatistics
from workbench.data.video import VideoWriter

EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_MIB = 2**20


class _Rolling:
    """Numbers of the file in hand."""

    def __init__(self, root: Path, pattern: str, megabytes: float, per_chunk: int) -> None:
        self._root, self._pattern, self._limit, self._per_chunk = root, pattern, megabytes * _MIB, per_chunk
        self._number, self._last = -1, 0

    def _numbers(self) -> tuple[int, int]:
        return divmod(self._number, self._per_chunk)

    def _next(self) -> Path:
        self._number += 1
        chunk, file = self._numbers()
        path = self._root / self._pattern.format(chunk_index=chunk, file_index=file)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._last = 0
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
    """Videos of one camera.

    Args:
        root: folder of the dataset.
        pattern: path in it, with ``chunk_index`` and ``file_index``.
        size: width and height [px].
        fps: frames a second [Hz].
        megabytes: size about which a new file begins [MiB]; 0 gives every episode its own. The encoder holds back
            some frames, so that files may pass it by these.
        per_chunk: files in a folder.
    """

    def __init__(
        self, root: Path, pattern: str, size: tuple[int, int], fps: float, megabytes: float, per_chunk: int
    ) -> None:
        super().__init__(root, pattern, megabytes, per_chunk)
        self._size, self._fps = size, fps
        self._video: VideoWriter | None = None

    def add(self, episode: DatasetEpisode, camera: str) -> tuple[dict[str, Any], PictureStatistics]:
        """Add an episode's pictures; gives where they are, in LeRobot's words, and their statistics.

        ExportError for a picture that is broken or of another size.
        """
        if self._video is not None and self._video.bytes + self._last >= self._limit:
            self.close()
        try:
            if self._video is None:
                self._video = VideoWriter(self._next(), self._size, self._fps)
            first, before = self._video.frames, self._video.bytes
            seen = add_pictures(self._video, episode, camera)
        except ValueError as problem:
            raise ExportError(f"episode {episode.name}, camera {camera}: {problem}") from None
        self._last = self._video.bytes - before
        chunk, file = self._numbers()
        where = {
            "chunk_index": chunk,
            "file_index": file,
            "from_timestamp": first / self._fps,
            "to_timestamp": self._video.frames / self._fps,
        }
        return where, seen

    def close(self) -> None:
        """Close the file in hand."""
        video, self._video = self._video, None
        if video is not None:
            video.close()
