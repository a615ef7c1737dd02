"""Built assets, kept by content: the key is a hash of everything that goes in, and what comes out is checked.

An entry is a folder ``<cache>/<name>-<key>`` with a ``manifest.json`` that holds the SHA-256 of each file in it. An
entry whose files no longer match is rebuilt. Two processes may build the same entry at once: each builds in a
folder of its own and the first rename wins.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import platformdirs

MANIFEST = "manifest.json"


def cache_root() -> Path:
    """Folder of built assets: ``$WORKBENCH_CACHE``, or the user's cache folder."""
    root = os.environ.get("WORKBENCH_CACHE")
    return Path(root) if root else Path(platformdirs.user_cache_dir("sim2real-workbench"))


def hash_files(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of files, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def cached(name: str, key: str, build: Callable[[Path], None]) -> Path:
    """Folder of the asset ``name`` with inputs hashed to ``key``, built by ``build(folder)`` unless whole already."""
    folder = cache_root() / "assets" / f"{name}-{key[:16]}"
    if is_whole(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
    try:
        build(scratch)
        files = {
            str(path.relative_to(scratch)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(scratch.rglob("*"))
            if path.is_file()
        }
        if not files:
            raise RuntimeError(f"building the asset {name!r} produced no file")
        (scratch / MANIFEST).write_text(json.dumps(files, indent=1), "utf-8")
        if folder.exists() and not is_whole(folder):
            corrupt = scratch.with_name(scratch.name + ".corrupt")
            with suppress(FileNotFoundError):  # another process may be repairing the same entry
                folder.rename(corrupt)
                shutil.rmtree(corrupt)
        try:
            scratch.rename(folder)
        except OSError:
            if not is_whole(folder):  # anything but another process having finished the same entry first
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def is_whole(folder: Path) -> bool:
    """Whether an entry exists and every file in it is the one that was built."""
    try:
        files = json.loads((folder / MANIFEST).read_text("utf-8"))
        return (
            isinstance(files, dict)
            and bool(files)
            and all(
                hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
                for name, digest in files.items()
            )
        )
    except (OSError, ValueError):
        return False
