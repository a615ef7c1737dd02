"""Where the descriptions (URDF and meshes) of the ``example-robot-data`` package are."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

PACKAGE = "example-robot-data"


def description_folder(name: str) -> Path:
    """Folder of one robot's description, such as ``so_arm_description``.

    FileNotFoundError when the package, or this robot in it, is not installed.
    """
    try:
        # Wherever it is installed: an environment may see the packages of another.
        folder = Path(str(distribution(PACKAGE).locate_file(f"cmeel.prefix/share/{PACKAGE}/robots/{name}")))
    except PackageNotFoundError:
        folder = Path("cmeel.prefix", "share", PACKAGE, "robots", name)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"there is no folder {folder}: the package {PACKAGE}, which the extras [sim] and [view] bring, "
            f"holds the description {name}"
        )
    return folder
