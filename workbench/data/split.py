"""An archive as several, for training and for validation: by episode, so that no scene is on two sides.

Which side an episode goes to follows from its index and the seed alone. An archive that grows, and is split again,
leaves every episode where it was: nothing that was trained on is validated on later. Indices are dealt along the golden
ratio's multiples, which fill [0, 1) more evenly than chance: shares are met to about an episode in small archives, too.
(Scenes are drawn independently of their index, so that evenness in it favours none.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from workbench.data.archive.archive import EPISODES, PLAN, ArchiveError, Chunk, chunks
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.data.archive.statistics import write_archive_statistics
from workbench.data.archive.survey import stage
from workbench.data.export_folder import ExportFolder
from workbench.data.origin import CONFIG, origin
from workbench.data.progress import Progress

_GOLDEN = 0x9E3779B97F4A7C15
"""2^64 over the golden ratio (Knuth, "The Art of Computer Programming", volume 3, section 6.4)."""


def part_of(index: int, shares: Mapping[str, float], seed: int) -> str:
    """The part that an episode belongs to; shares add up to 1."""
    start = int.from_bytes(hashlib.sha256(f"split {seed}".encode()).digest()[:8], "big")
    drawn = (start + index * _GOLDEN) % 2**64 / 2**64
    reached = 0.0
    for name, share in shares.items():
        reached += share
        if drawn < reached:
            return name
    return name  # the shares add up to a little less than 1


def split(
    folder: Path, out: Path, shares: Mapping[str, float], seed: int = 0, progress: Progress | None = None
) -> dict[str, int]:
    """Split an archive by episode index; all renderings of an episode go to one side.

    Args:
        folder: the archive.
        out: folder of the parts, an archive each, named as ``shares`` names them. It appears when all is written.
        shares: name of each part and its expected share of the episodes, in (0, 1]; they add up to 1.
        seed: of the draw.
        progress: told after each chunk.

    Returns:
        Rendered episodes in each part.

    Raises:
        ArchiveError: no archive, or a part that would get no rendered episode.
        ExportError: ``out`` exists, or the disk refuses.
    """
    stages = {EPISODES: chunks(stage(folder))} | ({PLAN: found} if (found := chunks(folder / PLAN)) else {})
    total, done = sum(map(len, stages.values())), 0
    counts = dict.fromkeys(shares, 0)
    with ExportFolder(out) as target:
        for name, paths in stages.items():
            for path in paths:
                for part, count in _split_chunk(path, target, name, shares, seed).items():
                    counts[part] += count if name == EPISODES else 0
                done += 1
                if progress:
                    progress(done, total)
        for part, count in counts.items():
            if not count:
                raise ArchiveError(
                    f"{part!r} would get no episode of {sum(counts.values())}: give it a larger share, or another seed"
                )
            config = {
                "command": "split",
                "part": part,
                "shares": dict(shares),
                "seed": seed,
                "of": origin(folder),
            }
            (target / part / CONFIG).write_text(
                yaml.safe_dump(config, sort_keys=False, allow_unicode=True), "utf-8"
            )
            write_archive_statistics(target / part)
    return counts


def _split_chunk(
    path: Path, target: Path, name: str, shares: Mapping[str, float], seed: int
) -> dict[str, int]:
    """Write a chunk's episodes and lines into the parts' chunks; gives how many episodes each got."""
    counts = dict.fromkeys(shares, 0)
    with Chunk(path) as chunk:
        lines: dict[str, list[dict[str, Any]]] = {part: [] for part in shares}
        for line in chunk.lines():
            lines[part_of(_index(line), shares, seed)].append(line)
        rows: dict[str, list[int]] = {part: [] for part in shares}
        for row, episode in enumerate(chunk.names()):
            rows[part_of(_index({"name": episode}), shares, seed)].append(row)
        for part in shares:
            if not lines[part] and not rows[part]:
                continue
            with ChunkWriter(target / part / name / path.name, chunk.env_name) as writer:
                for row in rows[part]:
                    writer.add(chunk.read(row))
                writer.lines.extend(lines[part])
            counts[part] = len(rows[part])
    return counts


def _index(line: Mapping[str, Any]) -> int:
    """An episode's index, from its line or from its name, which begins with it."""
    return int(line["index"]) if "index" in line else int(str(line["name"]).partition("-")[0])
