"""Where scorecards come from: a table of counts, or run folders of robot and simulation."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.comparison.sample import read_sample
from workbench.gap.prediction_powered import Estimate, estimate
from workbench.gap.scorecard import Cell, GapError
from workbench.runs.folder import RunFolder
from workbench.runs.kinds import require_evaluation
from workbench.runs.records import EpisodeRecord, headline
from workbench.stats import CONFIDENCE

COLUMNS = ("policy", "task", "real_successes", "real_trials", "sim_successes", "sim_trials")
SUCCESS = "success"
"""What stands for it among reasons of failure."""


@dataclass(frozen=True)
class Pairing:
    """A policy's run on the robot beside its run in simulation, on one task."""

    cell: Cell
    agree: int
    """Episodes that both ran and ended alike."""
    both: int
    """Episodes that both ran."""
    reasons: tuple[tuple[str, str, int], ...]
    """How such an episode ended on the robot and in simulation, `SUCCESS` or a reason of failure, and how often."""
    prediction: Estimate | None
    """The real rate with the help of simulation; None without an episode that both ran."""


def read_table(path: Path) -> list[Cell]:
    """The cells of a CSV file with `COLUMNS`; GapError names the line that is wrong."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = [c for c in COLUMNS if c not in (rows.fieldnames or ())]
        if missing:
            raise GapError(f"{path} lacks the columns {', '.join(missing)}; it needs {','.join(COLUMNS)}")
        cells = []
        for row in rows:
            try:
                counts = [int(row[c]) for c in COLUMNS[2:]]
            except (TypeError, ValueError):
                raise GapError(
                    f"{path} line {rows.line_num}: {', '.join(COLUMNS[2:])} must be whole numbers"
                ) from None
            cells.append(Cell(row["policy"], row["task"], (counts[0], counts[1]), (counts[2], counts[3])))
    return cells


def read_pair(real: str, sim: str, confidence: float = CONFIDENCE) -> Pairing:
    """A run on the robot and one in simulation; episodes pair by their number in the suite.

    GapError where they are not of one policy and task; RunFolderError where one cannot be read.
    """
    names, tasks, records = [], [], []
    for folder in (real, sim):
        run = RunFolder(folder)
        require_evaluation(run.path)
        config = run.config()
        names.append(_policy_of(config))
        tasks.append(str(config.get("task", "")))
        records.append(
            {
                int(r.episode if r.episode is not None else r.index): r
                for r in headline(list(run.completed().values()))
            }
            if folder == real
            else read_sample(folder).records
        )
        if not records[-1]:
            raise GapError(f"{folder} holds no episode that ended")
    if tasks[0] != tasks[1]:
        raise GapError(f"{real} is of the task {tasks[0]}, {sim} of {tasks[1]}")
    on_robot, simulated = records
    shared = sorted(on_robot.keys() & simulated.keys())
    cell = Cell(names[1], tasks[1], _count(on_robot.values()), _count(simulated.values()))
    reasons = Counter((_end(on_robot[i]), _end(simulated[i])) for i in shared)
    prediction = None
    if shared:
        prediction = estimate(
            real=[on_robot[i].success for i in shared],
            paired_sim=[simulated[i].success for i in shared],
            more_sim=[r.success for i, r in simulated.items() if i not in on_robot],
            confidence=confidence,
        )
    return Pairing(
        cell,
        sum(on_robot[i].success == simulated[i].success for i in shared),
        len(shared),
        tuple((a, b, n) for (a, b), n in sorted(reasons.items())),
        prediction,
    )


def _policy_of(config: Mapping[str, Any]) -> str:
    name = str(config.get("policy", ""))
    checkpoint = config.get("checkpoint")
    return f"{name} {checkpoint}" if checkpoint else name


def _count(records: Iterable[EpisodeRecord]) -> tuple[int, int]:
    ended = list(records)
    return sum(r.success for r in ended), len(ended)


def _end(record: EpisodeRecord) -> str:
    return SUCCESS if record.success else record.failure_reason or "no reason"
