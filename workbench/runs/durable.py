"""Writing files so that a kill or a power cut leaves the old content or the new, never half of it."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".tmp"
"""Ending of a file that is not whole yet."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """What the system refuses in here, as on a full disk, is an OSError that names ``path``.

    The system's own names a file only where one is opened, and libraries make errors of their own of it.
    """
    try:
        yield
    except Exception as problem:
        refusal = _refusal(problem, path)
        if refusal is None or refusal is problem:
            raise
        raise refusal from problem


def _refusal(problem: Exception, path: Path) -> OSError | None:
    number = getattr(problem, "errno", None)
    if isinstance(problem, OSError) and number and problem.filename:
        return problem
    if not number:
        text = str(problem)
        said = re.search(r"(?:os error |errno = |\[?errno )(\d+)", text, re.IGNORECASE)
        number = int(said[1]) if said else errno.ENOSPC if "No space left on device" in text else None
    return OSError(number, os.strerror(number), str(path)) if number else None


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replaces ``path`` in one step; on disk when this returns.

    When the disk refuses (OSError), nothing is left beside the old content. A kill in between can leave ``<name>.tmp``.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        with naming(path), temporary.open("wb") as file:
            file.write(encoded(content) if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    flush(path.parent)  # the new name, too


def flush(path: Path) -> None:
    """A file, or the names in a folder, are on disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def encoded(text: str) -> bytes:
    """UTF-8; half a surrogate pair, as in a file name that is not UTF-8, becomes its JSON escape."""
    return text.encode("utf-8", "backslashreplace")


def append_line(path: Path, line: str) -> None:
    """Adds ``line`` and a newline; on disk when this returns.

    When the disk refuses (OSError), what was written of the line is taken back, so that a later line does not
    continue it. A kill in between can leave the line cut short, without its newline.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        before = os.fstat(descriptor).st_size
        remaining = memoryview(encoded(line) + b"\n")
        try:
            with naming(path):
                while remaining:
                    remaining = remaining[os.write(descriptor, remaining) :]
                os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
    finally:
        os.close(descriptor)


def cut_line(path: Path) -> int | None:
    """Where the last line of a file begins if it has no newline, in bytes; None if every line is whole."""
    content = path.read_bytes() if path.exists() else b""
    whole = content.rfind(b"\n") + 1
    return whole if whole < len(content) else None


def move_cut_line_aside(path: Path) -> Path | None:
    """Moves a last line without newline into a new file ``<name>.partial-<n>``; None if there is no such line."""
    whole = cut_line(path)
    if whole is None:
        return None
    content = path.read_bytes()
    numbers = (n for n in range(1, 1_000_000) if not path.with_name(f"{path.name}.partial-{n}").exists())
    aside = path.with_name(f"{path.name}.partial-{next(numbers)}")
    write_atomically(aside, content[whole:])  # safe on disk before it is cut off here
    with path.open("r+b") as file:
        file.truncate(whole)
        os.fsync(file.fileno())
    return aside
