"""`Session`: a run of the bridge, episode after episode: home, arm, act, judge, record."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from workbench.bridge.arm_loop import ArmLoop
from workbench.bridge.clock import Ticker
from workbench.bridge.desk import ArmStopped, Desk
from workbench.bridge.episode import STOPPED, EpisodeRunner, Happened
from workbench.bridge.gate import Mode
from workbench.bridge.operator import Operator, StopSignals
from workbench.bridge.options import LIVE, BridgeOptions
from workbench.bridge.record import episode_record
from workbench.bridge.setup import Bench
from workbench.bridge.thinking import Thinker
from workbench.bridge.ticks import TickLog
from workbench.runs.folder import RunFolder
from workbench.runs.records import EpisodeRecord

if TYPE_CHECKING:
    from workbench.bridge.live import BridgeView

HOME_NEAR = 0.015
"""Joints within this of home are there [rad]."""
ARRIVED = 1e-6
"""Commanded joints within this of home are there [rad]."""
HOME_SHARE = 0.8
"""Share of the scaled velocities at which the arm goes home."""
HOME_S = 60.0
"""It is given up after that long [s]."""
TRAILING = 30
"""Control steps that are still seen after a policy is done, for things to settle."""


class Session:
    """One run; for one thread."""

    def __init__(
        self,
        options: BridgeOptions,
        bench: Bench,
        folder: RunFolder,
        operator: Operator,
        signals: StopSignals,
        console: Console,
    ) -> None:
        self.options, self.bench, self.folder = options, bench, folder
        self._console = console
        self._log: TickLog | None = None
        self._loop = ArmLoop(bench.driver, bench.gate, Ticker(1 / options.rate_hz), None, False, bench.heard)
        self.desk = Desk(
            options,
            operator,
            signals,
            console,
            self._loop,
            getattr(bench.policy, "steer", None),
            getattr(bench.policy, "rescale", None),
        )
        """Where the operator is listened to."""
        self.view: BridgeView | None = None
        """Live, where somebody wants to see it."""
        self.must_judge = False
        """Whether each episode is to be judged by the person, if it has no judge."""
        self.began = time.monotonic()
        """[s]"""
        self.records: dict[int, EpisodeRecord] = {}

    def run(self) -> None:
        """All episodes that are not on record; the arm is at rest when it returns, however it does.

        Ended when the operator or a signal ends it, ArmStopped when the gate has stopped the arm and nobody is there.
        """
        self.records = self.folder.completed()
        thinker = Thinker(self.bench.policy)
        try:
            self._loop.ticker.restart()  # a live view took its time to open
            self._loop.begin()
            self._await_arming()
            for index in range(self.options.episodes):
                if index not in self.records:
                    self._episode(index, thinker)
        finally:
            try:
                self._loop.come_to_rest("the run ends")
            finally:
                thinker.close()
                self._close_log()

    @property
    def loop(self) -> ArmLoop:
        """With its counts."""
        return self._loop

    # -- an episode

    def _episode(self, index: int, thinker: Thinker) -> None:
        self._open_log(index)
        if self._loop.commanding:
            self._go_home()
        options, bench = self.options, self.bench
        seed = options.seed
        instruction = bench.judged.begin(seed, index) if bench.judged else options.instruction
        spec = bench.policy.action_spec
        self._write("/episode", {
            "begin": index, "task": options.task, "seed": seed, "instruction": instruction, "robot": options.robot,
            "policy": bench.policy.name, "mode": options.mode, "action_spec": spec.to_dict(),
            "pose_sensor": bench.policy.uses_pose_sensor, "scale": bench.gate.scale,
        })  # fmt: skip
        self.desk.label = None
        if self.view is not None:
            self.view.begin()
        runner = EpisodeRunner(
            self._loop, bench.policy, thinker, bench.targets, options.execution(bench.policy), bench.senses,
            self._over, steered=lambda: self._loop.commanding or options.mode != "shadow", watcher=self.view,
        )  # fmt: skip
        began = time.monotonic()
        most = round(options.episode_s * spec.control_hz)
        happened = runner.run(f"{seed}-{index}", seed + index, instruction, most, TRAILING)
        wall = time.monotonic() - began
        self.desk.explain(must=self.must_judge)
        verdict = self._verdict(happened)
        record = episode_record(
            index, options.task, seed, instruction, happened, verdict, 1 / spec.control_hz, wall
        )
        self._write("/episode", {"end": index, "record": record.to_dict(), "ended": happened.ended})
        self._close_log()
        self._keep(record, happened)
        self._tell(record, happened)
        if happened.ended == STOPPED:
            self.desk.after_stop(happened.reason)

    def _keep(self, record: EpisodeRecord, happened: Happened) -> None:
        from workbench.bridge.trajectory import trajectory_of

        trajectory = trajectory_of(record, happened, self.bench, self.options)
        if trajectory is not None:
            trajectory.save(self.folder.path / "trajectories" / f"episode_{record.index:06d}.npz")
        self.folder.append(record)
        self.records[record.index] = record
        self.desk.done += 1

    def _verdict(self, happened: Happened) -> dict[str, Any]:
        said = self.desk.label
        if said is not None:
            return {"success": said.success, "failure_reason": said.failure_reason, "time_to_success_s": None}
        if self.bench.judged is not None:
            verdict = self.bench.judged.final()
            if not verdict["success"] and happened.ended == STOPPED:
                verdict["failure_reason"] = STOPPED
            return verdict
        reason = STOPPED if happened.ended == STOPPED else "timeout"
        return {"success": False, "failure_reason": reason, "time_to_success_s": None}

    def _tell(self, record: EpisodeRecord, happened: Happened) -> None:
        outcome = "success" if record.success else f"failure: {record.failure_reason}"
        most = happened.checks.most_common(1)
        why = f", mostly for {most[0][0]} (docs/safety_gate.md)" if most else ""
        self._console.print(
            f"episode {record.index}: {outcome} ({happened.ended}), {record.duration_s:.1f} s; the gate changed "
            f"or refused commands in {record.limited_share or 0:.1%} of the steps{why}", markup=False,
        )  # fmt: skip

    # -- between episodes

    def _await_arming(self) -> None:
        """Until somebody arms the arm; other modes than live need nobody."""
        if self.options.mode != LIVE:
            # A dry run moves an ideal arm; a shadow run moves nothing, ever.
            self._command(self.options.mode == "dry_run")
            return
        if not self.options.arm:
            self.desk.await_arming()
        self._loop.begin()
        self._command(True)
        self._loop.event("operator", "the arm is armed")

    def _command(self, on: bool) -> None:
        self._loop.commanding = on
        self._loop.begin()

    def _go_home(self) -> None:
        """Straight in the joints, through the gate, the hand open."""
        loop, gate = self._loop, self.bench.gate
        home = np.array(self.bench.driver.home)
        dt = self.bench.targets.period
        loop.resume()
        target = loop.commanded.copy()
        step = HOME_SHARE * gate.scale * np.array(self.bench.driver.limits.velocity) * dt
        open_width = self.bench.targets.open_width
        ticks = round(dt / loop.ticker.period)
        end, phase = time.monotonic() + HOME_S, 0
        while time.monotonic() < end:
            now, state = loop.wait()
            left = home - target
            if phase == 0 and state is not None and np.abs(left).max() > ARRIVED:
                share = min(1.0, 1 / max(float(np.abs(left / step).max()), 1e-9))
                decision = loop.command(target + share * left, open_width, state.captured, now)
                target = target if decision.target is None else decision.target.copy()
            setpoint = loop.finish(now, state)
            self.desk.status("goes home")
            self.desk.obey(self.desk.keys())
            if gate.mode in (Mode.LATCHED, Mode.STOPPED):
                self.desk.after_stop(gate.reason)
                target = setpoint.position.copy()
            near = state is not None and np.abs(state.joint_pos.value - home).max() < HOME_NEAR
            if near and setpoint.at_rest and np.abs(home - target).max() <= ARRIVED:
                return
            phase = (phase + 1) % ticks
        raise ArmStopped(f"the arm did not come home within {HOME_S:g} s")

    # -- the operator

    def _over(self) -> str | None:
        """Asked each control step: why the episode is over, if it is."""
        desk = self.desk
        desk.obey(desk.keys())
        desk.status("acts")
        if desk.label is not None:
            return "judged"
        judged = self.bench.judged
        if judged is not None and judged.lost:
            raise ArmStopped(judged.lost)
        return "judged" if judged is not None and judged.success else None

    # -- the log

    def _open_log(self, index: int) -> None:
        self._close_log()
        folder = self.folder.path / "ticks"
        attempts = (n for n in range(1, 1_000_000) if not _log_path(folder, index, n).exists())
        self._log = TickLog(_log_path(folder, index, next(attempts)))
        self._loop.log = self._log

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()
        self._log = self._loop.log = None

    def _write(self, topic: str, message: dict[str, Any]) -> None:
        if self._log is not None:
            self._log.write(topic, message)


def _log_path(folder: Path, index: int, attempt: int) -> Path:
    """An episode that was cut short is run again, and its first log stays."""
    more = "" if attempt == 1 else f"-{attempt}"
    return folder / f"episode_{index:06d}{more}.mcap"
