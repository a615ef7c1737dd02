"""Several archives as one: their chunks, copied.

A name says an episode's index, and episodes of every seed are counted from 0. Where two archives hold a name, all
episodes of all archives get their seed behind it: ``000017-01-seed2``. It does not depend on the archives' order.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from workbench.data.archive.archive import EPISODES, PLAN, ArchiveError, Chunk, chunks, kept_name
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.data.archive.statistics import write_archive_statistics
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
        ArchiveError: a folder is no archive, or two of them hold one episode: the same name and the same seed.
        ExportError: ``out`` exists, or the disk refuses.
    """
    found = {
        stage: [(k, p) for k, f in enumerate(folders) for p in chunks(f / stage)]
        for stage in (PLAN, EPISODES)
    }
    for k, folder in enumerate(folders):
        if not any(number == k for paths in found.values() for number, _ in paths):
            raise ArchiveError(f"{folder} is no archive: it has no {EPISODES}/chunk-*.hdf5")
    rendered, collide = 0, False
    for stage, paths in found.items():
        owner: dict[str, Path] = {}
        names: set[str] = set()
        for _, path in paths:
            with Chunk(path) as chunk:
                for row, name in enumerate(chunk.names()):
                    seed = chunk.meta(row)["record"]["seed"]
                    full = _with_seed(name, seed)
                    if full in owner:
                        raise ArchiveError(
                            f"episode {name} of seed {seed} is in {owner[full]} and in {path}: nothing is merged"
                        )
                    owner[full] = path
                    collide |= name in names
                    names.add(name)
        rendered = len(owner) if stage == EPISODES else rendered
    copy = _copy_with_seeds if collide else shutil.copyfile
    total, done = sum(map(len, found.values())), 0
    with ExportFolder(out) as target:
        for stage, paths in found.items():
            (target / stage).mkdir()
            for k, path in paths:
                name = f"chunk-{k:03d}-{path.name.removeprefix('chunk-')}"
                copy(path, target / stage / name)
                done += 1
                if progress:
                    progress(done, total)
        config = {"command": "merge", "of": [origin(folder) for folder in folders]}
        (target / CONFIG).write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), "utf-8")
        if rendered:
            write_archive_statistics(target)
    return rendered


def _with_seed(name: str, seed: int) -> str:
    ending = f"-seed{seed}"
    return name if name.endswith(ending) else name + ending


def _copy_with_seeds(path: Path, target: Path) -> None:
    """Copy a chunk; every episode's name, and the line that keeps it, get the seed."""
    with Chunk(path) as chunk, ChunkWriter(target, chunk.env_name) as writer:
        names = {}
        for row in range(len(chunk)):
            episode = chunk.read(row)
            names[episode.name] = _with_seed(episode.name, episode.record["seed"])
            writer.add(replace(episode, name=names[episode.name]))
        for line in chunk.lines():
            # An episode that was dropped is nowhere to be found under its name.
            kept = line.get("kept") and kept_name(line) in names
            writer.lines.append(line | {"name": names[kept_name(line)]} if kept else line)
