"""`Watchdog`: may the arm move now? A state machine of times alone; it knows neither robots nor motion.

    RUN ── a source silent for `hold_after` ──▶ HOLD ── for `latch_after` ──▶ LATCH ── acknowledge ──▶ RUN
     ▲                                           │                              ▲
     └────────── it is heard again ──────────────┘       fault, clock ──────────┘
    operator ──▶ STOP ── acknowledge ──▶ RUN

The first of several causes is the one that is told. Nothing but `acknowledge` leads out of STOP and LATCH.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

COMMAND, STATE = "command", "state"
"""The two sources that every arm has."""


@dataclass(frozen=True)
class WatchdogCfg:
    """How long what may be silent."""

    hold_after: float = 0.2
    """Silence of a source after which the arm brakes and holds [s]."""
    latch_after: float = 1.0
    """Silence after which it stays so until the operator acknowledges [s]."""
    sources: tuple[str, ...] = ()
    """What has to be heard of beside commands and the robot's state, such as ``camera:front``."""
    greatest_gap: float = 1.0
    """Time between two looks at the clock after which it is taken to have jumped [s]."""

    def __post_init__(self) -> None:
        if not 0 < self.hold_after <= self.latch_after:
            raise ValueError(
                f"hold_after must be above 0 and at most latch_after, not {self.hold_after} and {self.latch_after} s"
            )
        if not self.greatest_gap > 0:
            raise ValueError(f"greatest_gap must be above 0 s, not {self.greatest_gap}")


class Go(StrEnum):
    """What the watchdog allows."""

    RUN = "run"
    HOLD = "hold"
    STOP = "stop"
    LATCH = "latch"


class Watchdog:
    """Times of what was heard, and what follows from them. All times are of one clock that never goes back [s]."""

    def __init__(self, cfg: WatchdogCfg) -> None:
        self.cfg = cfg
        self.go = Go.STOP
        self.reason = "the gate has not been told where the arm is"
        self._heard: dict[str, float] = {}
        self._now: float | None = None

    def reset(self, now: float) -> None:
        """Begin anew: every source has `hold_after` from now on to be heard, and commands until the first one comes."""
        self._now = now
        self._heard = dict.fromkeys((STATE, *self.cfg.sources), now)
        self.go, self.reason = Go.HOLD, "no command has come yet"

    def heard(self, source: str, at: float) -> None:
        """Something came that was captured at this time; of several the latest counts.

        A time that lies ahead of the clock counts as now, so that nothing can be heard in advance. ValueError for a
        source that is not watched.
        """
        if source not in (COMMAND, STATE, *self.cfg.sources):
            raise ValueError(
                f"nobody watches {source!r}: sources are {', '.join((COMMAND, STATE, *self.cfg.sources))}"
            )
        if self._now is None:
            return
        self._heard[source] = max(self._heard.get(source, at), min(at, self._now))

    def stop(self, reason: str) -> None:
        """The operator stops the arm; a latch stays one."""
        if self.go is not Go.LATCH:
            self.go, self.reason = Go.STOP, reason

    def latch(self, reason: str) -> None:
        """Something is wrong; the first reason is kept."""
        if self.go is not Go.LATCH:
            self.go, self.reason = Go.LATCH, reason

    def acknowledge(self) -> None:
        """The operator has seen to it: sources begin anew as after `reset`."""
        if self._now is not None:
            self.reset(self._now)

    def look(self, now: float) -> Go:
        """Take note of the time and say what is allowed."""
        last, self._now = self._now, now
        if last is None:
            return self.go
        if not now >= last:  # or not a number
            self._now = last
            self.latch(f"the clock went back by {last - now:.3f} s")
        elif now - last > self.cfg.greatest_gap:
            self.latch(f"the clock jumped by {now - last:.3f} s")
        if self.go in (Go.RUN, Go.HOLD):
            self._judge(self._now)
        return self.go

    def _judge(self, now: float) -> None:
        if not self._heard:
            return
        source = min(self._heard, key=self._heard.__getitem__)
        silence = now - self._heard[source]
        what = {COMMAND: "no fresh command came", STATE: "the robot's state is not heard of"}.get(
            source, f"{source} is not heard of"
        )
        if silence >= self.cfg.latch_after:
            self.latch(f"{what} for {silence:.2f} s")
        elif silence >= self.cfg.hold_after:
            self.go, self.reason = Go.HOLD, f"{what} for {silence:.2f} s"
        elif COMMAND not in self._heard:
            self.go, self.reason = Go.HOLD, "no command has come yet"
        else:
            self.go, self.reason = Go.RUN, ""
