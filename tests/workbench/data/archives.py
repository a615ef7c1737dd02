"""Small archives on disk, made of made-up episodes."""

from __future__ import annotations

from pathlib import Path

import yaml

from workbench.data.archive.chunk_writer import ChunkWriter


def write_archive(folder: Path, *made, chunk_size: int = 2) -> Path:
    """An archive of episodes, ``chunk_size`` to a file."""
    (folder / "episodes").mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"task": "pick_place", "seed": 5}))
    for k in range(0, len(made), chunk_size):
        with ChunkWriter(folder / f"episodes/chunk-{k:06d}.hdf5", "pick_place") as writer:
            for episode in made[k : k + chunk_size]:
                writer.add(episode)
                writer.lines.append({"name": episode.name, "kept": True})
    return folder
