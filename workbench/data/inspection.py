"""What a dataset holds, in a few lines: counted in one pass over its episodes, of which one is in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench.data.archive.archive import EPISODES, PLAN, Chunk, chunks
from workbench.data.archive.survey import Entry, is_archive, summaries
from workbench.data.foreign.datasets import open_dataset
from workbench.data.lerobot.files import picture_size, video_keys
from workbench.data.lerobot.reading import ImportedDataset, ImportedEpisode, load_lerobot
from workbench.data.progress import Progress

_SHOWN = 10
"""Tasks that are listed."""


def inspect(path: Path, progress: Progress | None = None) -> list[str]:
    """Lines about a dataset; ArchiveError or LeRobotImportError for what is none."""
    if path.is_dir() and is_archive(path):
        lines = list(_archive(path, progress))
    else:
        lines = list(_others(open_dataset(path) if path.is_file() else load_lerobot(path)))
    return [*lines, f"on disk        {_size(path)}"]


@dataclass
class _Counts:
    """What a stage's episodes are, counted."""

    episodes: int = 0
    steps: int = 0
    frames: int = 0
    scenes: set[tuple[int, int]] = field(default_factory=set)
    instructions: set[str] = field(default_factory=set)
    dropped: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    rates: Counter[str] = field(default_factory=Counter)
    cameras: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Entry) -> None:
        """Count an episode."""
        self.episodes += 1
        self.steps += entry.steps
        self.frames += entry.frames
        self.scenes.add(entry.demonstration)
        self.instructions.add(entry.instruction)
        self.actions[entry.action_spec.name] += 1
        self.rates[f"{entry.control_hz / (entry.stride or 1):g} Hz"] += 1
        self.splits[entry.split or "none"] += 1
        self.cameras[", ".join(f"{n} {w}x{h}" for n, w, h in entry.cameras) or "none"] += 1


def _archive(root: Path, progress: Progress | None) -> Iterator[str]:
    yield f"{root}: archive"
    stages = [folder for folder in (root / PLAN, root / EPISODES) if chunks(folder)] or [root]
    files = {folder: chunks(folder) for folder in stages}
    done, total = 0, sum(map(len, files.values()))
    for folder, paths in files.items():
        counts = _Counts()
        for path in paths:
            with Chunk(path) as chunk:
                for line in chunk.lines():
                    if not line.get("kept", True):
                        counts.dropped[str(line.get("rejected"))] += 1
                for entry in summaries(chunk):
                    counts.add(entry)
            done += 1
            if progress:
                progress(done, total)
        name = folder.name if folder != root else "episodes"
        yield (
            f"{name:<14} {counts.episodes} in {len(paths)} files, {counts.steps} control steps, {counts.frames} frames"
        )
        if counts.dropped:
            yield f"  dropped      {_counted(counts.dropped)}"
        if counts.frames:
            yield from (f"  {line}" for line in _kinds(counts))
        if set(counts.splits) - {"none"}:
            yield f"  split        {_one(counts.splits)}"
        yield f"  scenes       {len(counts.scenes)}, {len(counts.instructions)} instructions"


def _kinds(counts: _Counts) -> Iterator[str]:
    """What the episodes are of; one value each in an archive that can be exported."""
    kinds: Mapping[str, Counter[str]] = {
        "actions": counts.actions,
        "rate": counts.rates,
        "cameras": counts.cameras,
    }
    for name, counter in kinds.items():
        yield f"{name:<12} {_one(counter)}"


def _one(counter: Counter[str]) -> str:
    """What all episodes are, or that they differ."""
    return next(iter(counter)) if len(counter) == 1 else f"MIXED: {_counted(counter)}"


def _others(dataset: ImportedDataset) -> Iterator[str]:
    info = dataset.info
    frames = sum(place.length for place in dataset.places)
    kind = f"LeRobot {dataset.version}" if dataset.root.is_dir() else f"{dataset.version} demonstrations"
    yield f"{dataset.root}: {kind}"
    yield f"episodes       {len(dataset)}, {frames} frames at {dataset.fps:g} Hz"
    yield f"robot          {info.get('robot_type') or 'not said'}"
    for key in video_keys(info):
        width, height = picture_size(info["features"][key])
        said = info["features"][key].get("info") or info["features"][key].get("video_info") or {}
        yield f"video          {key} {width}x{height} {said.get('video.codec', '')}".rstrip()
    first = next(iter(dataset), None)
    if first is not None:
        yield from _columns(first, dataset)
    for name in dataset.skipped():
        yield f"left out       {name}: neither numbers nor texts nor pictures"
    for name, members in dataset.filters.items():
        yield f"subset         {name}: {len(members)} episodes"
    yield f"tasks          {len(dataset.tasks)}"
    yield from (f"  {text or '(no text)'}" for text in list(dataset.tasks.values())[:_SHOWN])
    if len(dataset.tasks) > _SHOWN:
        yield f"  and {len(dataset.tasks) - _SHOWN} more"
    yield from (f"note           {note}" for note in dataset.notes)


def _columns(episode: ImportedEpisode, dataset: ImportedDataset) -> Iterator[str]:
    for name in episode.pictures:
        feature = dataset.info.get("features", {}).get(name)
        size = "{}x{}".format(*picture_size(feature)) if feature else "of a size that is not said"
        yield f"pictures       {name} {size}"
    for name in episode.texts:
        yield f"texts          {name}"
    for name, value in episode.columns.items():
        shape = "x".join(map(str, value.shape[1:])) or "1"
        yield f"column         {name} {shape} {value.dtype}"


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common())


def _size(root: Path) -> str:
    files = (root,) if root.is_file() else (p for p in root.rglob("*") if p.is_file())
    return f"{sum(p.stat().st_size for p in files) / 2**20:.1f} MiB"
