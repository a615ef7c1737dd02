"""What was commanded to a real arm, or its twin: of a run of the bridge, or of the archive that was made of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from workbench.data.archive.archive import EPISODES, ArchiveError, chunks, episodes
from workbench.data.episode import DatasetEpisode
from workbench.data.lerobot.reading import ImportedEpisode
from workbench.data.origin import CONFIG

JOINTS = "command.joints"
"""Column of commanded joints; ``action.joints`` in datasets of others."""
TICKS = "ticks"
BRIDGE = "chunk-bridge"
"""How a chunk's name begins that was made of a log of the bridge."""


def is_bridged(path: Path) -> bool:
    """Whether a folder is a run of the bridge, or its archive."""
    if (path / TICKS).is_dir():
        return True
    found = chunks(path / EPISODES)
    return bool(found) and not (path / CONFIG).exists() and all(p.stem.startswith(BRIDGE) for p in found)


def commanded_on_an_arm(path: Path) -> list[ImportedEpisode]:
    """Its episodes as joints to follow; ArchiveError for a folder without one that ended."""
    found = [_joints(episode) for episode in _episodes(path)]
    if not found:
        raise ArchiveError(f"{path} has no log of an episode that ended, so there is nothing to replay")
    return found


def _episodes(path: Path) -> Iterator[DatasetEpisode]:
    if (path / TICKS).is_dir():
        from workbench.bridge.dataset import episodes_of

        yield from episodes_of(path)
    else:
        yield from episodes(path / EPISODES)


def _joints(episode: DatasetEpisode) -> ImportedEpisode:
    commanded = np.asarray(episode.commanded_joints[: len(episode.actions)], np.float64)
    return ImportedEpisode(
        index=int(episode.record["index"]),
        task=str(episode.record["instruction"]),
        fps=episode.control_hz,
        columns={JOINTS: commanded},
        metadata={},
        videos={},
    )
