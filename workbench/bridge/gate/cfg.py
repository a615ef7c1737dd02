"""`GateCfg`: everything that a gate is told. What is not in here, it does not know."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from robots.collision_geometry import CollisionGeometry, collision_geometry
from robots.protocol import ArmModel
from robots.spec import JointLimits
from workbench.bridge.gate.message_checks import AgeCfg
from workbench.bridge.gate.space import Bounds
from workbench.bridge.gate.step_caps import StepCaps
from workbench.bridge.gate.watchdog import WatchdogCfg

LEAST_SCALE = 0.1


@dataclass(frozen=True)
class GateCfg:
    """Limits of one arm in one place, and how it is commanded."""

    limits: JointLimits
    """Of the arm that is connected, in full."""
    geometry: CollisionGeometry
    bounds: Bounds
    dt: float
    """Time between two setpoints, which is between two calls of `Gate.tick` [s]."""
    command_dt: float
    """Time between two commands [s]: one over the policy's rate."""
    scale: float = LEAST_SCALE
    """Share of the limits of velocity, acceleration and jerk that is used, 0.1 to 1."""
    position_margin: float = 0.02
    """Distance kept from the limits of position [rad]."""
    position_excess: float = 0.1
    """By how much a target may lie beyond that and still be taken for the limit itself [rad]; farther is refused."""
    lead: float = 0.25
    """Time in which the scaled velocities get the arm to its target at most [s]: a farther one is brought nearer. With
    it the length of every plan, and so of every way to rest, has a bound."""
    caps: StepCaps = field(default_factory=StepCaps)
    ages: AgeCfg = field(default_factory=AgeCfg)
    watchdog: WatchdogCfg = field(default_factory=WatchdogCfg)
    greatest_error: float = 0.35
    """Between what was commanded and what is measured, of any joint [rad]: beyond it the arm is not where it is taken
    to be, and is stopped. Has to have room for the drives' lag: 0.1 s at 2 rad/s are 0.2 rad."""
    gripper: tuple[float, float] = (0.0, math.inf)
    """Least and greatest width [m]."""

    def __post_init__(self) -> None:
        if not LEAST_SCALE <= self.scale <= 1:
            raise ValueError(f"scale must be from {LEAST_SCALE} to 1, not {self.scale}")
        if not 0 < self.dt <= self.command_dt:
            raise ValueError(
                f"dt must be above 0 and at most command_dt, not {self.dt} and {self.command_dt} s"
            )
        for name in ("lead", "greatest_error"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if min(self.position_margin, self.position_excess) < 0:
            raise ValueError("position_margin and position_excess must be 0 or more")
        low, high = self.limits.position_low, self.limits.position_high
        if not all(a + 2 * self.position_margin < b for a, b in zip(low, high, strict=True)):
            raise ValueError(f"a position_margin of {self.position_margin} rad leaves a joint no room")

    @classmethod
    def of(cls, model: ArmModel, bounds: Bounds, dt: float, command_dt: float, **others: Any) -> GateCfg:
        """For a robot of the registry, with its own limits unless others are given (``limits=FR3.limits``)."""
        others.setdefault("limits", model.spec.limits)
        others.setdefault("gripper", (model.gripper.min_width, model.gripper.max_width))
        return cls(geometry=collision_geometry(model), bounds=bounds, dt=dt, command_dt=command_dt, **others)
