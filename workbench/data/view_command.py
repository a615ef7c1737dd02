"""``workbench data view``: some of an archive's episodes as a Rerun recording, opened."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rich.console import Console

from workbench.data.archive import ArchiveError, Chunk, chunks
from workbench.data.command_options import ViewOptions
from workbench.data.episode import DatasetEpisode
from workbench.data.survey import stage
from workbench.data.to_trajectory import to_trajectory
from workbench.options import OptionError


def view_dataset(path: Path, options: ViewOptions, console: Console) -> None:
    """Write a recording of the episodes asked for, and open it unless it is to be kept.

    OptionError for names that the archive does not have, ArchiveError as from reading it.
    """
    from workbench.recording import panda_urdf, write_recording
    from workbench.viewing import view

    if options.episodes < 1:
        raise OptionError(f"episodes must be at least 1, not {options.episodes}")
    chosen = choose(
        path, [name.strip() for name in options.names.split(",") if name.strip()], options.episodes
    )
    trajectories = [to_trajectory(episode) for episode in chosen]
    if options.to:
        try:
            written = write_recording(trajectories, Path(options.to), panda_urdf())
        except OSError as problem:
            raise OptionError(
                f"option to={options.to}: cannot be written: {problem.strerror}; give a file in another folder"
            ) from None
        console.print(str(written))
        return
    with tempfile.TemporaryDirectory(prefix=f"{path.resolve().name}-") as folder:
        view(write_recording(trajectories, Path(folder) / "recording.rrd", panda_urdf()))


def choose(path: Path, names: list[str], count: int) -> list[DatasetEpisode]:
    """Episodes by name, or the first ``count``, one rendering each; OptionError names those that are not there."""
    found: dict[str, DatasetEpisode] = {}
    seen: set[int] = set()
    for chunk_path in chunks(stage(path)):
        with Chunk(chunk_path) as chunk:
            for row, name in enumerate(chunk.names()):
                index = int(name.split("-")[0])
                if name in names or (not names and len(found) < count and index not in seen):
                    found[name] = chunk.read(row)
                    seen.add(index)
    missing = [name for name in names if name not in found]
    if missing:
        raise OptionError(
            f"{path} has no episode {', '.join(missing)}; names are <index>-<render>, as 000017-01"
        )
    if not found:
        raise ArchiveError(f"{path} has no rendered episodes to show")
    indices = [episode.record["index"] for episode in found.values()]
    if len(set(indices)) < len(indices):
        raise OptionError(
            "two renderings of one episode, or two seeds' episodes of one index, cannot be shown in one recording; "
            "ask for one of each"
        )
    return list(found.values())
