"""The progress bar that every long job shows; in a log, lines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINE_EVERY_S = 60.0
"""Time between two lines where the bar cannot move [s]."""


def progress_bar(console: Console, transient: bool = False) -> Progress:
    """A bar with a note (a field of each task) and the time left, for hours of work; ``transient``: gone at the end."""
    return _Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        speed_estimate_period=120,
        transient=transient,
        disable=transient and not console.is_terminal,  # the lines of a log come without it
    )


def rate(done: float, seconds: float) -> str:
    """How fast it goes, in words, in the unit of time that gives a number above 1."""
    for unit, length in (("second", 1), ("minute", 60)):
        if done * length >= seconds:
            return f"{done * length / max(seconds, 1e-9):.3g} a {unit}"
    return f"{done * 3600 / max(seconds, 1e-9):.2g} an hour"


class _Progress(Progress):
    """As its parent on a terminal. Elsewhere, which would see the last state alone, a line a minute."""

    def __init__(self, *columns: str | ProgressColumn, **options: Any) -> None:
        super().__init__(*columns, **options)
        self._told = self.get_time()

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """As its parent."""
        super().update(task_id, **changes)
        if not self.console.is_terminal and self.get_time() >= self._told + LINE_EVERY_S:
            self._told = self.get_time()
            self.console.print(_line(self._tasks[task_id]), soft_wrap=True)


def _line(task: Task) -> str:
    """Where a task stands, in words."""
    note = task.fields.get("note")
    parts = [f"{task.description}: {task.completed:g} of {task.total or 0:g}", *([note] if note else [])]
    parts += [f"{_clock(task.elapsed)} gone"]
    if task.time_remaining is not None:
        parts.append(f"about {_clock(task.time_remaining)} left")
    return ", ".join(parts)


def _clock(seconds: float | None) -> str:
    return str(timedelta(seconds=round(seconds or 0)))
