"""One gate, one simulated arm that enforces nothing, one audit of every setpoint: what attacks are carried out on."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

from robots.protocol import ArmModel
from tools.gate_attacks import Situation
from tools.gate_audit import StreamAudit
from workbench.bridge.gate import (
    Command,
    Decision,
    Gate,
    GateCfg,
    GateError,
    MeasuredState,
    Mode,
    Setpoint,
    Verdict,
)

LAG = 3
"""Setpoints by which the simulated arm is behind."""


@dataclass
class Tally:
    """What became of commands."""

    commands: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    """Of refusals, the check that refused."""
    unexplained: int = 0
    """Refusals or changes without a sentence, and sentences about what was accepted as it was."""
    let_through: int = 0
    """Malformed commands that were not refused."""
    resets: int = 0
    longest_rest: float = 0.0
    """Longest time from when the arm was to brake until it was commanded to stand still [s]."""


class Bout:
    """Time, an arm that does as it is told some setpoints later, and the gate."""

    def __init__(self, model: ArmModel, cfg: GateCfg, seed: int) -> None:
        self.gate, self.cfg = Gate(cfg), cfg
        self._model = model
        self.audit = self.fresh_audit()
        self.audits = [self.audit]
        """That see every setpoint."""
        self.ticks_per_command = round(cfg.command_dt / cfg.dt)
        self.tally = Tally()
        self.now = 100.0
        home = np.array(model.spec.home)
        step = np.array(cfg.limits.velocity) * cfg.scale * cfg.command_dt
        self.situation = Situation(
            np.random.default_rng(seed),
            model.chain,
            cfg.bounds,
            home,
            self.gate.low,
            self.gate.high,
            home,
            step,
            1,
            self.now,
        )
        self.start(home)

    def start(self, position: np.ndarray) -> None:
        """Put the arm to rest somewhere; the gate and the audit begin there."""
        self.gate.reset(position, self.now)
        self.audit.begin(position)
        self._told = deque([position] * LAG, LAG)
        self.situation.here, self.situation.passed = position, None
        self.last: Setpoint | None = None
        self._braking = 0.0

    def fresh_audit(self) -> StreamAudit:
        """One that has seen nothing yet."""
        cfg = self.cfg
        return StreamAudit(cfg.limits, cfg.scale, cfg.dt, self._model.chain, cfg.bounds)

    def close(self) -> None:
        """Let the audit look at what it has not yet."""
        self.audit.close()

    def measured(self) -> MeasuredState:
        """Where the arm is: where it was told to be some setpoints ago."""
        return MeasuredState(self._told[0], self.now)

    def tick(self, state: MeasuredState | None = None, count: int = 1) -> None:
        """Some control periods."""
        for _ in range(count):
            self.now += self.cfg.dt
            self.follow(self.gate.tick(state or self.measured(), self.now))

    def follow(self, setpoint: Setpoint) -> None:
        """The arm does as it is told, and the audits take note."""
        for audit in self.audits:
            audit.add(setpoint)
        self._told.append(setpoint.position)
        self.last = setpoint
        self.situation.here, self.situation.now = setpoint.position, self.now
        self._braking = 0.0 if setpoint.mode is Mode.MOVING else self._braking + self.cfg.dt
        if setpoint.mode is not Mode.MOVING and not setpoint.at_rest:
            self.tally.longest_rest = max(self.tally.longest_rest, self._braking)

    def send(self, command: Command, must_be_refused: bool = False) -> Decision:
        """A command, and what became of it."""
        decision = self.gate.admit(command, self.now)
        tally = self.tally
        tally.commands += 1
        tally.verdicts[decision.verdict] += 1
        if decision.verdict is Verdict.REFUSED:
            tally.checks.update(intervention.check for intervention in decision.interventions)
        else:
            self.situation.passed = command.seq
            tally.let_through += must_be_refused
        as_it_was = decision.verdict is Verdict.ACCEPTED
        if as_it_was != (not decision.reasons) or not all(decision.reasons):
            tally.unexplained += 1
        if as_it_was and not np.array_equal(decision.target, command.position):
            tally.unexplained += 1
        self.situation.seq += 1
        self.situation.count += 1
        return decision

    def revive(self, longest: float = 3.0) -> None:
        """Wait for rest, and acknowledge what stopped the arm."""
        waited = 0.0
        while (
            self.last is None or not self.last.at_rest or waited < (LAG + 1) * self.cfg.dt
        ) and waited < longest:
            self.tick()
            waited += self.cfg.dt
        if self.gate.mode in (Mode.STOPPED, Mode.LATCHED):
            try:
                self.gate.acknowledge(self.now)
            except GateError:
                self.tally.resets += 1
                self.start(self.situation.here)
