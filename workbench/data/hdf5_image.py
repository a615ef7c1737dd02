"""HDF5 files made in memory and written to the disk at once.

HDF5 cannot bear a disk that fills up: it retries at every turn, prints each failure, and ends the process with a
segmentation fault. Written as plain bytes, a file that does not fit is an OSError like any other. The price is memory
for one file.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import h5py

_GROWTH = 2**22
"""Bytes by which the memory grows: small steps copy a growing file too often."""


def new_image() -> h5py.File:
    """A file in memory, open for writing."""
    return h5py.File(f"image-{uuid.uuid4()}", "w", driver="core", backing_store=False, block_size=_GROWTH)


def write_image(file: h5py.File, path: Path, partial: Path) -> None:
    """Close a file that `new_image` gave and make it appear at ``path``; on disk when this returns.

    Args:
        file: closed whatever happens.
        path: its place.
        partial: name in the same folder that it has until it is whole; nothing stays there.

    Raises:
        OSError: as from any write.
    """
    try:
        file.flush()
        image = file.id.get_file_image()
    finally:
        file.close()
    try:
        with partial.open("wb") as target:
            target.write(image)
            target.flush()
            os.fsync(target.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name, too
    finally:
        os.close(folder)
