"""`validate`: everything that can be checked about a dataset on disk, problem by problem."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.data.archive.survey import is_archive
from workbench.data.foreign.robomimic import demonstration_problems
from workbench.data.lerobot.digest import DatasetDigest
from workbench.data.progress import Progress
from workbench.data.validation.archive import archive_problems
from workbench.data.validation.lerobot import lerobot_problems
from workbench.data.validation.problems import Problem
from workbench.scale.ordered_map import HERE, Workers


@dataclass(frozen=True)
class Validation:
    """What came of checking a dataset."""

    problems: list[Problem]
    """What is wrong, file by file; empty if nothing is."""
    unchecked: list[str]
    """What could not be checked of all episodes, and for want of what."""
    content: str | None
    """One hash of all episodes (`workbench.data.archive.content`); None where there are none."""


def examine(path: Path, progress: Progress | None = None, workers: Workers = HERE) -> Validation:
    """Check a dataset: an archive, or a LeRobot dataset of version 2.0, 2.1 or 3.0, or a file of demonstrations.

    Every picture is decoded and every number read, an episode at a time.

    Args:
        path: its folder, or the file.
        progress: told after each chunk or episode.
        workers: who checks; what is found does not depend on it.
    """
    whole = DatasetDigest()
    problems = list(_problems(path, progress, whole, workers))
    return Validation(problems, whole.unchecked(), whole.content_hash() if whole.episodes else None)


def validate(path: Path, progress: Progress | None = None) -> list[Problem]:
    """The problems that `examine` finds."""
    return examine(path, progress).problems


def _problems(
    path: Path, progress: Progress | None, whole: DatasetDigest, workers: Workers
) -> Iterator[Problem]:
    if path.is_file():
        yield from demonstration_problems(path, progress)
    elif not path.is_dir():
        yield Problem(str(path), "", "is no folder")
    elif is_archive(path):
        yield from archive_problems(path, progress, whole, workers)
    elif (path / "meta").is_dir() or (path / "episodes.jsonl").exists():
        yield from lerobot_problems(path, progress, whole, workers)
    else:
        yield Problem(str(path), "", "holds neither episodes/chunk-*.hdf5 nor meta/info.json")
