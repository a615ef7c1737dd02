"""Where a run came from: versions, commit, assets, factor set, hardware."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any

from domain_rand.sets import FactorSet
from robots.registry import DEFAULT as DEFAULT_ROBOT
from robots.registry import robot
from workbench.runs.installation import cpu_name, git_commit, memory_gib, package_versions, processor

__all__ = ["git_commit", "hardware", "machine", "package_versions", "provenance"]


def hardware() -> dict[str, Any]:
    """The machine, in words and numbers."""
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"cpu": cpu_name(), "cores": os.cpu_count(), "memory_gib": memory_gib(), "gpus": gpus}


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
    return f"{processor()}, GPUs: {', '.join(hardware()['gpus']) or 'none'}"
