"""What a terminal shows while episodes run."""

from __future__ import annotations

from typing import IO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def episode_progress(terminal: IO[str]) -> Progress:
    """A bar with a note, a rate and the time left, for hours of episodes."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(file=terminal),
        speed_estimate_period=120,
    )


def status(terminal: IO[str], text: str):
    """A spinner beside a text."""
    return Console(file=terminal).status(text)
