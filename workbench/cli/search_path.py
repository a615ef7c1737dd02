"""Where Python looks for packages: in this project and in what was installed with it, before anywhere else.

A folder on PYTHONPATH, as ROS sets it, and the folder that Python was started in may hold a ``policy``, ``tasks`` or
``numpy`` of their own, and Python looks there first. `tools/setup.sh` makes every start of .venv's Python look on
PYTHONPATH last; this does it for the rest: the folder of ``python -m`` and of Ray's workers, other environments.
"""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])


def own_packages_first() -> None:
    """Move the folders that belong neither to this Python nor to this project behind all others of `sys.path`."""
    own = [
        os.path.realpath(folder) for folder in (ROOT, sys.prefix, sys.base_prefix, site.getusersitepackages())
    ]
    sys.path.sort(key=lambda entry: not _is_below(entry, own))  # stable: the order is kept otherwise


def _is_below(entry: str, folders: list[str]) -> bool:
    if not os.path.isabs(entry):  # the current folder, which may be any
        entry = os.path.realpath(".") if os.path.isdir(".") else os.sep
    real = os.path.realpath(entry)
    return any(real == folder or real.startswith(folder + os.sep) for folder in folders)
