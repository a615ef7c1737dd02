"""Where a dataset came from: what was asked for, and with which versions it was made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from workbench.data.archive import EPISODES, PLAN

CONFIG, PROVENANCE = "config.yaml", "provenance.json"


def origin(folder: Path) -> dict[str, Any]:
    """An archive's name, and its config and provenance where it has them; ``folder`` may be one of its stages."""
    root = folder.resolve()
    if root.name in (EPISODES, PLAN):
        root = root.parent
    config, provenance = root / CONFIG, root / PROVENANCE
    return {
        "archive": root.name,
        "config": yaml.safe_load(config.read_text()) if config.exists() else None,
        "provenance": json.loads(provenance.read_text()) if provenance.exists() else None,
    }
