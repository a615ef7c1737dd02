"""What a training tells while it runs: a bar, a line of losses, and TensorBoard's scalars.

losses.jsonl      one line each ``log_every`` steps; the same whether or not the run was killed in between
tensorboard/      the same numbers, and rates of work
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from workbench.cli.progress_bar import progress_bar
from workbench.runs.durable import append_line, write_atomically

LOSSES = "losses.jsonl"


class RunLog:
    """A `policy.m1.training.trainer.Log` in a run folder; a context manager."""

    def __init__(self, folder: Path, console: Console) -> None:
        self.folder = folder
        self._bar = progress_bar(console)
        self._writer: Any = None
        self._task: Any = None
        self._since = (time.perf_counter(), 0)

    def begin(self, total: int, steps: int) -> None:
        """See `policy.m1.training.trainer.Log`."""
        from torch.utils.tensorboard import SummaryWriter

        path = self.folder / LOSSES
        if path.exists():
            # Steps after the latest state are done again; whatever was said of them is said again.
            lines = [line for line in path.read_text("utf-8").splitlines() if _total(line) <= total]
            write_atomically(path, "".join(line + "\n" for line in lines))
        self._writer = SummaryWriter(str(self.folder / "tensorboard"), purge_step=total + 1)
        self._task = self._bar.add_task("training", total=steps, completed=total, note="")
        self._since = (time.perf_counter(), total)

    def step(self, phase: str, total: int) -> None:
        """See `policy.m1.training.trainer.Log`."""
        self._bar.update(self._task, completed=total, description=phase)

    def line(self, line: dict[str, Any]) -> None:
        """See `policy.m1.training.trainer.Log`."""
        append_line(self.folder / LOSSES, json.dumps(line, allow_nan=False))
        now, total = time.perf_counter(), line["total"]
        rate = (total - self._since[1]) / max(now - self._since[0], 1e-9)
        self._since = (now, total)
        numbers = {k: v for k, v in line.items() if isinstance(v, float)}
        for name, value in (numbers | {"steps_per_second": rate}).items():
            self._writer.add_scalar(name, value, total)
        losses = [f"{name} {line[name]:.4g}" for name in ("scene", "answers", "action") if name in line]
        self._bar.update(self._task, note=f"{', '.join(losses)}   {rate:.2f} steps/s")

    def __enter__(self) -> RunLog:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        if self._writer is not None:
            self._writer.close()


def _total(line: str) -> float:
    try:
        return json.loads(line)["total"]
    except (ValueError, KeyError):
        return float("inf")  # cut off by a kill
