"""Files of LeRobot datasets, whoever wrote them: what is missing or broken is said with the file's name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


class LeRobotImportError(Exception):
    """A dataset that cannot be read; one sentence names the file and the field."""


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file."""
    found = _read(path, lambda: json.loads(path.read_text()))
    if not isinstance(found, dict):
        raise LeRobotImportError(f"{path} holds no JSON object")
    return found


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file."""
    found = []
    for k, line in enumerate(_read(path, path.read_text).splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(json.loads(line))
        except ValueError:
            raise LeRobotImportError(f"{path}, line {k}, is no JSON") from None
        if not isinstance(found[-1], dict):
            raise LeRobotImportError(f"{path}, line {k}, holds no JSON object")
    return found


def read_table(path: Path, keep: Callable[[str], bool] | None = None) -> pa.Table:
    """A Parquet file; with ``keep`` only the columns whose names it takes."""
    columns = None if keep is None else [name for name in read_schema(path).names if keep(name)]
    return _read(path, lambda: pq.read_table(path, columns=columns, partitioning=None))


def read_schema(path: Path) -> pa.Schema:
    """The columns of a Parquet file."""
    return _read(path, lambda: pq.read_schema(path))


def _read[Content](path: Path, read: Callable[[], Content]) -> Content:
    try:
        return read()
    except FileNotFoundError:
        raise LeRobotImportError(f"{path} is missing") from None
    except (OSError, ValueError, pa.ArrowException) as problem:
        text = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise LeRobotImportError(f"{path} cannot be read: {text}") from None


def tables(folder: Path) -> list[Path]:
    """All ``chunk-*/file-*.parquet`` in a folder, in order; LeRobotImportError if there are none."""
    found = sorted(folder.glob("chunk-*/file-*.parquet"))
    if not found:
        raise LeRobotImportError(f"{folder} has no chunk-*/file-*.parquet")
    return found


def field(content: Mapping[str, Any], name: str, path: Path) -> Any:
    """An entry that must be there; LeRobotImportError names the file that lacks it."""
    if content.get(name) is None:
        raise LeRobotImportError(f"{path} has no {name!r}")
    return content[name]


def video_keys(info: Mapping[str, Any]) -> list[str]:
    """Columns that are videos, from ``info.json``."""
    return [k for k, f in info.get("features", {}).items() if f.get("dtype") == "video"]


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a column holds numbers, or lists of them."""
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            kind = kind.value_type
        else:
            return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)


def numbers(column: pa.ChunkedArray, where: str) -> np.ndarray:
    """A column of numbers ``[F]``, or of lists of equal lengths ``[F, ...]``; an error begins with ``where``."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    shape = [len(array)]
    while not pa.types.is_primitive(array.type):
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
            continue
        lengths = pc.list_value_length(array)
        if array.null_count or pc.count_distinct(lengths).as_py() > 1:
            raise LeRobotImportError(f"{where} has rows of different lengths")
        shape.append(lengths[0].as_py() if len(array) else 0)
        array = array.flatten()
    if array.null_count:
        raise LeRobotImportError(f"{where} has {array.null_count} missing values")
    return array.to_numpy(zero_copy_only=False).reshape(shape)
