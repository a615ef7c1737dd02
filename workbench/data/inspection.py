"""What a dataset holds, in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from workbench.data.archive import EPISODES, PLAN, chunks, settled
from workbench.data.lerobot_files import video_keys
from workbench.data.lerobot_import import ImportedDataset, load_lerobot
from workbench.data.progress import Progress
from workbench.data.survey import entries, is_archive


def inspect(path: Path, progress: Progress | None = None) -> list[str]:
    """Lines about an archive or a LeRobot dataset; ArchiveError or LeRobotImportError for what is neither."""
    lines = _archive(path, progress) if is_archive(path) else _lerobot(load_lerobot(path))
    return [*lines, f"on disk        {_size(path)}"]


def _archive(root: Path, progress: Progress | None) -> Iterator[str]:
    yield f"{root}: archive"
    stages = [folder for folder in (root / PLAN, root / EPISODES) if chunks(folder)] or [root]
    for folder in stages:
        found, lines = [], settled(folder)
        for done, entry in enumerate(entries(folder), 1):
            found.append(entry)
            if progress:
                progress(done, sum(bool(line.get("kept", True)) for line in lines))
        dropped = Counter(str(line.get("rejected")) for line in lines if not line.get("kept", True))
        steps, frames = sum(e.steps for e in found), sum(e.frames for e in found)
        name = folder.name if folder != root else "episodes"
        yield f"{name:<14} {len(found)} in {len(chunks(folder))} files, {steps} control steps, {frames} frames"
        if dropped:
            yield f"  dropped      {_counted(dropped)}"
        yield from (f"  {line}" for line in _kinds(found) if frames)
        scenes, instructions = {e.demonstration for e in found}, {e.instruction for e in found}
        yield f"  scenes       {len(scenes)}, {len(instructions)} instructions"


def _kinds(found: Iterable) -> Iterator[str]:
    """What the episodes are of; one value each in an archive that can be exported."""
    kinds: Mapping[str, Counter] = {
        "actions": Counter(e.action_spec.name for e in found),
        "rate": Counter(f"{e.control_hz / (e.stride or 1):g} Hz" for e in found),
        "cameras": Counter(", ".join(f"{n} {w}x{h}" for n, w, h in e.cameras) or "none" for e in found),
    }
    for name, counter in kinds.items():
        yield f"{name:<12} {next(iter(counter)) if len(counter) == 1 else 'MIXED: ' + _counted(counter)}"


def _lerobot(dataset: ImportedDataset) -> Iterator[str]:
    info = dataset.info
    frames = sum(place.length for place in dataset.places)
    yield f"{dataset.root}: LeRobot {dataset.version}"
    yield f"episodes       {len(dataset)}, {frames} frames at {dataset.fps:g} Hz"
    yield f"robot          {info.get('robot_type', 'not said')}"
    for key in video_keys(info):
        height, width, _ = info["features"][key]["shape"]
        codec = info["features"][key].get("info", {}).get("video.codec", "")
        yield f"video          {key} {width}x{height} {codec}"
    if dataset.places:
        for name, value in next(iter(dataset)).columns.items():
            shape = "x".join(map(str, value.shape[1:])) or "1"
            yield f"column         {name} {shape} {value.dtype}"
    for name in dataset.skipped():
        yield f"left out       {name}: no numbers"
    yield f"tasks          {len(dataset.tasks)}"
    yield from (f"  {text}" for text in list(dataset.tasks.values())[:10])
    if len(dataset.tasks) > 10:
        yield f"  and {len(dataset.tasks) - 10} more"


def _counted(counter: Counter) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common())


def _size(root: Path) -> str:
    total = sum(p.stat().st_size for p in root.rglob("*") if p.is_file())
    return f"{total / 2**20:.1f} MiB"
