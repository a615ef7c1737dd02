"""The passes of ``workbench generate`` in workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from workbench.data.archive.archive import settled
from workbench.data.generate.options import GenerateOptions
from workbench.data.generate.passes import FOLDERS, job_of, run_pass
from workbench.scale.ray_workers import Line, run_workers

READY = "ready"


def run_in_workers(
    options: GenerateOptions,
    root: Path,
    stage: str,
    jobs: list[int],
    booked: Callable[[dict[str, Any]], Any],
    ready: Callable[[], Any],
) -> dict[str, float]:
    """As `workbench.data.generate.passes.run_pass`, over the workers of the options; times are summed over them."""
    folder = root / FOLDERS[stage]

    def heard(worker: str, what: Any) -> None:
        if what == READY:
            ready()
        else:
            booked(what)

    results = run_workers(
        partial(_work, options, root.resolve(), stage),
        jobs,
        options.num_envs,
        options.workers,
        options.device,
        heard,
        lambda worker: [job_of(options, stage, line) for line in settled(folder, worker)],
        root / "simulator.log",
        options.ray_address,
    )
    total: Counter = Counter()
    for seconds in results:
        total.update(seconds)
    return dict(total)


def _work(options: GenerateOptions, root: Path, stage: str, line: Line) -> dict[str, float]:
    return run_pass(
        options,
        root,
        stage,
        line,
        line.tell,
        lambda: line.tell(READY),
        tag=line.worker,
        before_close=line.check,
    )
