"""`read_recording`: what a recording holds, read back through Rerun's own reader."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rerun.chunk import Chunk, RrdReader
from rerun.error_utils import RerunWarning

_PROPERTIES = "/__properties"


@dataclass
class EntityContent:
    """What one entity of an episode holds."""

    rows: int = 0
    """Rows with a time."""
    static_rows: int = 0
    components: set[str] = field(default_factory=set)
    """As ``Boxes2D:centers``."""
    times: dict[str, np.ndarray] = field(default_factory=dict)
    """Timeline -> sorted times ``[rows]``: nanoseconds or steps."""
    values: dict[str, list[Any]] = field(default_factory=dict)
    """Component -> one list of instances a row, in the order of the rows, static ones first; filled on request."""


@dataclass
class RecordedEpisode:
    """One episode of a recording file."""

    recording_id: str
    application_id: str
    name: str
    """As in the viewer's list."""
    properties: dict[str, Any]
    """Property -> value, as ``episode:success``."""
    entities: dict[str, EntityContent]
    """By entity path."""
    has_blueprint: bool
    """Whether the file brings a layout for this episode's application id."""


def read_recording(path: Path, values: bool = False) -> dict[str, RecordedEpisode]:
    """Episodes of a file by recording id, in the order of the ids.

    Args:
        path: the ``.rrd`` file.
        values: also decode every component's values; without it, only what is there and when is read.

    Raises ValueError when there is no such file or it is not a whole Rerun recording.
    """
    if not path.is_file():
        raise ValueError(f"there is no recording {path}")
    try:
        with warnings.catch_warnings():
            # Only Rerun's older versions wrote no footer; here a missing one means that the end is missing.
            warnings.simplefilter("error", RerunWarning)
            reader = RrdReader(path)
        laid_out = {blueprint.application_id for blueprint in reader.blueprints()}
        chunks = {entry: reader.stream(store=entry).to_chunks() for entry in reader.recordings()}
    except RerunWarning:
        raise ValueError(f"{path} is not a whole Rerun recording: its end is missing") from None
    except (RuntimeError, ValueError, OSError) as problem:
        raise ValueError(f"{path} is not a whole Rerun recording: {problem}") from None
    episodes = {}
    for entry in sorted(chunks, key=lambda e: e.recording_id):
        properties = _properties(chunks[entry])
        entities: dict[str, EntityContent] = {}
        for chunk in chunks[entry]:
            if not chunk.entity_path.startswith(_PROPERTIES):
                _add(entities.setdefault(chunk.entity_path, EntityContent()), chunk, values)
        episodes[entry.recording_id] = RecordedEpisode(
            recording_id=entry.recording_id,
            application_id=entry.application_id,
            name=str(properties.pop("RecordingInfo:name", "")),
            properties=properties,
            entities=entities,
            has_blueprint=entry.application_id in laid_out,
        )
    return episodes


def _add(content: EntityContent, chunk: Chunk, values: bool) -> None:
    batch = chunk.to_record_batch()
    components = _component_columns(chunk)
    content.components |= set(components)
    if chunk.is_static:
        content.static_rows += chunk.num_rows
    else:
        content.rows += chunk.num_rows
        for timeline in chunk.timeline_names:
            times = batch.column(timeline).cast("int64").to_numpy()
            content.times[timeline] = np.sort(np.concatenate([content.times.get(timeline, times[:0]), times]))
    if values:
        for name in components:
            rows = batch.column(name).to_pylist()
            held = content.values.get(name, [])
            content.values[name] = rows + held if chunk.is_static else held + rows


def _component_columns(chunk: Chunk) -> list[str]:
    """Columns of a chunk that hold data: not row ids, not timelines."""
    schema = chunk.to_record_batch().schema
    return [column.name for column in schema if (column.metadata or {}).get(b"rerun:kind") == b"data"]


def _properties(chunks: list[Chunk]) -> dict[str, Any]:
    found = {}
    for chunk in chunks:
        if not chunk.entity_path.startswith(_PROPERTIES):
            continue
        group = chunk.entity_path.removeprefix(_PROPERTIES).strip("/")
        batch = chunk.to_record_batch()
        for name in _component_columns(chunk):
            value = batch.column(name)[0].as_py()
            value = value[0] if isinstance(value, list) and len(value) == 1 else value
            found[f"{group}:{name}" if group else name] = value
    return found
