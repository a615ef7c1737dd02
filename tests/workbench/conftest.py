"""What tests of several parts of the bench use."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A file system of its own, mounted in the test's folder; gives a function that makes it so many KiB large."""
    disk, mount = tmp_path / "disk", shutil.which("mount")
    disk.mkdir()
    if os.geteuid() or not mount:
        pytest.skip("mounting a small disk takes root")

    def make(kib: int) -> Path:
        known = "remount," if os.path.ismount(disk) else ""
        made = subprocess.run(
            [mount, "-t", "tmpfs", "-o", f"{known}size={kib}k", "tmpfs", disk],
            capture_output=True,
            check=False,
        )
        if made.returncode:
            pytest.skip("this machine does not let tests mount a disk")
        return disk

    yield make
    if os.path.ismount(disk):
        subprocess.run(["umount", disk], check=True)
