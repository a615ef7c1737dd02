"""What is wrong with a LeRobot dataset: its metadata, its tables' rows and indices, its videos, its statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from workbench.data.lerobot.digest import LOOKS, DatasetDigest
from workbench.data.lerobot.files import LeRobotImportError, read_json, video_keys
from workbench.data.lerobot.reading import BARE, V3, V21, ImportedDataset
from workbench.data.progress import Progress
from workbench.data.statistics import QUANTILES
from workbench.data.validation.batches import EPISODE_STATISTICS, Batches, statistics_lines
from workbench.data.validation.episodes import Span, exact, named
from workbench.data.validation.problems import Problem, picture_statistics_problems, statistics_problems
from workbench.scale.ordered_map import HERE, Workers

_INFO, _MODALITY = "meta/info.json", "meta/modality.json"


def lerobot_problems(
    root: Path,
    progress: Progress | None = None,
    whole: DatasetDigest | None = None,
    workers: Workers = HERE,
) -> Iterator[Problem]:
    """Everything that is wrong with a LeRobot dataset.

    Args:
        root: its folder.
        progress: told after each batch of episodes and each video.
        whole: filled with the digest of all episodes.
        workers: who checks; what is found does not depend on it.
    """
    try:
        batches = Batches(root, workers)
    except LeRobotImportError as problem:
        yield named(root, str(problem))
        return
    try:
        yield from _problems(batches, progress, DatasetDigest() if whole is None else whole)
    finally:
        batches.close()


def _problems(batches: Batches, progress: Progress | None, digest: DatasetDigest) -> Iterator[Problem]:
    dataset = batches.opened.dataset
    root, version = dataset.root, dataset.version
    yield from (named(root, note) for note in dataset.notes)
    lines, late = None, []
    if version == V21 and (root / EPISODE_STATISTICS).exists():
        try:
            lines = statistics_lines(root)
        except LeRobotImportError as problem:
            late.append(named(root, str(problem)))
    videos: dict[Path, tuple[str, list[Span]]] = {}
    done = 0
    for checked in batches.episodes(lines):
        yield from checked.problems
        digest.merge(checked.digest)
        late += checked.statistics
        for key, path, span in checked.spans:
            videos.setdefault(path, (key, []))[1].append(span)
        done += checked.episodes
        if progress:
            progress(done, len(dataset) + len(videos))
    if version != BARE:
        yield from _info_problems(dataset, sum(place.length for place in dataset.places))
        yield from _video_problems(batches, videos, digest, progress)
    yield from digest.problems()
    if version != BARE:
        yield from _statistics_problems(dataset, digest)
        yield from late
    if version == V21 and (root / _MODALITY).exists():
        try:
            yield from _modality_problems(dataset)
        except (AttributeError, KeyError, TypeError) as problem:
            yield Problem(_MODALITY, "", f"is not laid out as such a file is: {problem}")
        except LeRobotImportError as problem:
            yield named(root, str(problem))


def _info_problems(dataset: ImportedDataset, frames: int) -> Iterator[Problem]:
    truth = {"total_episodes": len(dataset), "total_frames": frames, "total_tasks": len(dataset.tasks)}
    for name, value in truth.items():
        if dataset.info.get(name) != value:
            yield Problem(_INFO, name, f"is {dataset.info.get(name)}, the dataset has {value}")


def _video_problems(
    batches: Batches,
    videos: Mapping[Path, tuple[str, list[Span]]],
    digest: DatasetDigest,
    progress: Progress | None,
) -> Iterator[Problem]:
    """Every frame of every file: whether it decodes, its size and time, and that each has its episode."""
    dataset, looked_at = batches.opened.dataset, set()
    jobs = [
        (key, path, sorted(spans, key=lambda span: (span.first, span.episode)))
        for column in video_keys(dataset.info)
        for path, (key, spans) in videos.items()
        if key == column
    ]
    for done, (found, part) in enumerate(batches.videos(jobs), len(dataset) + 1):
        yield from found
        digest.merge(part)
        if progress:
            progress(done, len(dataset) + len(jobs))
    for _, _, spans in jobs:
        looked_at |= {span.episode for span in spans if span.kept}
    digest.made[LOOKS] = len(looked_at)


def _statistics_problems(dataset: ImportedDataset, seen: DatasetDigest) -> Iterator[Problem]:
    recomputed = seen.columns.result()
    if not exact(dataset.root) and dataset.version == V3:
        # ``lerobot`` averages the quantiles of its episodes, which are others than those of the whole.
        recomputed = {n: {k: v for k, v in t.items() if k not in QUANTILES} for n, t in recomputed.items()}
    names = ("meta/stats.json", "meta/stats_gr00t.json") if dataset.version == V21 else ("meta/stats.json",)
    for name in names:
        path = dataset.root / name
        if not path.exists():
            if dataset.version == V3:
                yield Problem(name, "", "is missing")
            continue
        try:
            stored = read_json(path)
        except LeRobotImportError as problem:
            yield named(dataset.root, str(problem))
            continue
        yield from statistics_problems(name, stored, recomputed)
        for key, pictures in seen.pictures.items():
            # Where frames are missing, that has been said, and statistics of the rest are others.
            if key in stored and pictures.pictures == sum(
                p.length for p in dataset.places if key in p.videos
            ):
                yield from picture_statistics_problems(name, key, stored[key], pictures.result())


def _modality_problems(dataset: ImportedDataset) -> Iterator[Problem]:
    """Whether each part of state and action is a slice of a column that is there."""
    modality, features = read_json(dataset.root / _MODALITY), dataset.info.get("features", {})
    for kind, parts in modality.items():
        for key, part in parts.items():
            name = part.get("original_key") or key
            if name not in features:
                yield Problem(_MODALITY, f"{kind}.{key}", f"{name!r} is not among info.json's features")
            elif kind in ("state", "action"):
                width = features[name]["shape"][0]
                if not 0 <= part["start"] < part["end"] <= width:
                    message = f"{part['start']} to {part['end']} is no slice of {name!r}, which has {width}"
                    yield Problem(_MODALITY, f"{kind}.{key}", message)
