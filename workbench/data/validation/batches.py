"""The episodes and videos of a LeRobot dataset, checked in batches by whoever is free.

A batch is so many episodes, whoever checks it: problems and their order do not depend on the workers.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from workbench.data.lerobot.digest import DatasetDigest
from workbench.data.lerobot.files import LeRobotImportError, each_line, read_json, read_line
from workbench.data.lerobot.metadata import CONVENTIONS
from workbench.data.lerobot.reading import ImportedDataset, load_lerobot
from workbench.data.statistics import ColumnStatistics
from workbench.data.validation.episodes import (
    Span,
    episode_problems,
    exact,
    judged,
    kept_thumbnails,
    named,
    place_problems,
    video_problems,
)
from workbench.data.validation.problems import Problem, statistics_problems
from workbench.scale.ordered_map import Workers, ordered_map

BATCH = 16
"""Episodes that are checked at once."""
EPISODE_STATISTICS = "meta/episodes_stats.jsonl"
_numbers = itertools.count()


@dataclass(frozen=True)
class Opened:
    """A dataset as all of its batches need it."""

    dataset: ImportedDataset
    conventions: Mapping[str, Any]
    """``meta/conventions.json``, if any."""
    tasks: frozenset[str]
    """Texts of all tasks."""


@dataclass(frozen=True)
class Checked:
    """What came of a batch of episodes."""

    episodes: int
    problems: list[Problem] = field(default_factory=list)
    digest: DatasetDigest = field(default_factory=DatasetDigest)
    spans: list[tuple[str, Path, Span]] = field(default_factory=list)
    """Where each episode's frames are: column, file and span."""
    statistics: list[Problem] = field(default_factory=list)
    """What is wrong with the episodes' own statistics."""


class Batches:
    """Gives out a dataset's batches; LeRobotImportError for one that cannot be read."""

    def __init__(self, root: Path, workers: Workers) -> None:
        # A number, too: a folder may be another dataset the next time.
        self._key, self._workers = (root, f"{os.getpid()}-{next(_numbers)}"), workers
        self.opened = _open(root)
        _OPENED[self._key] = self.opened

    def close(self) -> None:
        """Forget the dataset."""
        _OPENED.pop(self._key, None)

    def episodes(self, lines: Mapping[int, int] | None) -> Iterator[Checked]:
        """All episodes in their order.

        Args:
            lines: where each episode's line of `EPISODE_STATISTICS` begins [bytes]; None if there is no such file.
        """
        return ordered_map(partial(_check, self._key), self._jobs(lines), self._workers)

    def videos(
        self, videos: list[tuple[str, Path, list[Span]]]
    ) -> Iterator[tuple[list[Problem], DatasetDigest]]:
        """All videos, each its column, file and the episodes in it, in this order."""
        return ordered_map(partial(_check_video, self._key), videos, self._workers)

    def _jobs(self, lines: Mapping[int, int] | None) -> Iterator[_Job]:
        first, places = 0, self.opened.dataset.places
        for begin in range(0, len(places), BATCH):
            batch = places[begin : begin + BATCH]
            own = None if lines is None else tuple(lines.get(place.index) for place in batch)
            yield begin, first, own
            first += sum(place.length for place in batch)


_Key = tuple[Path, str]
_Job = tuple[int, int, tuple[int | None, ...] | None]
"""Number of a batch's first episode, ``index`` of its first row, and where its statistics are."""
_OPENED: dict[_Key, Opened] = {}
"""The dataset that this process checks."""


def statistics_lines(root: Path) -> dict[int, int]:
    """Where each episode's line of `EPISODE_STATISTICS` begins [bytes]; LeRobotImportError for what is no such file."""
    path = root / EPISODE_STATISTICS
    found = {}
    for at, line in each_line(path):
        if not isinstance(line.get("episode_index"), int) or not isinstance(line.get("stats"), dict):
            raise LeRobotImportError(f"{path} has a line without episode_index and stats")
        found[line["episode_index"]] = at
    return found


def _open(root: Path) -> Opened:
    dataset = load_lerobot(root)
    said = read_json(root / CONVENTIONS) if exact(root) else {}
    return Opened(dataset, said, frozenset(dataset.tasks.values()))


def _opened(key: _Key) -> Opened:
    if key not in _OPENED:
        _OPENED.clear()
        _OPENED[key] = _open(key[0])
    return _OPENED[key]


def _check(key: _Key, job: _Job) -> Checked:
    begin, first, lines = job
    opened = _opened(key)
    dataset = opened.dataset
    batch = replace(dataset, places=dataset.places[begin : begin + BATCH])
    found = Checked(len(batch))
    for k, (place, episode) in enumerate(batch.each()):
        found.problems.extend(place_problems(place, begin + k, opened.tasks))
        broken = isinstance(episode, LeRobotImportError)
        for column, span in place.videos.items():
            # Episodes of a file follow each other: what is asked of its frames is known when all are.
            kept = {} if isinstance(episode, LeRobotImportError) else kept_thumbnails(episode, column)
            found.spans.append((column, span.path, Span(span.first, place.length, place.index, kept)))
        if isinstance(episode, LeRobotImportError):
            found.problems.append(named(dataset.root, str(episode)))
        else:
            problems, part = episode_problems(dataset, episode, opened.conventions, place, first)
            found.problems.extend(problems)
            found.digest.merge(part)
        if lines is not None and not broken:
            found.statistics.extend(_own_statistics(dataset, episode, lines[k]))
        first += place.length
    return found


def _own_statistics(dataset: ImportedDataset, episode: Any, at: int | None) -> Iterator[Problem]:
    if at is None:
        yield Problem(EPISODE_STATISTICS, f"episode {episode.index}", "has no line")
    elif episode.frames:  # that there are none was said
        own = ColumnStatistics()
        own.add(judged(dataset, episode.in_order()))
        stored = read_line(dataset.root / EPISODE_STATISTICS, at)["stats"]
        for problem in statistics_problems(EPISODE_STATISTICS, stored, own.result()):
            yield Problem(problem.file, f"episode {episode.index}/{problem.field}", problem.message)


def _check_video(key: _Key, job: tuple[str, Path, list[Span]]) -> tuple[list[Problem], DatasetDigest]:
    column, path, spans = job
    return video_problems(_opened(key).dataset, column, path, spans)
