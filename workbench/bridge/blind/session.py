"""`BlindSession`: each episode with both policies, in the sealed order; whoever watches is told labels and no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rich.console import Console

from workbench.bridge.blind.seal import A, B, Sealed
from workbench.bridge.episode import Happened
from workbench.bridge.operator import Operator, StopSignals
from workbench.bridge.options import DRY_RUN, BridgeOptions
from workbench.bridge.session import Session
from workbench.bridge.setup import Bench
from workbench.bridge.thinking import Thinker
from workbench.runs.folder import RunFolder
from workbench.runs.records import EpisodeRecord


class BlindSession(Session):
    """A run of two policies; for one thread."""

    def __init__(
        self,
        options: BridgeOptions,
        bench: Bench,
        sealed: Sealed,
        folders: Mapping[str, RunFolder],
        operator: Operator,
        signals: StopSignals,
        console: Console,
    ) -> None:
        """``folders``: of either policy's records, in the vault."""
        super().__init__(options, bench, folders[A], operator, signals, console)
        self._sealed, self._folders = sealed, folders
        self._of = dict(zip((A, B), bench.policies, strict=True))
        self.desk.blind = True
        self.must_judge = bench.judged is None and options.mode != DRY_RUN

    def run(self) -> None:
        """See `Session.run`."""
        # Both are there from the beginning to the end: that one connects would say who begins.
        thinkers = {name: Thinker(policy) for name, policy in self._of.items()}
        done = {name: folder.completed() for name, folder in self._folders.items()}
        try:
            self._loop.begin()
            self._await_arming()
            for trial in self._sealed.order(self.options.episodes):
                self.bench = replace(self.bench, policy=self._of[trial.policy])
                self.folder, self.records = self._folders[trial.policy], done[trial.policy]
                if trial.episode not in self.records:
                    self._episode(trial.episode, thinkers[trial.policy])
                if trial.number not in self._sealed.labels():
                    record = self.records[trial.episode]
                    self._sealed.enter(trial.number, trial.episode, record.success, record.failure_reason)
        finally:
            try:
                self._loop.come_to_rest("the run ends")
            finally:
                for thinker in thinkers.values():
                    thinker.close()
                self._close_log()

    def _tell(self, record: EpisodeRecord, happened: Happened) -> None:
        said = "success" if record.success else f"failure: {record.failure_reason}"
        entered = len(self._sealed.labels()) + 1
        self._console.print(f"trial {entered} of {2 * self.options.episodes}: {said}", markup=False)
