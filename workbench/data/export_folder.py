"""`ExportFolder`: a folder of many files that appears whole, under its name, or not at all.

It is built beside its place as ``<name>.partial``, flushed to the disk, and renamed. A run that fails clears it away;
one that is killed leaves ``<name>.partial``, which no reader takes for a dataset and which the next run replaces.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path
from types import TracebackType

import av

from workbench.runs.durable import flush

_MARK = ".being-written"


class ExportError(Exception):
    """An export that cannot be made; one sentence says why."""


class ExportFolder:
    """Builds the folder ``out``; a context manager that gives the folder to write into.

    Raises:
        ExportError: ``out`` has no name of its own, as ``.``;
            it exists and holds something; another process writes there; the disk refuses.
    """

    def __init__(self, out: Path) -> None:
        if not out.name:
            raise ExportError(f"out={out} is no name for a new folder; choose another out=")
        self.out = out
        self.partial = out.with_name(out.name + ".partial")
        self._lock: int | None = None

    def __enter__(self) -> Path:
        if self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise ExportError(f"{self.out} already exists; choose another out= or move it away")
        try:
            self._take()
        except OSError as problem:
            raise ExportError(
                f"cannot write to {self.partial}: {problem.strerror}; choose another out="
            ) from None
        return self.partial

    def _take(self) -> None:
        mark = self.partial / _MARK
        if self.partial.exists() and not mark.exists() and any(self.partial.iterdir()):
            raise ExportError(f"{self.partial} is in the way and not left over from an export: move it away")
        self.partial.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(mark, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._release()
            raise ExportError(f"another process is writing {self.out}") from None
        for left in self.partial.iterdir():
            if left.name != _MARK:
                shutil.rmtree(left) if left.is_dir() else left.unlink()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                try:
                    self._appear()
                    return
                except OSError as problem:
                    value = problem
            shutil.rmtree(self.partial, ignore_errors=True)
            if value is not None and (sentence := disk_refusal(self.out, value)):
                raise ExportError(sentence) from None
        finally:
            self._release()

    def _appear(self) -> None:
        for path in sorted(self.partial.rglob("*"), reverse=True):
            flush(path)
        if self.out.exists():
            self.out.rmdir()  # empty
        self.partial.rename(self.out)
        # Only now: a folder without the mark would not be known as left over.
        (self.out / _MARK).unlink()
        flush(self.out)
        flush(self.out.parent)

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def disk_refusal(out: Path, problem: BaseException) -> str | None:
    """Why ``out`` was not written, in one sentence; None if it was not the disk."""
    text = (str(problem).splitlines() or [""])[0]
    # Arrow has the number in its text only.
    if getattr(problem, "errno", None) == errno.ENOSPC or "No space left" in text:
        return f"the disk is full: {out} was not written, and nothing of it is left"
    if isinstance(problem, OSError | av.error.FFmpegError):
        return f"{out} was not written: {text}"
    return None
