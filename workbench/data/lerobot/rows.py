"""Rows of episodes in a LeRobot table, one episode in memory at a time, in whatever order they lie there.

A table is read a row group at a time. Of the whole table only the column ``episode_index`` is held, a number a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.data.lerobot.files import (
    LeRobotImportError,
    is_numeric,
    is_picture,
    is_text,
    numbers,
    reading,
)


@dataclass(frozen=True)
class Rows:
    """What a table holds of an episode: ``F`` rows, in the order in which they lie there."""

    columns: dict[str, np.ndarray]
    """Numbers ``[F, ...]``."""
    texts: dict[str, tuple[str, ...]]
    """``[F]``"""
    pictures: dict[str, tuple[bytes, ...]]
    """Encoded pictures ``[F]``."""
    skipped: tuple[str, ...]
    """Columns of another kind, which were not read: bytes may be Python pickles, which run code when opened."""
    count: int
    """Rows ``F``."""


class TableReader:
    """Reads episodes from one table.

    Args:
        path: the Parquet file.
        root: folder of the dataset, in which pictures kept as files are looked for.
        by_episode: whether the table holds several episodes, told apart by ``episode_index``.
        columns: those to read; None reads all.
    """

    def __init__(
        self, path: Path, root: Path, by_episode: bool, columns: Sequence[str] | None = None
    ) -> None:
        self.path, self._root, self._by_episode = path, root, by_episode
        self._columns = columns
        self._file = reading(path, lambda: pq.ParquetFile(path))
        if by_episode and "episode_index" not in self._file.schema_arrow.names:
            raise LeRobotImportError(f"{path} has no column 'episode_index'")
        self._held: tuple[int, pa.Table] | None = None

    @cached_property
    def _begins(self) -> np.ndarray:
        """Row at which each row group begins ``[G + 1]``."""
        meta = self._file.metadata
        sizes = [meta.row_group(k).num_rows for k in range(meta.num_row_groups)]
        return np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)

    @cached_property
    def _order(self) -> tuple[np.ndarray, np.ndarray]:
        """Episode of each row, sorted, and the rows in that order; rows of an episode stay as they lie."""
        column = reading(self.path, lambda: self._file.read(["episode_index"]))["episode_index"]
        found = numbers(column, f"{self.path}, column 'episode_index'").reshape(-1)
        order = np.argsort(found, kind="stable")
        return found[order], order

    def rows(self, episode: int) -> Rows:
        """The rows of an episode; LeRobotImportError for a column that cannot be read."""
        if not self._by_episode:
            return self._rows(np.arange(self._begins[-1]))
        sorted_, order = self._order
        begin, end = np.searchsorted(sorted_, (episode, episode + 1))
        return self._rows(order[begin:end])

    def _rows(self, at: np.ndarray) -> Rows:
        groups = np.unique(np.searchsorted(self._begins, at, "right") - 1).tolist()
        parts = []
        for group in groups:
            first, last = self._begins[group], self._begins[group + 1]
            inside = at[(at >= first) & (at < last)] - first
            table = self._group(group)
            if len(inside) and inside[-1] - inside[0] == len(inside) - 1 and (np.diff(inside) == 1).all():
                parts.append(table.slice(inside[0], len(inside)))
            else:
                parts.append(table.take(pa.array(inside)))
        table = pa.concat_tables(parts) if parts else self._file.schema_arrow.empty_table()
        if self._columns is not None:
            table = table.select([name for name in self._columns if name in table.column_names])
        columns: dict[str, np.ndarray] = {}
        texts: dict[str, tuple[str, ...]] = {}
        pictures: dict[str, tuple[bytes, ...]] = {}
        skipped = []
        for column in table.schema:
            name, where = column.name, f"{self.path}, column {column.name!r}"
            if is_numeric(column.type):
                columns[name] = numbers(table[name], where)
            elif is_picture(column.type):
                pictures[name] = tuple(self._picture(p, where) for p in table[name].to_pylist())
            elif is_text(column.type):
                if table[name].null_count:
                    raise LeRobotImportError(f"{where} has {table[name].null_count} missing values")
                texts[name] = tuple(table[name].to_pylist())
            else:
                skipped.append(name)
        return Rows(columns, texts, pictures, tuple(skipped), len(at))

    def _group(self, number: int) -> pa.Table:
        if self._held is None or self._held[0] != number:
            self._held = None  # before the next comes
            self._held = number, reading(self.path, lambda: self._file.read_row_group(number, self._columns))
        return self._held[1]

    def _picture(self, stored: dict[str, bytes | str | None] | None, where: str) -> bytes:
        data, path = (stored or {}).get("bytes"), (stored or {}).get("path")
        if isinstance(data, bytes):
            return data
        if isinstance(path, str) and not Path(path).is_absolute() and ".." not in Path(path).parts:
            return reading(self._root / path, (self._root / path).read_bytes)
        raise LeRobotImportError(
            f"{where} has a row with neither a picture nor the path of one in the dataset"
        )


class Tables:
    """The reader of the table in hand: episodes that follow each other in a table share it."""

    def __init__(self, root: Path, by_episode: bool, columns: Sequence[str] | None = None) -> None:
        self._make: Callable[[Path], TableReader] = lambda path: TableReader(path, root, by_episode, columns)
        self._held: TableReader | None = None

    def of(self, path: Path) -> TableReader:
        """The reader of a table."""
        if self._held is None or self._held.path != path:
            self._held = self._make(path)
        return self._held
