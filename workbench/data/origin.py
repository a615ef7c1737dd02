"""Where a dataset came from: what was asked for, and with which versions it was made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from workbench.data.archive.archive import EPISODES, PLAN, ArchiveError

CONFIG, PROVENANCE = "config.yaml", "provenance.json"


def origin(folder: Path) -> dict[str, Any]:
    """An archive's name, and its config and provenance where it has them; ``folder`` may be one of its stages."""
    root = folder.resolve()
    if root.name in (EPISODES, PLAN):
        root = root.parent
    config, provenance = root / CONFIG, root / PROVENANCE
    return {
        "archive": root.name,
        "config": read_mapping(config, yaml.safe_load) if config.exists() else None,
        "provenance": read_mapping(provenance, json.loads) if provenance.exists() else None,
    }


def read_mapping(path: Path, parse: Callable[[str], Any]) -> dict[str, Any]:
    """Keys and values from a file; ArchiveError for a file that does not hold them."""
    try:
        content = parse(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as problem:
        raise ArchiveError(f"{path} cannot be read: {' '.join(str(problem).split())}") from None
    if not isinstance(content, dict):
        raise ArchiveError(f"{path} must hold keys and values, not a {type(content).__name__}")
    return content
