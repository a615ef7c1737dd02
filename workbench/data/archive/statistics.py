"""Statistics of an archive's numbers: ``statistics.json`` in its folder, derived from its chunks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from workbench.data.archive.archive import episodes
from workbench.data.archive.survey import stage
from workbench.data.episode import STATES, DatasetEpisode
from workbench.data.statistics import ColumnStatistics, Table
from workbench.runs.durable import write_atomically

STATISTICS = "statistics.json"
FIELDS = ("actions", *STATES, "gripper_width", "measured_gripper_width")
"""Fields of `DatasetEpisode` that have statistics."""


def archive_statistics(made: Iterable[DatasetEpisode]) -> dict[str, Table]:
    """Statistics of `FIELDS` over all control steps of all episodes; ValueError if there are none."""
    statistics = ColumnStatistics()
    for episode in made:
        statistics.add({name: getattr(episode, name) for name in FIELDS})
    found = statistics.result()
    if not found:
        raise ValueError("there are no episodes to take statistics of")
    return found


def write_archive_statistics(folder: Path) -> Path:
    """Write ``statistics.json`` of an archive's rendered episodes; ArchiveError as from reading them."""
    found = archive_statistics(episodes(stage(folder), ()))
    path = folder / STATISTICS
    write_atomically(path, json.dumps(found, indent=2, allow_nan=False) + "\n")
    return path
