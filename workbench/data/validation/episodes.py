"""What is wrong with an episode's rows, or a video, of a LeRobot dataset: each a pure function of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.data.archive.content import columns_content
from workbench.data.lerobot.columns import ANNOTATION, INDEX
from workbench.data.lerobot.digest import DatasetDigest, numbers_hash
from workbench.data.lerobot.metadata import CONVENTIONS
from workbench.data.lerobot.places import Place
from workbench.data.lerobot.reading import BARE, ImportedDataset, ImportedEpisode
from workbench.data.statistics import PictureStatistics
from workbench.data.thumbnails import thumbnail
from workbench.data.validation.checks.lerobot_evidence import lerobot_evidence
from workbench.data.validation.checks.run import check_episode
from workbench.data.validation.problems import Problem
from workbench.data.video import VideoError, decode

TIME_TOLERANCE = 1e-4
"""How far a frame's time may lie from its index over the rate [s]: what ``lerobot`` allows."""


@dataclass(frozen=True)
class Span:
    """The frames of an episode in a video."""

    first: float
    """Time of the first [s]."""
    length: int
    episode: int
    kept: Mapping[int, np.ndarray]
    """Thumbnails that were kept of some of them, by frame."""


def place_problems(place: Place, position: int, tasks: AbstractSet[str]) -> Iterator[Problem]:
    """What is wrong with an episode's line; ``tasks`` are the texts that the dataset lists."""
    if place.index != position:
        yield Problem("meta", f"episode {place.index}", f"stands where episode {position} should be")
    for name in place.tasks:
        if name not in tasks:
            yield Problem("meta", f"episode {place.index}/tasks", f"{name!r} is not among the tasks")


def episode_problems(
    dataset: ImportedDataset,
    episode: ImportedEpisode,
    conventions: Mapping[str, Any],
    place: Place,
    first: int,
) -> tuple[list[Problem], DatasetDigest]:
    """What is wrong with an episode's rows, by itself, and its digest: a pure function of the episode.

    Args:
        dataset: it is of.
        episode: its rows.
        conventions: ``meta/conventions.json``, if any.
        place: its line.
        first: its first row's ``index``.
    """
    digest, file = DatasetDigest(), str(place.table.relative_to(dataset.root))
    name = str(episode.metadata.get("original_episode_name") or episode.index)
    own = {n: v for n, v in episode.columns.items() if n not in INDEX}
    # Where others' episodes have pictures, the same motion may be there in several looks.
    render = episode.metadata.get("render", episode.index if place.videos else None)
    digest.add_episode(name, file, f"episode {episode.index}", numbers_hash(own, render))
    digest.contents[name] = columns_content(episode.columns, episode.task, episode.metadata)
    if not episode.frames:
        return [Problem(file, f"episode {episode.index}", "has no rows")], digest
    found = list(_row_problems(dataset, episode, file, first, place.tasks))
    digest.columns.add(judged(dataset, episode))
    for finding in check_episode(lerobot_evidence(episode.in_order(), conventions), digest.made):
        found.append(Problem(file, finding.field, f"episode {episode.index}: {finding.message}"))
    return found, digest


def kept_thumbnails(episode: ImportedEpisode, key: str) -> dict[int, np.ndarray]:
    """Thumbnails of an episode's pictures by frame, as far as they were kept; ``key`` is the video's column."""
    view = key.rpartition(".")[2]
    try:
        said = episode.metadata["camera_data"][view]["thumbnails"]
        colors = [np.asarray(color, np.uint8) for color in said["colors"]]
        return dict(zip(map(int, said["frames"]), colors, strict=True)) if colors else {}
    except (KeyError, TypeError, ValueError):
        return {}


def _row_problems(
    dataset: ImportedDataset, episode: ImportedEpisode, file: str, first: int, named: tuple[str, ...]
) -> Iterator[Problem]:
    """``named`` are the texts that the episode's own line names: none in official datasets."""
    frames = episode.frames
    expected = {
        "timestamp": (np.arange(frames) / dataset.fps, TIME_TOLERANCE),
        "frame_index": (np.arange(frames), 0),
        "episode_index": (np.full(frames, episode.index), 0),
        "index": (first + np.arange(frames), 0),
    }
    for name, (truth, tolerance) in expected.items():
        if name not in episode.columns:
            yield Problem(file, name, "is missing")
            continue
        if dataset.version == BARE and name in ("index", "episode_index"):
            continue  # such folders hold some episodes of a dataset
        wrong = ~(np.abs(episode.columns[name] - truth) <= tolerance)
        if wrong.any():
            k = int(np.argmax(wrong))
            message = f"row {k} of episode {episode.index} is {episode.columns[name][k]}, not {truth[k]}"
            yield Problem(file, name, message)
    if "task_index" in episode.columns:
        for task in np.unique(episode.columns["task_index"]).tolist():
            if task not in dataset.tasks:
                yield Problem(
                    file, "task_index", f"task {task} is not among the dataset's {len(dataset.tasks)}"
                )
            elif dataset.version != BARE and named and dataset.tasks[task] not in named:
                said = ", ".join(map(repr, named))
                message = f"is {dataset.tasks[task]!r}, episode {episode.index} says {said}"
                yield Problem(file, "task_index", message)
    features = dataset.info.get("features", {})
    for name, feature in features.items():
        if feature["dtype"] == "video" or name in (*episode.skipped, *episode.pictures, *episode.texts):
            continue
        if name not in episode.columns:
            yield Problem(file, name, "is in info.json's features and not in the table")
            continue
        shape, value = tuple(feature["shape"]), episode.column(name)
        if value.shape[1:] != shape:
            yield Problem(file, name, f"has rows of shape {list(value.shape[1:])}, not {list(shape)}")
    for name, value in episode.columns.items():
        if not name.startswith(ANNOTATION) and not np.isfinite(value).all():
            yield Problem(file, name, f"episode {episode.index} holds numbers that are not finite")


def video_problems(
    dataset: ImportedDataset, key: str, path: Path, spans: Sequence[Span]
) -> tuple[list[Problem], DatasetDigest]:
    """What is wrong with a video, and what its pictures add to the dataset's digest: a pure function of the file.

    Args:
        dataset: it is of.
        key: its column.
        path: the file.
        spans: the episodes in it, in their order.
    """
    digest, file = DatasetDigest(), str(path.relative_to(dataset.root))
    pictures = digest.pictures.setdefault(key, PictureStatistics())
    if not path.exists():
        return [Problem(file, key, f"is missing; episode {spans[0].episode} needs it")], digest
    found = []
    height, width, _ = dataset.info["features"][key]["shape"]
    wanted: dict[int, tuple[int, int]] = {}
    begun = 0
    for number, span in enumerate(spans):
        if abs(span.first - begun / dataset.fps) > TIME_TOLERANCE:
            message = f"episode {span.episode} begins at {span.first:.4f} s, not {begun / dataset.fps:.4f} s"
            found.append(Problem(file, f"{key}/from_timestamp", message))
        wanted |= {begun + frame: (number, frame) for frame in span.kept}
        begun += span.length
    seen: list[list[tuple[int, np.ndarray]]] = [[] for _ in spans]
    count = 0
    try:
        for time, picture in decode(path):
            if abs(time - count / dataset.fps) > TIME_TOLERANCE:
                message = f"frame {count} is at {time:.4f} s, not {count / dataset.fps:.4f} s"
                found.append(Problem(file, key, message))
            if picture.shape != (height, width, 3):
                size = f"{picture.shape[1]}x{picture.shape[0]}"
                found.append(Problem(file, key, f"frame {count} has {size} px, not {width}x{height}"))
            elif count in wanted:
                number, frame = wanted[count]
                seen[number].append((frame, thumbnail(picture)))
            pictures.add(picture)
            count += 1
    except VideoError as problem:
        found.append(Problem(file, key, f"frame {count}: {str(problem).removeprefix(f'{path} ')}"))
    else:
        if count != begun:
            found.append(Problem(file, key, f"has {count} frames, its episodes have {begun}"))
    for span, looks in zip(spans, seen, strict=True):
        digest.add_looks(str(span.episode), key, span.kept, looks, file, key)
    return found, digest


def exact(root: Path) -> bool:
    """Whether the dataset's statistics claim to be those of this project."""
    return (root / CONVENTIONS).exists()


def judged(dataset: ImportedDataset, episode: ImportedEpisode) -> dict[str, np.ndarray]:
    """Columns whose statistics are checked. Others than we reduce tables in a row to their last axis."""
    return {
        name: value
        for name, value in episode.columns.items()
        if not name.startswith(ANNOTATION) and (value.ndim <= 2 or exact(dataset.root))
    }


def named(root: Path, text: str) -> Problem:
    """A reader's sentence, which begins with the file, as a problem."""
    inside = text.removeprefix(f"{root}/")
    if inside == text:
        return Problem(str(root), "", text.removeprefix(f"{root} "))
    file, _, message = inside.partition(" ")
    return Problem(file.rstrip(",:"), "", message)
