"""Depth and masks as columns of PNG pictures: without loss, in the table, as LeRobot stores a picture column.

A picture a row, as the struct of ``bytes`` and ``path`` that HuggingFace's ``datasets`` knows. Depth is 16 bits in
millimetres, which ``lerobot`` knows as ``depth_unit: mm``: the archive's tenths of a millimetre, rounded. 0 is unknown.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from workbench.data.episode import DEPTH_UNIT, DatasetEpisode
from workbench.data.export_folder import ExportError
from workbench.data.lerobot.columns import ANNOTATION, view
from workbench.data.lerobot.export_choices import ExportChoices

_STEPS_A_MILLIMETRE = round(1e-3 / DEPTH_UNIT)
_KIND = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def picture_key(camera: str, what: str) -> str:
    """The column of a camera's ``depth`` or ``mask``."""
    return f"{ANNOTATION}{view(camera)}.{what}"


def picture_features(cameras: Mapping[str, tuple[int, int]], choices: ExportChoices) -> dict[str, Any]:
    """``info.json``'s description of those columns; ``cameras`` are width and height [px] by name."""
    found: dict[str, dict[str, Any]] = {}
    for name, (width, height) in cameras.items():
        kind: dict[str, Any] = {
            "dtype": "image",
            "shape": [height, width, 1],
            "names": ["height", "width", "channels"],
        }
        if choices.depth:
            found[picture_key(name, "depth")] = kind | {"info": {"is_depth_map": True, "depth_unit": "mm"}}
        if choices.masks:
            found[picture_key(name, "mask")] = kind
    return found


def picture_columns(episode: DatasetEpisode, choices: ExportChoices) -> dict[str, pa.Array]:
    """Those columns of an episode; ExportError if it was made without what is asked for."""
    found = {}
    for name, camera in episode.cameras.items():
        if choices.depth:
            depth = _there(camera.depth, episode, name, "depth", "depth=true")
            found[picture_key(name, "depth")] = _column([in_millimetres(d) for d in depth])
        if choices.masks:
            mask = _there(camera.mask, episode, name, "masks", "masks=true")
            found[picture_key(name, "mask")] = _column(list(mask))
    return found


def with_pictures(table: pa.Table, episode: DatasetEpisode, choices: ExportChoices) -> pa.Table:
    """An episode's table with the columns of `picture_columns` behind the others, if any.

    Its schema then tells HuggingFace's ``datasets`` which columns are pictures: LeRobot of v2.1 asks nobody else.
    """
    pictures = picture_columns(episode, choices)
    for name, column in pictures.items():
        table = table.append_column(name, column)
    if not pictures:
        return table
    described = {field.name: _described(field.type) for field in table.schema}
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": described}})})


def _described(kind: pa.DataType) -> dict[str, Any]:
    """A column's type in the words of ``datasets``."""
    if pa.types.is_struct(kind):
        return {"_type": "Image"}
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        length = kind.list_size if pa.types.is_fixed_size_list(kind) else -1
        return {"feature": _described(kind.value_type), "length": length, "_type": "Sequence"}
    return {"dtype": str(kind.to_pandas_dtype().__name__), "_type": "Value"}


def in_millimetres(depth: np.ndarray) -> np.ndarray:
    """Depth ``[H, W]`` uint16 in `DEPTH_UNIT`, rounded to millimetres; what is known stays known."""
    rounded = (depth.astype(np.uint32) + _STEPS_A_MILLIMETRE // 2) // _STEPS_A_MILLIMETRE
    return np.where(depth > 0, np.maximum(rounded, 1), 0).astype(np.uint16)


def _there(
    pictures: Sequence[np.ndarray] | np.ndarray | None,
    episode: DatasetEpisode,
    camera: str,
    what: str,
    option: str,
) -> Sequence[np.ndarray] | np.ndarray:
    if pictures is None:
        raise ExportError(
            f"episode {episode.name}, camera {camera}, has no {what}: leave {option} away, or generate with {option}"
        )
    return pictures


def _column(pictures: Sequence[np.ndarray]) -> pa.Array:
    rows = []
    for picture in pictures:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG", compress_level=3)
        rows.append({"bytes": buffer.getvalue(), "path": None})
    return pa.array(rows, _KIND)
