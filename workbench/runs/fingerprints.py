"""Fingerprints of files by all of their bytes: what was measured is bound to a run by content, not by name.

SHA-256 takes 1.25 s of a core a gigabyte (measured on a file of 0.5 GB in memory), files side by side: a checkpoint of
8 GB in one file costs ten seconds a start. What was read is remembered in this process, by path, size and time of
change; nothing is written down, since a stale note would be worse than the wait.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

DIGITS = 32
"""Hexadecimal digits kept of a hash."""
THREADS = 4
"""Files read at once; hashing holds no lock."""
NOT_ACTING = (".md",)
"""Endings of files that change nothing a checkpoint does."""


def file_fingerprint(path: Path) -> str:
    """Hash of a whole file; OSError if it cannot be read."""
    stat = path.stat()
    return _read(str(path.resolve()), stat.st_size, stat.st_mtime_ns)


def folder_fingerprints(folder: Path) -> dict[str, str]:
    """Hash of each file that stands in a folder, by name; hidden files and descriptions aside."""
    files = sorted(
        p
        for p in folder.iterdir()
        if p.is_file() and not p.name.startswith(".") and p.suffix not in NOT_ACTING
    )
    return dict(zip((p.name for p in files), _all(files), strict=True))


def content_fingerprint(paths: Iterable[Path]) -> str:
    """One hash of several files, of their names and contents, whatever their order."""
    files = sorted(paths, key=lambda path: path.name)
    lines = (f"{path.name} {found}\n" for path, found in zip(files, _all(files), strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:DIGITS]


def _all(files: list[Path]) -> list[str]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(file_fingerprint, files))


@lru_cache(maxsize=100_000)
def _read(path: str, size: int, changed_ns: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:DIGITS]
