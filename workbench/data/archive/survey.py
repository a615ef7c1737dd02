"""`survey`: what an archive's episodes have in common, found before the first is exported.

A dataset in LeRobot's formats has one rate, one set of cameras and one shape a column. An archive that mixes them is
refused before anything is written, in a sentence that names the episode.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from policy.action import ActionSpec
from workbench.data.archive.archive import EPISODES, PLAN, ArchiveError, Chunk, chunks
from workbench.data.episode import DatasetEpisode
from workbench.data.frame_actions import even_gap


@dataclass(frozen=True)
class Entry:
    """One episode of an archive and where it lies."""

    chunk: Path
    row: int
    name: str
    demonstration: tuple[int, int]
    """Seed and index of the planned episode; all its renderings share them."""
    instruction: str
    steps: int
    frames: int
    stride: int | None
    """Control steps between frames; None for a single frame."""
    cameras: tuple[tuple[str, int, int], ...]
    """Name, width and height [px] of each."""
    bodies: int
    action_spec: ActionSpec
    control_hz: float
    split: str = ""
    """The split of the task that the episode was drawn in; empty for none."""

    def read(self) -> DatasetEpisode:
        """The episode with its pictures; ArchiveError as from `Chunk`."""
        with Chunk(self.chunk) as chunk:
            return chunk.read(self.row)


@dataclass(frozen=True)
class Survey:
    """The episodes of an archive, by name, and what they share."""

    entries: tuple[Entry, ...]
    control_hz: float
    """Control steps a second [Hz]."""
    stride: int
    """Control steps from frame to frame."""
    cameras: dict[str, tuple[int, int]]
    """Width and height [px]."""
    bodies: int
    """Most bodies in an episode."""
    action_spec: ActionSpec

    @property
    def fps(self) -> float:
        """Frames a second [Hz]."""
        return self.control_hz / self.stride

    @property
    def frames(self) -> int:
        """Frames of all episodes."""
        return sum(e.frames for e in self.entries)


def stage(folder: Path, name: str = EPISODES) -> Path:
    """The folder of an archive's chunks; ``folder`` may also be that folder. ArchiveError if there is none."""
    for candidate in (folder / name, folder):
        if chunks(candidate):
            return candidate
    raise ArchiveError(f"{folder} is no archive: it has no {name}/chunk-*.hdf5")


def is_archive(folder: Path) -> bool:
    """Whether a folder has chunks, of any stage."""
    return any(chunks(f) for f in (folder, folder / EPISODES, folder / PLAN))


def entries(folder: Path) -> Iterator[Entry]:
    """Every kept episode in a stage's folder, chunk by chunk."""
    for path in chunks(folder):
        with Chunk(path) as chunk:
            yield from summaries(chunk)


def summaries(chunk: Chunk) -> Iterator[Entry]:
    """Every kept episode of a chunk, of which nothing but its metadata and times are read."""
    for row in range(len(chunk)):
        meta, (steps, frame_steps) = chunk.meta(row), chunk.times(row)
        try:
            name, record = meta["name"], meta["record"]
            gap = even_gap(name, frame_steps)
            yield Entry(
                chunk=chunk.path,
                row=row,
                name=name,
                demonstration=(int(record["seed"]), int(record["index"])),
                instruction=record["instruction"],
                steps=steps,
                frames=len(frame_steps),
                stride=gap if len(frame_steps) > 1 else None,
                cameras=tuple((name, c["width"], c["height"]) for name, c in meta["cameras"].items()),
                bodies=len(meta["bodies"]),
                action_spec=_spec(json.dumps(meta["action_spec"])),
                control_hz=meta["control_hz"],
                split=record.get("split") or "",
            )
        except (KeyError, TypeError, ValueError) as problem:
            text = f"{problem!r} is missing" if isinstance(problem, KeyError) else str(problem)
            raise ArchiveError(f"{chunk.path} data/demo_{row}: {text}") from None


@lru_cache(16)
def _spec(text: str) -> ActionSpec:
    # One object for all: there may be many.
    return ActionSpec.from_dict(json.loads(text))


def survey(folder: Path) -> Survey:
    """What the episodes of an archive share, and where each lies.

    Args:
        folder: an archive, or its stage ``episodes``.

    Raises:
        ArchiveError: no episodes; two of one name; no pictures; rates, cameras, picture sizes or actions that differ.
    """
    found = sorted(entries(stage(folder)), key=lambda e: e.name)
    if not found:
        raise ArchiveError(f"{folder} holds no kept episode")
    for a, b in pairwise(found):
        if a.name == b.name:
            raise ArchiveError(f"{a.chunk} and {b.chunk} both hold episode {a.name}")
    first = next((e for e in found if e.stride is not None), found[0])
    for entry in found:
        _same("control_hz", lambda e: e.control_hz, first, entry)
        if entry.stride is not None:
            _same("frames every so many steps", lambda e: e.stride, first, entry)
        _same("cameras", lambda e: e.cameras, first, entry)
        if not entry.frames or not entry.cameras:
            raise ArchiveError(f"{entry.chunk}: episode {entry.name} has no pictures")
        if problems := first.action_spec.mismatches(entry.action_spec, bounds=False):
            raise ArchiveError(
                f"{entry.chunk}: episode {entry.name} has other actions: {'; '.join(problems)}"
            )
    return Survey(
        entries=tuple(found),
        control_hz=first.control_hz,
        stride=first.stride or 1,
        cameras={name: (width, height) for name, width, height in first.cameras},
        bodies=max(e.bodies for e in found),
        action_spec=first.action_spec,
    )


def _same(what: str, get: Callable[[Entry], object], first: Entry, entry: Entry) -> None:
    mine, theirs = get(first), get(entry)
    if mine != theirs:
        raise ArchiveError(
            f"{entry.chunk}: episode {entry.name} has {what} {theirs}, episode {first.name} has {mine}; "
            "a LeRobot dataset holds one kind"
        )
