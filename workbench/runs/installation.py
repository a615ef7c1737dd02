"""What is installed here, and on what: versions, commit, processor. Neither torch nor a simulator is loaded for it."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "sim2real-workbench",
    "isaaclab",
    "isaacsim",
    "ovphysx",
    "newton",
    "mujoco-warp",
    "warp-lang",
    "torch",
    "transformers",
    "numpy",
    "rerun-sdk",
    "example-robot-data",
)


def package_versions() -> dict[str, str | None]:
    """Version of each package that matters; None where it is not installed."""
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def git_commit() -> str | None:
    """Commit of the working copy that the code runs from; None outside of one.

    Where it was edited, ``+changes-`` and eight digits of the edits follow: two states of one commit differ.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        edits = _git(root, "diff", "HEAD", "--binary", "--no-ext-diff")
        return commit + (f"+changes-{hashlib.sha256(edits.encode()).hexdigest()[:8]}" if edits else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(root: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(root), *words], capture_output=True, encoding="utf-8", errors="replace", check=True
    ).stdout.strip()


def processor() -> str:
    """The processor in a line, for who has no PyTorch to ask about GPUs."""
    return f"{cpu_name()}, {os.cpu_count()} cores"


def cpu_name() -> str:
    """The processor's name."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def memory_gib() -> float | None:
    """Its memory [GiB]; None where the system does not say."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError):
        return None


def busy() -> dict[str, float]:
    """How busy the machine is: processes that ran or waited over the last minute, for each core."""
    return {"load_per_core": os.getloadavg()[0] / (os.cpu_count() or 1)}
