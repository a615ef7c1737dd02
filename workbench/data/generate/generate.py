"""``workbench generate``: plan, keep what succeeded, render what was kept, and say what came of it."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from workbench.cli.options import OptionError
from workbench.cli.progress_bar import progress_bar
from workbench.data.archive.archive import chunks, settled
from workbench.data.archive.chunk_writer import clear_partial
from workbench.data.archive.statistics import write_archive_statistics
from workbench.data.generate.options import PLAN, PRESENTATION, RENDER, GenerateOptions
from workbench.data.generate.passes import FOLDERS, job_of, run_pass
from workbench.data.generate.report import write_dataset_report
from workbench.data.generate.summary import summarise_dataset
from workbench.rollout.launch import output_to
from workbench.runs.durable import append_line
from workbench.runs.folder import RunFolder, RunFolderError
from workbench.runs.provenance import provenance

SESSIONS = "sessions.jsonl"
"""A line a pass and start of the command: what it did, how long that took. Only rates come from it."""
UNITS = {PLAN: "episodes planned", RENDER: "renderings drawn"}


def generate(options: GenerateOptions, console: Console) -> dict[str, Any]:
    """Make what is missing of a dataset; returns its summary. Options must be resolved."""
    if PLAN not in options.chosen_stages and not chunks(Path(options.out) / FOLDERS[PLAN]):
        raise OptionError(f"stages={options.stages}: nothing is planned in {options.out}; add stage plan")
    with RunFolder(options.out) as folder:
        there = [line for name in FOLDERS.values() for line in settled(folder.path / name)]
        folder.create_or_resume(
            options.config("generate"),
            provenance(options.factor_set(), options.policy_cfg.provenance(), options.robot),
            PRESENTATION,
            growing={"episodes": ""},
            recorded=len(there),
        )
        for notice in folder.notices:
            console.print(notice, markup=False)
        _check_lines(options, there)
        try:
            for stage in options.chosen_stages:
                _run(options, folder.path, stage, console)
        except OSError as problem:
            raise RunFolderError(
                f"cannot write {problem.filename or folder.path}: {problem.strerror}; what is there is whole: make "
                "room, then the same command again goes on"
            ) from None
        if settled(folder.path / FOLDERS[RENDER]) and not missing(options, folder.path, RENDER):
            write_archive_statistics(folder.path)
        lines = {stage: settled(folder.path / name) for stage, name in FOLDERS.items()}
        summary = summarise_dataset(
            options.config("generate"), lines[PLAN], lines[RENDER], _sessions(folder.path)
        )
        summary |= folder.told(sum(map(len, lines.values())))
        folder.write_summary(summary)
        write_dataset_report(folder.path, summary)
        return summary


def _check_lines(options: GenerateOptions, lines: list[dict[str, Any]]) -> None:
    """RunFolderError for a chunk of another dataset, as one that was copied here by hand."""
    for line in lines:
        record = line.get("record", {})
        for key in ("seed", "task", "split"):
            theirs, own = record.get(key), getattr(options, key)
            if theirs not in (None, own):
                raise RunFolderError(
                    f"{options.out} holds episode {line['index']} of {key} {theirs}, and the dataset is of {own}: "
                    "move the chunk that it is in elsewhere"
                )
        if line["index"] >= options.episodes:
            raise RunFolderError(
                f"{options.out} holds episode {line['index']}, which is none of the dataset's {options.episodes}: "
                "move the chunk that it is in elsewhere"
            )


def missing(options: GenerateOptions, root: Path, stage: str) -> list[int]:
    """Jobs of a pass that no chunk has settled yet."""
    done = {job_of(options, stage, line) for line in settled(root / FOLDERS[stage])}
    if stage == PLAN:
        return [index for index in range(options.episodes) if index not in done]
    kept = sorted(line["index"] for line in settled(root / FOLDERS[PLAN]) if line["kept"])
    jobs = [options.job(index, render) for index in kept for render in range(options.renders)]
    return [job for job in jobs if job not in done]


def _run(options: GenerateOptions, root: Path, stage: str, console: Console) -> None:
    clear_partial(root / FOLDERS[stage])  # nobody else writes here: the folder is locked
    jobs = missing(options, root, stage)
    if not jobs:
        return
    console.print(
        f"{len(jobs)} {'episodes to plan' if stage == PLAN else 'renderings to draw'} in {options.num_envs} "
        f"environments, {options.physics} on {options.device}, {options.launcher}"
    )
    with ExitStack() as stack:
        terminal = stack.enter_context(output_to(root / "simulator.log"))
        bar = stack.enter_context(progress_bar(Console(file=terminal)))
        task = bar.add_task("starting the simulator", total=len(jobs), note="")
        counts = {"jobs": 0, "kept": 0, "frames": 0}
        seen: set[int] = set()

        def ready() -> None:
            bar.update(task, description=UNITS[stage])
            bar.reset(task, total=len(jobs), completed=counts["jobs"], note="")

        def booked(line: dict[str, Any]) -> None:
            job = job_of(options, stage, line)
            if job in seen:
                return  # done again after a worker died with it
            seen.add(job)
            counts["jobs"] += 1
            counts["kept"] += line["kept"]
            counts["frames"] += line.get("frames", 0)
            bar.update(task, advance=1, note=f"{counts['kept']}/{counts['jobs']} kept")

        started, began = datetime.now(UTC), time.perf_counter()
        if options.launcher == "ray":
            from workbench.data.generate.in_workers import run_in_workers

            seconds = run_in_workers(options, root, stage, jobs, booked, ready)
        else:
            seconds = run_pass(options, root, stage, jobs, booked, ready)
        session = {
            "stage": stage,
            "started": started.isoformat(timespec="seconds"),
            "wall_s": round(time.perf_counter() - began, 3),
            "seconds": {name: round(value, 3) for name, value in seconds.items()},
            **counts,
        }
    append_line(root / SESSIONS, json.dumps(session, allow_nan=False))


def _sessions(root: Path) -> list[dict[str, Any]]:
    path = root / SESSIONS
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
