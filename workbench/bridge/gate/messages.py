"""What goes into the gate and what comes out. Joint vectors are ``[J]``, base to tip; times are of one clock [s]."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from robots.driver import Way


class GateError(ValueError):
    """The gate cannot do what its operator or its configuration asks; the message is one sentence."""


@dataclass(frozen=True, eq=False)
class Command:
    """Where a policy, or whoever drives, wants the arm to be next."""

    position: np.ndarray
    """Joint positions ``[J]`` [rad]."""
    seq: int
    """Number of the command; each is higher than the one before."""
    captured: float
    """When the observation was captured that the command answers [s]; where there is none, when it was issued."""
    issued: float
    """When the command was made [s]."""
    gripper: float | None = None
    """Width of the gripper [m]; None leaves it as it is."""


@dataclass(frozen=True, eq=False)
class MeasuredState:
    """What the driver measured."""

    position: np.ndarray
    """Joint positions ``[J]`` [rad]."""
    captured: float
    """When [s]."""


class Check(StrEnum):
    """Everything for which the gate steps in, in the order in which it looks."""

    MODE = "mode"
    SCHEMA = "schema"
    FINITE = "finite"
    AGE = "age"
    SEQUENCE = "sequence"
    JOINT_LIMITS = "joint_limits"
    STEP_CAP = "step_cap"
    TRAJECTORY = "trajectory"
    WORKSPACE = "workspace"
    TABLE = "table"
    KEEP_OUT = "keep_out"
    SELF_COLLISION = "self_collision"
    STOPPING_PATH = "stopping_path"
    WATCHDOG = "watchdog"
    TRACKING = "tracking"
    OPERATOR = "operator"
    FAULT = "fault"
    LATE = "late"


class Verdict(StrEnum):
    """What became of a command."""

    ACCEPTED = "accepted"
    CHANGED = "changed"
    REFUSED = "refused"


class Mode(StrEnum):
    """What the gate is doing."""

    MOVING = "moving"
    """It follows commands."""
    HOLDING = "holding"
    """Something is silent: it has braked, and goes on by itself with the next fresh command."""
    STOPPED = "stopped"
    """The operator stopped it, or it has not begun: it has braked, and waits for `Gate.acknowledge` (or `reset`)."""
    LATCHED = "latched"
    """Something is wrong, or was silent for too long: it has braked, and waits for `Gate.acknowledge`."""


@dataclass(frozen=True)
class Intervention:
    """One time that the gate changed, refused or stopped something."""

    check: Check
    sentence: str
    """Why, for the operator and the log."""
    at: float
    """When [s]."""
    seq: int | None = None
    """Of the command concerned."""


@dataclass(frozen=True, eq=False)
class Decision:
    """What became of a command; ``reasons`` is empty for one that was accepted as it is, and only then."""

    verdict: Verdict
    target: np.ndarray | None
    """Joint positions ``[J]`` [rad] that the arm now goes to; None when refused: it goes on as before."""
    interventions: tuple[Intervention, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it was changed or refused, in sentences."""
        return tuple(intervention.sentence for intervention in self.interventions)


@dataclass(frozen=True, eq=False)
class Setpoint:
    """What the driver is to command for one control period."""

    position: np.ndarray
    """``[J]`` [rad]"""
    velocity: np.ndarray
    """``[J]`` [rad/s]"""
    acceleration: np.ndarray
    """``[J]`` [rad/s^2]"""
    gripper: float | None
    """Width [m]; None: never told."""
    mode: Mode
    at_rest: bool
    """Whether the arm is commanded to stand still from here on."""
    interventions: tuple[Intervention, ...]
    """Since the last setpoint, those of commands among them."""
    way: Way | None = None
    """The plan that it lies on, and its way to rest."""
    period: int = 0
    """Of the way."""
