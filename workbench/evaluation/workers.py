"""Evaluation in workers: each runs a simulator and the policy, and tells the driver of every episode that ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from workbench.rollout.episode_runner import EpisodeRunner, launched
from workbench.rollout.options import SimulationOptions
from workbench.rollout.tally import Tally
from workbench.runs.quota import Quota
from workbench.runs.records import EpisodeRecord
from workbench.scale.ray_workers import Line, run_workers
from workbench.views.drawing import Pictures


def run_in_workers(
    options: SimulationOptions,
    quota: Quota,
    folder: Path,
    missing: list[int],
    booked: Callable[[EpisodeRecord], bool],
) -> Tally:
    """Run these episodes; the driver alone writes records. Times are summed over workers."""
    safe: dict[str, set[int]] = {}

    def heard(worker: str, what: Any) -> bool:
        record = EpisodeRecord.from_dict(what)
        safe.setdefault(worker, set()).add(record.index)
        return booked(record)

    acting = options.policy_cfg.provenance()
    tallies = run_workers(
        partial(_work, options, quota, folder.resolve(), acting),
        missing,
        options.num_envs,
        options.workers,
        options.device,
        heard,
        lambda worker: safe.get(worker, set()),
        folder / "simulator.log",
        options.ray_address,
    )
    return sum((Tally(**tally) for tally in tallies), Tally())


def _work(
    options: SimulationOptions, quota: Quota, folder: Path, acting: dict[str, Any], line: Line
) -> dict[str, Any]:
    options.policy_cfg.require(acting)
    with launched(options, quota, options.policy_cfg.cameras) as env:
        runner = EpisodeRunner(
            options, quota, env, Pictures(folder), lambda record: line.tell(record.to_dict())
        )
        return asdict(runner.run(line))
