"""`validate`: everything that can be checked about a dataset on disk, problem by problem."""

from __future__ import annotations

from pathlib import Path

from workbench.data.problems import Problem
from workbench.data.progress import Progress
from workbench.data.robomimic import demonstration_problems
from workbench.data.survey import is_archive
from workbench.data.validate_archive import archive_problems
from workbench.data.validate_lerobot import lerobot_problems


def validate(path: Path, progress: Progress | None = None) -> list[Problem]:
    """Check a dataset: an archive, a LeRobot dataset of version 2.0, 2.1 or 3.0, or a file of demonstrations.

    Args:
        path: its folder, or the file.
        progress: told after each chunk or episode.

    Returns:
        What is wrong, file by file; empty if nothing is. Every picture is decoded and every number read.
    """
    if path.is_file():
        return list(demonstration_problems(path, progress))
    if not path.is_dir():
        return [Problem(str(path), "", "is no folder")]
    if is_archive(path):
        return list(archive_problems(path, progress))
    if (path / "meta").is_dir() or (path / "episodes.jsonl").exists():
        return list(lerobot_problems(path, progress))
    return [Problem(str(path), "", "holds neither episodes/chunk-*.hdf5 nor meta/info.json")]
