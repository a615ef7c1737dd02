"""HDF5 files made in memory and written to the disk at once.

HDF5 cannot bear a disk that fills up: it retries at every turn, prints each failure, and ends the process with a
segmentation fault. Written as plain bytes, a file that does not fit is an OSError like any other. The price is memory
for one file.
"""

from __future__ import annotations

import uuid
from pathlib import Path

import h5py

from workbench.runs.durable import write_atomically

_GROWTH = 2**22
"""Bytes by which the memory grows: small steps copy a growing file too often."""


def new_image() -> h5py.File:
    """A file in memory, open for writing."""
    return h5py.File(f"image-{uuid.uuid4()}", "w", driver="core", backing_store=False, block_size=_GROWTH)


def write_image(file: h5py.File, path: Path) -> None:
    """Close a file that `new_image` gave, whatever happens, and put it at ``path`` as `write_atomically` does."""
    try:
        file.flush()
        image = file.id.get_file_image()
    finally:
        file.close()
    write_atomically(path, image)
