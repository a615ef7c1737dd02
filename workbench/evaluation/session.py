"""One session of a run: rolls out what is missing, here or in workers, and draws what is to be seen."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console

from workbench.cli.progress_bar import progress_bar
from workbench.rollout.episode_runner import EpisodeRunner, launched
from workbench.rollout.launch import output_to
from workbench.rollout.options import RAY, SimulationOptions
from workbench.rollout.tally import Tally
from workbench.runs.folder import RunFolder
from workbench.runs.quota import Quota
from workbench.runs.records import EpisodeRecord, SessionRecord
from workbench.views.drawing import Pictures

if TYPE_CHECKING:
    from workbench.evaluation.live import SimulatedView

STARTING = "starting the simulator (the first start compiles kernels: a minute or two)"


class EvalSession:
    """One session of a run."""

    def __init__(
        self,
        options: SimulationOptions,
        quota: Quota,
        folder: RunFolder,
        records: dict[int, EpisodeRecord],
        live: str = "",
    ) -> None:
        """``live``: where its first environment is shown while it runs, as `LiveView` has it; empty: nowhere."""
        self.options = options
        self.quota = quota
        self.folder = folder
        self.records = records
        """By index; grows as episodes end."""
        self.successes = sum(record.success for record in records.values())
        self.pictures = Pictures(folder.path)
        self._live = live

    def run(self) -> None:
        """Run what the quota still asks for, and draw what is to be seen."""
        with ExitStack() as stack:
            terminal = stack.enter_context(output_to(self.folder.path / "simulator.log"))
            console = Console(file=terminal)
            missing = self.quota.next(self.records)
            if missing and self.options.launcher == RAY:
                self._roll_out(missing, console, None)
                missing = []
            if not missing and not self.pictures.missing():
                return
            wanted = self.options.record or self.options.last_frames or self.pictures.missing()
            looking = self.options.policy_cfg.cameras
            cameras = ("front", "wrist") if wanted else looking or (("front",) if self._live else ())
            with console.status(STARTING):
                env = stack.enter_context(launched(self.options, self.quota, cameras))
            watcher = self._watcher(env, looking or ("front",), stack, console) if self._live else None
            runner = EpisodeRunner(self.options, self.quota, env, self.pictures, self._booked, watcher)
            if missing:
                self._roll_out(missing, console, runner)
            with console.status("drawing the pictures"):
                self.pictures.draw(env, runner.simulation, self.options.frame_every)

    def _watcher(
        self, env: Any, cameras: tuple[str, ...], stack: ExitStack, console: Console
    ) -> SimulatedView:
        """Open the live view; LiveError where that cannot be."""
        from workbench.evaluation.live import SimulatedView

        view = SimulatedView(str(self.folder.path), self._live, env, cameras)
        stack.callback(view.close)
        console.print(view.said, markup=False)
        return view

    def _roll_out(self, missing: list[int], console: Console, runner: EpisodeRunner | None) -> None:
        """Run episodes until the quota has enough; in workers if there is no runner."""
        tally = Tally()
        with progress_bar(console) as bar:
            self.bar = bar
            self.bar_task = bar.add_task("episodes", total=self.quota.total, note=self._note())
            bar.update(self.bar_task, completed=len(self.records))
            started, began = datetime.now(UTC), time.perf_counter()
            while missing:
                if runner is None:
                    from workbench.evaluation.workers import run_in_workers

                    tally += run_in_workers(self.options, self.quota, self.folder.path, missing, self._booked)
                else:
                    tally += runner.run(missing)
                if (missing := self.quota.next(self.records)) and runner is not None:
                    runner.rest()
            wall = time.perf_counter() - began
        session = SessionRecord(
            started=started.isoformat(timespec="seconds"),
            ended=datetime.now(UTC).isoformat(timespec="seconds"),
            wall_s=wall,
            phases_s={"physics": tally.physics_s, "rendering": tally.rendering_s, "policy": tally.policy_s},
            counts={k: getattr(tally, k) for k in ("episodes", "env_steps", "frames", "decisions")},
            latencies=tally.latencies,
        )
        self.folder.append_session(session)

    def _note(self) -> str:
        n = len(self.records)
        return f"{self.successes}/{n} succeeded" if n else ""

    def _booked(self, record: EpisodeRecord) -> bool:
        if record.index in self.records:
            return False  # run again after a worker died with it, and the first one's record came late
        self.folder.append(record)
        self.records[record.index] = record
        self.successes += record.success
        self.bar.update(self.bar_task, advance=1, note=self._note())
        return self.quota.book(record.index, record.success)
