"""Where the descriptions (URDF and meshes) of the ``example-robot-data`` package are."""

from __future__ import annotations

import sysconfig
from pathlib import Path


def description_folder(name: str) -> Path:
    """Folder of one robot's description, such as ``so_arm_description``.

    FileNotFoundError when the package, or this robot in it, is not installed.
    """
    robots = (
        Path(sysconfig.get_paths()["purelib"]) / "cmeel.prefix" / "share" / "example-robot-data" / "robots"
    )
    if not (folder := robots / name).is_dir():
        raise FileNotFoundError(
            f"there is no folder {folder}: the package example-robot-data, which the extras [sim] and [view] bring, "
            f"holds the description {name}"
        )
    return folder
