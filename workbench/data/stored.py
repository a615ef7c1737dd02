"""Pictures left in their file until one is asked for: training visits frames in an order of chance, and a data set of
any size has to fit beside a model in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

import h5py
import numpy as np

OPEN_FILES = 64
"""Chunks held open at once."""


@lru_cache(OPEN_FILES)
def _opened(path: Path) -> h5py.File:
    return h5py.File(path, "r")


class StoredPictures(Sequence[bytes]):
    """JPEG pictures ``[F]`` that lie end to end in a file."""

    def __init__(self, path: Path, name: str, spans: Sequence[tuple[int, int]]) -> None:
        self.path, self.name, self.spans = path, name, spans

    def __len__(self) -> int:
        return len(self.spans)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        begin, end = self.spans[index]
        data: np.ndarray = _opened(self.path)[self.name][begin:end]
        return data.tobytes()


class StoredArray:
    """An array in a file, indexed as NumPy indexes."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name

    def __getitem__(self, index: Any) -> Any:
        return _opened(self.path)[self.name][index]
