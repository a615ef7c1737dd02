"""YAML files that options name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from workbench.cli.options import OptionError


def read_mapping(said: str, file: Path | str) -> dict[str, Any]:
    """Keys and values of a YAML file, none of an empty one; OptionError for what is not that.

    ``said`` is what was typed, as in ``place=cell.yaml``.
    """
    try:
        content = yaml.safe_load(Path(file).read_text("utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as problem:
        raise OptionError(f"{said} cannot be read: {' '.join(str(problem).split())}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise OptionError(f"{said} must hold keys and values")
    return content
