"""``posterior.json``: what was found, with how it was found; and its values as a candidate of the simulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from robots.protocol import RobotModel
from workbench.identification.motion_log import LogError
from workbench.identification.parameters import ParameterSet

FORMAT = 1


def read_posterior(path: Path) -> dict[str, Any]:
    """The content of a file; LogError for one that is none."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise LogError(f"{path} cannot be read: {' '.join(str(problem).split())}") from problem
    if not isinstance(content, dict) or content.get("format") != FORMAT or "values" not in content:
        raise LogError(f"{path} is no posterior of `workbench tune sysid`")
    return content


def point_values(path: Path, model: RobotModel) -> dict[str, np.ndarray]:
    """The values of highest posterior density, as one candidate by kind.

    LogError for a file of another robot, or that is none.
    """
    content = read_posterior(path)
    if content.get("robot") != model.spec.name:
        raise LogError(f"{path} is of robot {content.get('robot')!r}, not {model.spec.name!r}")
    nominal = ParameterSet(model, "payload").nominal
    found = {}
    for name, value in nominal.items():
        given = np.asarray(content["values"].get(name, value), np.float64)
        if given.shape != value.shape:
            raise LogError(f"{path}: {name} has {given.size} numbers instead of {value.size}")
        found[name] = given[None]
    return found
