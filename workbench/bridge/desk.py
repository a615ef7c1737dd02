"""`Desk`: the operator's side of a run: keys that hold, let go on, scale and judge, and what is told of the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console

from workbench.bridge import operator as keys
from workbench.bridge.arm_loop import ArmLoop
from workbench.bridge.gate import Gate, GateError, Mode
from workbench.bridge.labels import UNEXPLAINED
from workbench.bridge.operator import Operator, StopSignals
from workbench.bridge.options import BridgeOptions

SCALE_STEP = 0.1
STATUS_S = 1.0
"""Between two status lines [s]."""
WIDTH = 118


class Ended(Exception):
    """The operator or a signal ends the run."""


class ArmStopped(Exception):
    """The arm has been stopped for good; one sentence says why."""


@dataclass(frozen=True)
class Label:
    """An episode as a person judges it."""

    success: bool
    failure_reason: str | None = None


class Desk:
    """The operator's side of a run; for the loop's thread."""

    def __init__(
        self,
        options: BridgeOptions,
        operator: Operator,
        signals: StopSignals,
        console: Console,
        loop: ArmLoop,
        steer: Callable[[str], None] | None = None,
        rescale: Callable[[float], None] | None = None,
    ) -> None:
        """
        Args:
            options: of the run.
            operator: who presses keys.
            signals: that end it.
            console: where the person reads.
            loop: arm and gate.
            steer: is told keys that are none of the desk's: a policy that is driven by hand.
            rescale: is told, of such a policy, which share of the limits the operator goes to.
        """
        self._options, self._operator, self._signals, self._console = options, operator, signals, console
        self._loop, self._steer, self._rescale = loop, steer, rescale
        self._told = 0.0
        self.blind = False
        """Whether nothing may be told by which two policies could be told apart."""
        self.most_scale = 1.0
        """Share of the limits that the operator may go to."""
        self.label: Label | None = None
        """What the person said of the episode; None: nothing yet."""
        self.done = 0
        """Episodes so far."""

    @property
    def _gate(self) -> Gate:
        return self._loop.gate

    @property
    def attended(self) -> bool:
        """Whether somebody is there."""
        return not isinstance(self._operator, keys.Nobody)

    def keys(self) -> str:
        """Keys since the last call; Ended where they, or a signal, end the run."""
        if self._signals.number is not None:
            raise Ended(f"signal {self._signals.number}")
        pressed = self._operator.pressed()
        if keys.END in pressed:
            raise Ended("the operator ends the run")
        return pressed

    def obey(self, pressed: str) -> None:
        """Carry keys out."""
        gate = self._gate
        for key in pressed:
            try:
                match key:
                    case keys.HOLD:
                        gate.stop("the operator holds the arm")
                    case keys.RESET:
                        gate.acknowledge(time.monotonic())
                    case keys.MORE | keys.LESS:
                        self._change_scale(SCALE_STEP if key == keys.MORE else -SCALE_STEP)
                    case keys.SUCCESS:
                        self.label = Label(True)
                    case keys.FAILURE:
                        self.label = Label(False, UNEXPLAINED)
                    case _:
                        if self._steer is not None:
                            self._steer(key)
            except GateError as problem:
                self._console.print(str(problem), markup=False)

    def _change_scale(self, step: float) -> None:
        """Use more or less of the limits, no more than is allowed; GateError for what the gate does not do."""
        wanted = round(self._gate.scale + step, 2)
        if step > 0 and wanted > self.most_scale + 1e-9:
            self._console.print(f"the verdict allows {self.most_scale:.0%} of the limits", markup=False)
            return
        self._gate.set_scale(wanted)
        self._loop.driver.set_scale(wanted)
        if self._rescale is not None:
            self._rescale(wanted)
        self._loop.event("operator", f"scale {wanted:g}")

    def explain(self, must: bool = False) -> None:
        """After an episode: ask why it failed, and with ``must`` whether it did. The arm holds meanwhile."""
        if not self.attended:
            return
        if must and self.label is None:
            self._console.print(f"[{keys.SUCCESS}]uccess or [{keys.FAILURE}]ailure?", markup=False)
            while self.label is None:
                self.idle("waits for a judgement")
                self.obey(self.keys())
        if self.label is None or self.label.success:
            return
        reasons = self._options.failure_reasons
        choices = "  ".join(f"[{n}] {reason}" for n, reason in enumerate(reasons, 1))
        self._console.print(f"why did it fail? {choices}  [{keys.FAILURE}] none of these", markup=False)
        while True:
            self.idle("waits for a reason")
            for key in self.keys():
                if key.isdigit() and 1 <= int(key) <= len(reasons):
                    self.label = Label(False, reasons[int(key) - 1])
                    return
                if key == keys.FAILURE:
                    return
                self.obey(key)

    def after_stop(self, reason: str) -> None:
        """Wait for the operator to let the arm go on; ArmStopped where nobody is there."""
        if self.blind:
            reason = reason.partition(":")[0]  # what a server or a library said would name the policy
        if not self.attended:
            raise ArmStopped(f"the arm was stopped: {reason}")
        self._console.print(f"the arm was stopped: {reason}; [r]eset lets it go on, [q] ends", markup=False)
        while self._gate.mode in (Mode.LATCHED, Mode.STOPPED):
            self.idle(f"stopped: {reason}")
            self.obey(self.keys())

    def await_arming(self) -> None:
        """Until somebody arms the arm."""
        self._console.print("the arm is not armed: press a to arm it; " + keys.KEYS, markup=False)
        while keys.ARM not in self.keys():
            self.idle("waits to be armed")

    def idle(self, what: str) -> None:
        """A period in which nobody asks for anything."""
        now, state = self._loop.wait()
        self._loop.finish(now, state)
        self.status(what)

    def status(self, what: str) -> None:
        """A line, once a second, where a person sees it."""
        now = time.monotonic()
        if now - self._told < STATUS_S or not self._console.is_terminal:
            return
        self._told = now
        gate, tally = self._gate, self._loop.tally
        armed = "armed" if self._loop.commanding else "not commanded"
        shown = f"changed {tally.changed} refused {tally.refused}"
        reason = gate.reason
        if self.blind:
            shown, reason = "blind", gate.reason.partition(":")[0]
        line = (
            f"{self._options.mode} {what} | {armed} | {gate.mode} {reason} | scale {gate.scale:.0%} | "
            f"{self.done} done | {shown}"
        )
        self._console.print(f"\r\x1b[K{line[:WIDTH]}", end="", markup=False, highlight=False)
