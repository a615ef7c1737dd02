"""Is a command well formed, finite, fresh, and in its turn? The gate's first checks; none looks at the robot."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from workbench.bridge.gate.messages import Check, Command

AHEAD = 1e-3
"""By how much a time may lie ahead of the clock [s]: both are read from it, one after the other."""
LONGEST_GAP = 100_000
"""Greatest step of a sequence number: one wild number must not make all later ones look late."""


@dataclass(frozen=True)
class AgeCfg:
    """How old a command may be."""

    command: float = 0.2
    """Since it was issued [s]."""
    observation: float = 1.0
    """Since what it answers was captured [s]."""

    def __post_init__(self) -> None:
        if not 0 < self.command <= self.observation < math.inf:
            raise ValueError(
                f"ages must be above 0, and a command's at most its observation's, not {self.command} and "
                f"{self.observation} s"
            )


def objection(
    command: Command, joints: int, last_seq: int | None, now: float, ages: AgeCfg
) -> tuple[Check, str] | None:
    """The first thing that is wrong with a message, and a sentence about it; None when nothing is.

    Args:
        command: as it came; its fields may be anything.
        joints: ``J``.
        last_seq: of the last command that passed; None: none did.
        now: time [s].
        ages: how old it may be.
    """
    if (problem := _schema(command, joints)) is not None:
        return Check.SCHEMA, problem
    numbers = [*command.position.tolist(), command.captured, command.issued]
    numbers += [] if command.gripper is None else [command.gripper]
    if not all(math.isfinite(x) for x in numbers):
        odd = next(x for x in numbers if not math.isfinite(x))
        return Check.FINITE, f"the command holds {odd}: finite numbers are needed"
    if (problem := _age(command, now, ages)) is not None:
        return Check.AGE, problem
    if last_seq is not None and command.seq <= last_seq:
        kind = "came twice" if command.seq == last_seq else f"came after {last_seq}"
        return Check.SEQUENCE, f"command {command.seq} {kind}"
    if last_seq is not None and command.seq - last_seq > LONGEST_GAP:
        return (
            Check.SEQUENCE,
            f"command {command.seq} leaves out {command.seq - last_seq - 1} after {last_seq}",
        )
    return None


def _schema(command: Command, joints: int) -> str | None:
    position = command.position
    if not isinstance(position, np.ndarray) or position.dtype.kind not in "fiu":
        return f"the command's position is no array of real numbers but {_kind(position)}"
    if position.shape != (joints,):
        return f"the command's position has the shape {list(position.shape)}: the arm has {joints} joints"
    if not isinstance(command.seq, int) or isinstance(command.seq, bool) or command.seq < 0:
        return f"the command's number is no whole number from 0 on but {_kind(command.seq)}"
    for name in ("captured", "issued", "gripper"):
        value = getattr(command, name)
        if name == "gripper" and value is None:
            continue
        if not isinstance(value, int | float | np.floating) or isinstance(value, bool):
            return f"the command's {name!r} is no number but {_kind(value)}"
    return None


def _age(command: Command, now: float, ages: AgeCfg) -> str | None:
    if command.issued > now + AHEAD:
        return f"the command is dated {command.issued - now:.3f} s ahead"
    if command.captured > command.issued + AHEAD:
        return f"the command was issued {command.captured - command.issued:.3f} s before what it answers was captured"
    if now - command.issued > ages.command:
        return f"the command is {now - command.issued:.3f} s old: at most {ages.command:g} s are allowed"
    if now - command.captured > ages.observation:
        return (
            f"what the command answers was captured {now - command.captured:.3f} s ago: at most "
            f"{ages.observation:g} s are allowed"
        )
    return None


def _kind(value: object) -> str:
    """What something is, in a few characters; its own text may be of any length."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    if isinstance(value, int) and not isinstance(value, bool):
        return "a negative one" if value < 0 else "too large a one"
    return f"of type {type(value).__name__}"
