"""``workbench data view``: some of an archive's episodes as a Rerun recording, opened."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from workbench.cli.options import OptionError, listed
from workbench.data.archive.archive import ArchiveError, Chunk, chunks
from workbench.data.archive.survey import is_archive, stage
from workbench.data.command_options import ViewOptions
from workbench.data.episode import DatasetEpisode
from workbench.data.foreign.datasets import open_dataset
from workbench.data.to_trajectory import to_trajectory


def view_dataset(path: Path, options: ViewOptions, console: Console) -> None:
    """Write a recording of the episodes asked for, and open it unless it is to be kept.

    OptionError for names that the archive does not have, ArchiveError as from reading it.
    """
    from workbench.views.recording import urdf_of, write_recording

    if options.episodes < 1:
        raise OptionError(f"episodes must be at least 1, not {options.episodes}")
    names = listed("names", options.names)
    if not is_archive(path):
        from workbench.data.foreign.view import chosen_episodes, write_foreign

        dataset = open_dataset(path)
        indices = chosen_episodes(dataset, names, options.episodes)
        _written(path, options, console, lambda to: write_foreign(dataset, indices, to))
        return
    chosen = choose(path, names, options.episodes)
    trajectories = [to_trajectory(episode) for episode in chosen]
    _written(path, options, console, lambda to: write_recording(trajectories, to, urdf_of(trajectories)))


def _written(path: Path, options: ViewOptions, console: Console, write: Callable[[Path], Path]) -> None:
    """Write the recording where it is asked for, or open it."""
    from workbench.views.viewing import view

    if options.to:
        try:
            written = write(Path(options.to))
        except OSError as problem:
            raise OptionError(
                f"option to={options.to}: cannot be written: {problem.strerror}; give a file in another folder"
            ) from None
        console.print(str(written))
        return
    with tempfile.TemporaryDirectory(prefix=f"{path.resolve().name}-") as folder:
        view(write(Path(folder) / "recording.rrd"))


def choose(path: Path, names: Sequence[str], count: int) -> list[DatasetEpisode]:
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
