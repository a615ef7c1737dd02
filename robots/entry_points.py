"""What installed packages register, looked for once: every look reads a file of each package that is installed."""

from __future__ import annotations

from functools import cache
from importlib import metadata


def entry_points(group: str) -> metadata.EntryPoints:
    """What is registered under a group, as `importlib.metadata.entry_points` has it."""
    return _installed().select(group=group)


@cache
def _installed() -> metadata.EntryPoints:
    return metadata.entry_points()
