"""The two passes by name, as a process of its own may run them: here, or in a worker on another machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from workbench.data.archive import archive
from workbench.data.archive.chunk_writer import RollingWriter
from workbench.data.generate.options import PLAN, RENDER, GenerateOptions
from workbench.data.generate.plan import PlanPass
from workbench.data.generate.render import RenderPass
from workbench.rollout.work import Work

FOLDERS = {PLAN: archive.PLAN, RENDER: archive.EPISODES}
"""Folder of each pass's chunks in the dataset."""


def job_of(options: GenerateOptions, stage: str, line: Mapping[str, Any]) -> int:
    """The job that a line settles."""
    return line["index"] if stage == PLAN else options.job(line["index"], line["render"])


def run_pass(
    options: GenerateOptions,
    root: Path,
    stage: str,
    work: Iterable[int] | Work,
    booked: Callable[[dict[str, Any]], Any],
    ready: Callable[[], Any] = lambda: None,
    tag: str = "",
    before_close: Callable[[], Any] = lambda: None,
) -> dict[str, float]:
    """Run a pass over the jobs that are handed out; returns how long its parts took [s].

    Args:
        options: resolved.
        root: dataset folder.
        stage: `PLAN` or `RENDER`.
        work: jobs: indices of episodes to plan, or renderings as `GenerateOptions.job` numbers them.
        booked: called with the line of each job that is done.
        ready: called once the simulator stands.
        tag: keeps the chunks of several workers apart.
        before_close: called before a chunk appears; may object by raising.
    """
    writer = RollingWriter(root / FOLDERS[stage], options.task, options.chunk, tag, before_close)
    if stage == PLAN:
        tally = PlanPass(options, writer, booked).run(work, ready)
        return {"physics": tally.physics_s, "policy": tally.policy_s}
    return RenderPass(options, root / FOLDERS[PLAN], writer, booked).run(work, ready)
