"""Datasets of others, written anew in one of LeRobot's layouts: what import, export, merge and split of them do."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.data.lerobot.files import LeRobotImportError, read_json
from workbench.data.lerobot.layouts import V3Writer, V21Writer
from workbench.data.lerobot.metadata import ORIGIN, write_json
from workbench.data.lerobot.reading import FILTERS, V3, ImportedDataset
from workbench.data.lerobot.shared_columns import shared_columns
from workbench.data.lerobot.writer import Writer
from workbench.data.progress import Progress

V21_LAYOUT, V3_LAYOUT = "lerobot_v21", "lerobot_v3"
LAYOUTS = (V21_LAYOUT, V3_LAYOUT)
IMPORTED = "meta/imported.json"
"""Where a copy says what it is of, and what was left out."""
_OWN = (
    "info.json",
    "tasks",
    "episodes",
    "stats",
    "relative_stats",
    "origin.json",
    "imported.json",
    "filters.json",
)
"""How names in ``meta`` begin that are written anew; all others are copied."""


@dataclass(frozen=True)
class Copy:
    """What was written."""

    episodes: int
    frames: int
    fps: float
    notes: tuple[str, ...]
    """What was left out or mended, in plain sentences."""


def write_copy(
    target: Path,
    sources: Sequence[ImportedDataset],
    layout: str,
    command: Mapping[str, Any],
    of: Mapping[Path, ImportedDataset] | None = None,
    progress: Progress | None = None,
) -> Copy:
    """Write the episodes of datasets, one after the other, into an empty folder.

    One episode at a time is in memory.

    Args:
        target: the folder.
        sources: datasets, or parts of them (`part`).
        layout: one of `LAYOUTS`.
        command: what is done, for whoever asks where the dataset is from.
        of: by their roots, the datasets that ``sources`` are parts of.
        progress: told after each episode.

    Raises:
        LeRobotImportError: an episode that cannot be read, or datasets that cannot be one.
    """
    shared = shared_columns(sources)
    writer: Writer
    if layout == V21_LAYOUT:
        writer = V21Writer(target, shared)
    else:
        whole = [_whole((of or {}).get(source.root, source), source) for source in sources]
        writer = V3Writer(target, shared, frozenset().union(*whole))
    total, disordered = sum(map(len, sources)), []
    filters: dict[str, list[int]] = {}
    try:
        for source in sources:
            named = {name: set(members) for name, members in source.filters.items()}
            ordered = replace(source, places=tuple(sorted(source.places, key=lambda p: p.index)))
            for place, episode in ordered.each():
                if isinstance(episode, LeRobotImportError):
                    raise episode
                if episode.order is not None:
                    disordered.append(
                        f"{episode.index} of {source.root.name}" if len(sources) > 1 else f"{episode.index}"
                    )
                for name, members in named.items():
                    if place.index in members:
                        filters.setdefault(name, []).append(writer.episodes)
                writer.add(source, episode.in_order(), place.tasks)
                if progress:
                    progress(writer.episodes, total)
        notes = [*shared.notes, *_mended(disordered, writer.reencoded)]
        ranges = _ranges(filters)
        writer.finish(ranges or {"train": f"0:{writer.episodes}"})
    finally:
        writer.close()
    if ranges.keys() != filters.keys():
        write_json(target / FILTERS, filters)
    _copy_metadata(sources, target)
    _write_origin(sources, target, command, notes)
    return Copy(writer.episodes, writer.frames, sources[0].fps, tuple(notes))


def part(source: ImportedDataset, keep: Callable[[int], bool]) -> ImportedDataset:
    """The dataset with the episodes whose index is kept."""
    return replace(source, places=tuple(place for place in source.places if keep(place.index)))


def _whole(source: ImportedDataset, chosen: ImportedDataset) -> frozenset[Path]:
    """Videos of v3.0 all of whose episodes are chosen; those of other layouts hold one each."""
    if source.version != V3:
        return frozenset()
    of_file = Counter(span.path for place in source.places for span in place.videos.values())
    of_file.subtract(span.path for place in chosen.places for span in place.videos.values())
    return frozenset(path for path, others in of_file.items() if not others)


def _ranges(filters: Mapping[str, Sequence[int]]) -> dict[str, str]:
    """Subsets that are ranges, as LeRobot declares them; what is none, stands in `FILTERS`."""
    return {
        name: f"{members[0]}:{members[-1] + 1}"
        for name, members in filters.items()
        if members[-1] - members[0] == len(members) - 1
    }


def _mended(disordered: Sequence[str], reencoded: Sequence[int]) -> list[str]:
    found = []
    if disordered:
        found.append(
            f"rows of {len(disordered)} episodes lay out of order and were put in the order of frame_index: "
            f"{_listed(disordered)}"
        )
    if again := sorted(set(reencoded)):
        found.append(
            f"videos of {len(again)} episodes begin within a group of frames and were coded anew: "
            f"{_listed(list(map(str, again)))}"
        )
    return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _copy_metadata(sources: Sequence[ImportedDataset], target: Path) -> None:
    """What else ``meta`` holds, as modality.json and conventions.json, where all sources say the same."""
    first = sources[0].root / "meta"
    for path in sorted(first.glob("*")) if first.is_dir() else ():
        if not path.is_file() or path.name.startswith(_OWN):
            continue
        content = path.read_bytes()
        others = [source.root / "meta" / path.name for source in sources[1:]]
        if all(other.is_file() and other.read_bytes() == content for other in others):
            shutil.copyfile(path, target / "meta" / path.name)


def _write_origin(
    sources: Sequence[ImportedDataset], target: Path, command: Mapping[str, Any], notes: Sequence[str]
) -> None:
    said = [
        {"dataset": str(source.root), "version": source.version, "episodes": len(source)}
        for source in sources
    ]
    write_json(target / IMPORTED, {**command, "of": said, "notes": list(notes)})
    # What `workbench generate` made can be replayed from what says how.
    origins = [read_json(path) for s in sources if (path := s.root / ORIGIN).exists()]
    if origins:
        config = {**command, "of": origins}
        write_json(
            target / ORIGIN,
            {
                "archive": origins[0].get("archive"),
                "config": config,
                "provenance": origins[0].get("provenance"),
            },
        )
