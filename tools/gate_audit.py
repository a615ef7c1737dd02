"""An audit of commanded motion that shares nothing with the gate: differences of positions, and the robot's own chain.

Velocity, acceleration and jerk are first, second and third differences of the commanded positions over the powers of
the period; where the tool is says `robots.chain`, while the gate asks `pinocchio`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robots.chain import Chain
from robots.spec import JointLimits
from workbench.bridge.gate import Bounds, Setpoint

BLOCK = 20_000
"""Setpoints that are looked at together."""
RATIOS = ("position", "velocity", "acceleration", "jerk", "told velocity", "told acceleration")
"""Quantities that are audited as shares of their limits; of positions, of half of the range."""


@dataclass
class StreamAudit:
    """What was commanded, over what may be commanded; the worst so far."""

    limits: JointLimits
    scale: float
    dt: float
    chain: Chain
    bounds: Bounds
    worst: dict[str, float] = field(default_factory=lambda: dict.fromkeys(RATIOS, 0.0))
    """Of each of `RATIOS` the greatest share of the limit."""
    outside: float = -np.inf
    """Greatest distance of the tool beyond a face of its box [m]; negative: it stayed that far inside."""
    below: float = -np.inf
    """Greatest depth of the tool below the table [m]; negative: it stayed that far above."""
    setpoints: int = 0
    _held: list[np.ndarray] = field(default_factory=list)
    _told: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def begin(self, position: np.ndarray) -> None:
        """The stream begins at rest there ``[J]`` [rad]: its first step counts too."""
        self.close()
        self._held = [np.array(position)] * 3

    def add(self, setpoint: Setpoint) -> None:
        """The next setpoint of the stream."""
        self._held.append(setpoint.position)
        self._told.append((setpoint.velocity, setpoint.acceleration))
        self.setpoints += 1
        if len(self._held) >= BLOCK:
            self.close()

    def close(self) -> None:
        """Look at what has come; the stream may go on."""
        if len(self._held) < 4:
            return
        x = np.stack(self._held)
        low, high = np.array(self.limits.position_low), np.array(self.limits.position_high)
        self._take("position", np.abs(x - (low + high) / 2) / ((high - low) / 2))
        allowed = (self.limits.velocity, self.limits.acceleration, self.limits.jerk)
        for order, name in ((1, "velocity"), (2, "acceleration"), (3, "jerk")):
            differences = np.abs(np.diff(x, order, 0)) / self.dt**order
            self._take(name, differences / (np.array(allowed[order - 1]) * self.scale))
        for k, name in enumerate(("told velocity", "told acceleration")):
            told = np.abs(np.stack([pair[k] for pair in self._told]))
            self._take(name, told / (np.array(allowed[k]) * self.scale))
        tool, _ = self.chain.pose(x)
        box = self.bounds.workspace
        beyond = np.maximum(np.array(box.low) - tool, tool - np.array(box.high))
        self.outside = _greater(self.outside, float(beyond.max()))
        if self.bounds.table_height is not None:
            self.below = _greater(self.below, float(self.bounds.table_height - tool[:, 2].min()))
        self._held, self._told = self._held[-3:], []

    @property
    def exceeded(self) -> list[str]:
        """Limits that were exceeded; none is what a gate is for."""
        found = [name for name, share in self.worst.items() if not share <= 1.0]
        found += ["workspace"] * (not self.outside <= 0) + ["table"] * (
            self.bounds.table_height is not None and not self.below <= 0
        )
        return found

    def _take(self, name: str, shares: np.ndarray) -> None:
        self.worst[name] = _greater(self.worst[name], float(shares.max()))


def _greater(a: float, b: float) -> float:
    """The greater of two numbers, or what is no number, which `max` may pass over."""
    return a if b <= a or a != a else b
