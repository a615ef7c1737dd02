"""Several archives as one: their chunks, copied as they are."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

from workbench.data.archive import EPISODES, PLAN, ArchiveError, Chunk, chunks
from workbench.data.archive_statistics import write_archive_statistics
from workbench.data.export_folder import ExportFolder
from workbench.data.origin import CONFIG, origin
from workbench.data.progress import Progress


def merge(folders: Sequence[Path], out: Path, progress: Progress | None = None) -> int:
    """Merge archives into a new one.

    Args:
        folders: the archives; their order does not matter, since exports go by episodes' names.
        out: the new archive; must not exist, or be empty. It appears when all is written.
        progress: told after each chunk.

    Returns:
        Rendered episodes in the new archive.

    Raises:
        ArchiveError: a folder is no archive, or two of them hold an episode of one name: they would be told apart by
            nothing, since a name says the episode's index, not the seed.
        ExportError: ``out`` exists, or the disk refuses.
    """
    found = {
        stage: [(k, p) for k, f in enumerate(folders) for p in chunks(f / stage)]
        for stage in (PLAN, EPISODES)
    }
    for k, folder in enumerate(folders):
        if not any(number == k for paths in found.values() for number, _ in paths):
            raise ArchiveError(f"{folder} is no archive: it has no {EPISODES}/chunk-*.hdf5")
    rendered = 0
    for stage, paths in found.items():
        owner: dict[str, Path] = {}
        for _, path in paths:
            with Chunk(path) as chunk:
                for name in chunk.names():
                    if name in owner:
                        raise ArchiveError(
                            f"episode {name} is in {owner[name]} and in {path}: nothing is merged"
                        )
                    owner[name] = path
        rendered = len(owner) if stage == EPISODES else rendered
    total, done = sum(map(len, found.values())), 0
    with ExportFolder(out) as target:
        for stage, paths in found.items():
            (target / stage).mkdir()
            for k, path in paths:
                name = f"chunk-{k:03d}-{path.name.removeprefix('chunk-')}"
                shutil.copyfile(path, target / stage / name)
                done += 1
                if progress:
                    progress(done, total)
        config = {"command": "merge", "of": [origin(folder) for folder in folders]}
        (target / CONFIG).write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
        if rendered:
            write_archive_statistics(target)
    return rendered
