"""Which episodes of a run can be compared.

In a parallel run, what finishes first is not random: successes end early, failures at the time limit. So of an
unfinished run only the unbroken row of episodes from 0 counts, of a run that its own sequential test stopped those that
the test used, and of a ladder its clean condition, one outcome an episode. How long that row is may still depend on
outcomes: its first gap is likelier a long episode, thus a failure. Such a sample is marked `chosen`, and only tests
that hold whenever one stops are run on it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.comparison.result import ComparisonError
from workbench.evaluation.early_stop import counted
from workbench.runs.folder import RunFolder
from workbench.runs.kinds import require_evaluation
from workbench.runs.records import EpisodeRecord, headline
from workbench.stats import CONFIDENCE


@dataclass(frozen=True)
class Sample:
    """What a run contributes to a comparison."""

    name: str
    records: dict[int, EpisodeRecord]
    """By number in the suite: an unbroken row from 0."""
    chosen: bool = False
    """Whether outcomes or durations had a say in how many there are."""
    notes: tuple[str, ...] = ()
    """How they were taken, in plain sentences."""
    path: Path | None = None
    config: Mapping[str, Any] | None = None
    """Options of the run; None where only records are known."""


def read_sample(run: str | os.PathLike[str], name: str | None = None) -> Sample:
    """What a run folder contributes; ComparisonError for a run that is no evaluation or lacks episode 0.

    RunFolderError when it cannot be read.
    """
    folder = RunFolder(run)
    require_evaluation(folder.path)
    config = folder.config()
    name = name or folder.path.resolve().name
    command = config.get("command", "eval")
    if command not in ("eval", "bridge"):
        raise ComparisonError(
            f"{name} was made by `workbench {command}`, which chooses its episodes by their outcomes; compare takes "
            "runs of `workbench eval`"
        )
    every = list(folder.completed().values())
    records = headline(every)
    notes = []
    if len(records) < len(every):
        notes.append(f"{name} has several conditions: only its clean one is compared")
    planned = int(config.get("episodes", len(records)))
    meta = {key: config.get(key) for key in ("stop_above", "stop_against")} | {"episodes_planned": planned}
    test, used = counted(records, meta, float(config.get("confidence", CONFIDENCE)))
    if test.get("decision"):
        notes.append(
            f"{name} was stopped by its sequential test: the {len(used)} episodes are compared that it used"
        )
        planned = len(used)
    row = _unbroken(used)
    if not row:
        raise ComparisonError(
            f"{name} has no episode 0 yet, so there is no unbroken row of episodes to compare"
        )
    unfinished = len(row) < planned
    if unfinished:
        notes.append(
            f"{name} is unfinished, with {len(records)} of {planned} episodes: only the unbroken row 0 to "
            f"{len(row) - 1} is compared, since which others have ended depends on how long they took"
        )
    extended = bool(folder.told(len(every)).get("history", {}).get("extended"))
    if extended:
        notes.append(f"{name} was extended, perhaps because of how its first episodes ended")
    return Sample(name, row, bool(test) or unfinished or extended, tuple(notes), folder.path, config)


def _unbroken(records: list[EpisodeRecord]) -> dict[int, EpisodeRecord]:
    """Records by number in the suite, from 0 up to the first that is missing."""
    by_episode = {int(r.episode if r.episode is not None else r.index): r for r in records}
    row: dict[int, EpisodeRecord] = {}
    while len(row) in by_episode:
        row[len(row)] = by_episode[len(row)]
    return row
