"""Where an arm stands: the gate's bounds, from a file of the operator's or as the simulated tasks have it.

workspace: [[0.25, -0.45, 0.0], [0.75, 0.45, 0.7]]   # of the tool, base frame [m]
table_height: 0.0                                    # no link below it [m]; none: there is no table
keep_out: {camera_stand: [[0.9, -0.2, 0.0], [1.1, 0.2, 1.0]]}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from robots.protocol import Workspace
from workbench.bridge.gate import Bounds, Box
from workbench.cli.options import OptionError

WORKSPACE = ((0.15, -0.5, 0.01), (0.80, 0.5, 0.75))
"""Of the tool, before an arm of the Panda's reach: low and high corner [m]."""
KEYS = ("workspace", "table_height", "keep_out", "clearance")


def bounds_of(given: Mapping[str, Any], workspace: Workspace) -> Bounds:
    """The gate's bounds; what is not given is as in the simulated tasks. OptionError for what cannot be."""
    if odd := [key for key in given if key not in KEYS]:
        raise OptionError(f"place: there is no key {odd[0]!r}; there are {', '.join(KEYS)}")
    low, high = (tuple(workspace.scale * x for x in corner) for corner in WORKSPACE)
    try:
        box = _box("workspace", given["workspace"]) if "workspace" in given else Box(low, high, "workspace")  # type: ignore[arg-type]
        height = given.get("table_height", 0.0)
        kept_out = tuple(_box(str(name), corners) for name, corners in (given.get("keep_out") or {}).items())
        bounds = Bounds(box, None if height is None else float(height), kept_out)
        return replace(bounds, clearance=float(given["clearance"])) if "clearance" in given else bounds
    except (TypeError, ValueError, AttributeError) as problem:
        raise OptionError(f"place: {problem}") from None


def _box(name: str, corners: Any) -> Box:
    low, high = ([float(x) for x in corner] for corner in corners)
    if len(low) != 3 or len(high) != 3:
        raise ValueError(f"{name} must be two corners of three numbers each, not {corners}")
    return Box((low[0], low[1], low[2]), (high[0], high[1], high[2]), name)
