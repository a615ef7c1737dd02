"""Files of LeRobot datasets, whoever wrote them: what is missing or broken is said with the file's name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
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
    found = reading(path, lambda: json.loads(path.read_text("utf-8")))
    if not isinstance(found, dict):
        raise LeRobotImportError(f"{path} holds no JSON object")
    return found


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file."""
    return [line for _, line in each_line(path)]


def each_line(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Where each line of a JSON-lines file begins [bytes], and its object, one at a time."""
    with reading(path, lambda: path.open("rb")) as file:
        begin = 0
        for k, text in enumerate(file, 1):
            at, begin = begin, begin + len(text)
            if text.strip():
                yield at, _object(path, k, text)


def read_line(path: Path, at: int) -> dict[str, Any]:
    """The object of the line that begins at a byte."""
    with reading(path, lambda: path.open("rb")) as file:
        file.seek(at)
        return _object(path, 1, file.readline())


def _object(path: Path, number: int, text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise LeRobotImportError(f"{path}, line {number}, is no JSON") from None
    if not isinstance(found, dict):
        raise LeRobotImportError(f"{path}, line {number}, holds no JSON object")
    return found


def read_table(path: Path, keep: Callable[[str], bool] | None = None) -> pa.Table:
    """A Parquet file; with ``keep`` only the columns whose names it takes."""
    columns = None if keep is None else [name for name in read_schema(path).names if keep(name)]
    return reading(path, lambda: pq.read_table(path, columns=columns, partitioning=None))


def each_row_group(
    path: Path, keep: Callable[[str], bool] | None = None
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Number of the first row and the rows of each row group of a Parquet file, one group in memory at a time."""
    file = reading(path, lambda: pq.ParquetFile(path))
    columns = None if keep is None else [name for name in file.schema_arrow.names if keep(name)]
    first = 0
    for k in range(file.num_row_groups):
        rows = reading(path, lambda k=k: file.read_row_group(k, columns).to_pylist())  # type: ignore[misc]
        yield first, rows
        first += len(rows)


def read_schema(path: Path) -> pa.Schema:
    """The columns of a Parquet file."""
    return reading(path, lambda: pq.read_schema(path))


def reading[Content](path: Path, read: Callable[[], Content]) -> Content:
    """What ``read`` gives; LeRobotImportError names the file that is missing or damaged."""
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


def image_keys(info: Mapping[str, Any]) -> list[str]:
    """Columns whose rows hold a picture each, from ``info.json``."""
    return [k for k, f in info.get("features", {}).items() if f.get("dtype") == "image"]


def picture_size(feature: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height [px] of a picture column: its shape is H, W, C, or C, H, W where its names say so."""
    names, shape = feature.get("names"), list(feature["shape"])
    if isinstance(names, list) and names and str(names[0]).startswith("channel"):
        return int(shape[2]), int(shape[1])
    if len(shape) == 3 and shape[0] in (1, 3) and shape[2] not in (1, 3):
        return int(shape[2]), int(shape[1])
    return int(shape[1]), int(shape[0])


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a column holds numbers, or lists of them."""
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            kind = kind.value_type
        else:
            return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)


def is_picture(kind: pa.DataType) -> bool:
    """Whether a column holds encoded pictures, as ``datasets`` stores them: bytes, or the path of a file."""
    return pa.types.is_struct(kind) and {kind.field(k).name for k in range(kind.num_fields)} == {
        "bytes",
        "path",
    }


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds texts."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


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
