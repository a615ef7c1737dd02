"""The factor set that covers a visual gap: for ``dr=``, with the rule by which ranges are made.

A range is the hull of what was found over components and cameras, with its 95 % intervals, and half as wide again about
its middle (`INFLATION`). Of a camera's place, turn and lens it is the hull of the best fit alone, `LEAST_WIDTH` wide at
least: pictures hardly tell a step along the view from a longer lens, and intervals that hold both would be far wider
than the difference. What was not found to differ is left out, and stays nominal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from domain_rand.factor import REGISTRY
from domain_rand.sets import load_set
from workbench.runs.durable import write_atomically
from workbench.visual_gap.findings import Finding

INFLATION = 1.5
"""Factor of every half width."""
LEAST_WIDTH = {
    "camera.front_position": 0.004,
    "camera.front_rotation": 0.004,
    "camera.focal_length": 0.01,
    "camera.distortion": 0.01,
}
"""Of the ranges of place, turn and lens [m, rad, 1, 1]."""


def covering(made: Sequence[Finding]) -> dict[str, dict[str, float]]:
    """Factor -> range, of the findings that differ, in the order of the catalogue."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for f in made:
        if f.factor and f.differs:
            spans.setdefault(f.factor, []).extend(f.span)
    return {name: _range(name, spans[name]) for name in REGISTRY if name in spans}


def _range(factor: str, spans: Sequence[tuple[float, float]]) -> dict[str, float]:
    low, high = min(a for a, _ in spans), max(b for _, b in spans)
    legal: Any = REGISTRY[factor].legal or REGISTRY[factor].default
    middle, half = (low + high) / 2, (high - low) / 2
    half = max(INFLATION * half, LEAST_WIDTH.get(factor, 0.0) / 2)
    ends = [min(max(x, legal.lo), legal.hi) for x in (middle - half, middle + half)]
    return {"lo": float(f"{ends[0]:.4g}"), "hi": float(f"{ends[1]:.4g}")}


def write_set(made: Sequence[Finding], path: Path, sources: Sequence[str]) -> None:
    """Write the set. It is read back as ``dr=`` reads it before it counts."""
    content = covering(made)
    bare = [f for f in made if f.differs and not f.factor]
    lines = [
        f"# What pictures say of real cameras, as a factor set. From: {', '.join(sources)}",
        f"# Each range is the hull of what was found, widened by {INFLATION:g} about its middle.",
        *(f"# Not held: {f.camera}, {f.measure}{f': {f.note}' if f.note else ''}" for f in bare),
        "",
        *(f"{name}: {{lo: {r['lo']:.6g}, hi: {r['hi']:.6g}}}" for name, r in content.items()),
    ]
    write_atomically(path, "\n".join(lines) + "\n")
    load_set(str(path))
