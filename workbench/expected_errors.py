"""Errors that are the user's to mend: one sentence, no traceback. Tracebacks are for bugs."""

from __future__ import annotations

import errno

from workbench.options import OptionError

DISK_ERRORS = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room within the quota",
    errno.EFBIG: "allow larger files",
    errno.EROFS: "choose a place that can be written",
    errno.EACCES: "allow it, or choose another place",
    errno.EPERM: "allow it, or choose another place",
    errno.EIO: "look after the disk",
}
"""What a disk may refuse, and what would help."""


def expected_errors() -> tuple[type[Exception], ...]:
    """The project's own; loaded when something has gone wrong, since they stand in modules that take time to load."""
    from domain_rand.sets import FactorSetError
    from workbench.comparison import ComparisonError
    from workbench.data.archive import ArchiveError
    from workbench.data.export_folder import ExportError
    from workbench.data.lerobot_files import LeRobotImportError
    from workbench.launch import LaunchError
    from workbench.records import RecordError
    from workbench.run_folder import RunFolderError
    from workbench.viewing import ViewingError

    return (
        OptionError,
        LaunchError,
        FactorSetError,
        RunFolderError,
        RecordError,
        ComparisonError,
        ViewingError,
        ArchiveError,
        ExportError,
        LeRobotImportError,
    )


def sentence_of(problem: Exception) -> str | None:
    """What to tell the user; None for a bug, whose traceback somebody should see."""
    if isinstance(problem, OSError) and problem.errno in DISK_ERRORS:
        where = f"cannot use {problem.filename}" if problem.filename else "a file cannot be written or read"
        return (
            f"{where}: {problem.strerror}; {DISK_ERRORS[problem.errno]}, and the same command again goes on "
            "from here"
        )
    return str(problem) if isinstance(problem, expected_errors()) else None
