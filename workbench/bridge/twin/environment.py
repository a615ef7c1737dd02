"""The twin's own environment, under the user's cache folder: ``franky-sim`` and MuJoCo, whose versions are not ours."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import platformdirs

PACKAGES = ("franky-sim==1.0.4", "mujoco==4.0.0", "numpy>=2,<3")
"""What it holds; the mended defects are those of this version."""
_MADE = "complete"


class TwinError(Exception):
    """The twin cannot be had; one sentence says why."""


def folder() -> Path:
    """Where it is, or will be."""
    return Path(platformdirs.user_cache_dir("sim2real-workbench")) / "twin"


def is_made(place: Path | None = None) -> bool:
    """Whether it is there, with these packages."""
    mark = (place or folder()) / _MADE
    return mark.is_file() and mark.read_text("utf-8").split("\n") == list(PACKAGES)


def python(place: Path | None = None) -> Path:
    """Its interpreter; TwinError says how to make it where it is not there."""
    place = place or folder()
    if not is_made(place):
        raise TwinError(
            f"the twin needs an environment of its own, which is not at {place}: `workbench bridge twin_setup` makes "
            "it (0.6 GB)"
        )
    return place / "bin" / "python"


def make(place: Path | None = None) -> Path:
    """Makes it, unless it is there; its interpreter. TwinError when a package cannot be had."""
    place = place or folder()
    if is_made(place):
        return python(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    (place / _MADE).unlink(missing_ok=True)
    uv = shutil.which("uv") or _beside("uv")
    if uv:
        _run(uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(place))
        _run(uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), *PACKAGES)
    else:
        venv.create(place, with_pip=True)
        _run(str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", *PACKAGES)
    (place / _MADE).write_text("\n".join(PACKAGES), "utf-8")
    return python(place)


def _beside(name: str) -> str | None:
    found = Path(__file__).parents[3] / ".bootstrap" / "bin" / name
    return str(found) if found.is_file() else None


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise TwinError(
            f"the twin's environment cannot be made: {' '.join(last)} ({' '.join(command[:4])} ...)"
        )
