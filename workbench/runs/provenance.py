"""Where a run came from: versions, commit, assets, factor set, hardware."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from domain_rand.sets import FactorSet
from robots.registry import DEFAULT as DEFAULT_ROBOT
from robots.registry import robot

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


def hardware() -> dict[str, Any]:
    """The machine, in words and numbers."""
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"cpu": _cpu_name(), "cores": os.cpu_count(), "memory_gib": _memory_gib(), "gpus": gpus}


def provenance(
    factor_set: FactorSet, acting: Mapping[str, Any] | None = None, robot_name: str = DEFAULT_ROBOT
) -> dict[str, Any]:
    """Everything that a run folder keeps beside its configuration; ``acting`` is what it keeps of the policy."""

    return dict(acting or {}) | {
        "versions": package_versions(),
        "python": platform.python_version(),
        "git_commit": git_commit(),
        "assets": {robot_name: robot(robot_name).usd().parent.name},
        "factor_set": {
            "name": factor_set.name,
            "fingerprint": factor_set.fingerprint(),
            "factors": factor_set.describe(),
        },
        "hardware": hardware(),
    }


def machine() -> str:
    """The hardware in a line, as benchmarks print it."""
    found = hardware()
    return f"{found['cpu']}, {found['cores']} cores, GPUs: {', '.join(found['gpus']) or 'none'}"


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


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError):
        return None
