"""How far one command may lead from the one before: per joint, per distance of the tool, and per *angle* of the tool.

A cap on each number of a rotation means something only where the number is an angle. The parts of a quaternion, or the
six of two columns of a rotation matrix (the "6-D" representation), are not: clipping one of them turns the tool about
another axis. Such caps are refused when they are configured; the angle of the whole turn is capped instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

ANGLES = ("joint", "rotation_vector", "pitch_roll", "none")
"""Representations whose channels are angles, or that have none."""
NOT_ANGLES = ("quaternion", "rotation_6d")
"""Representations whose channels are none."""


@dataclass(frozen=True)
class StepCaps:
    """Greatest steps from one command to the next; infinite: no cap."""

    joint: float = 0.2
    """Of a joint [rad]; DROID's value."""
    translation: float = 0.1
    """Of the tool [m]."""
    rotation: float = 0.5
    """Of the tool: the angle of the turn [rad]."""
    channels: Mapping[str, float] = field(default_factory=dict)
    """Caps of single channels of a relative tool motion, by the channel's name, for `capped_channels`."""
    representation: str = "rotation_vector"
    """What the turn's channels are: one of `ANGLES` or `NOT_ANGLES`."""

    def __post_init__(self) -> None:
        for name in ("joint", "translation", "rotation"):
            if not getattr(self, name) > 0:
                raise ValueError(f"the cap of {name} must be above 0, not {getattr(self, name)}")
        if self.representation not in ANGLES + NOT_ANGLES:
            raise ValueError(
                f"there is no representation {self.representation!r}: choose one of {', '.join(ANGLES + NOT_ANGLES)}"
            )
        if self.representation in NOT_ANGLES:
            turning = [name for name in self.channels if is_of_rotation(name)]
            if turning:
                raise ValueError(
                    f"channel {turning[0]} belongs to a {self.representation}: a cap on one of its numbers means "
                    "nothing; cap the angle of the whole turn (`rotation`) instead"
                )
        for name, cap in self.channels.items():
            if not 0 < cap < math.inf:
                raise ValueError(f"the cap of channel {name} must be positive, not {cap}")


def is_of_rotation(channel: str) -> bool:
    """Whether a channel of this name tells a turn, by the names that `policy.action.ActionSpec` uses and others do."""
    return channel.lstrip("d").startswith(("rot", "q", "pitch", "roll", "yaw", "r6d"))


def joint_share(step: np.ndarray, caps: StepCaps) -> float:
    """Share of a step ``[J]`` [rad] that keeps within the joints' cap, 1 at most: the direction stays what it was."""
    greatest = float(np.abs(step).max())
    return 1.0 if greatest <= caps.joint else caps.joint / greatest


def tool_share(
    moved: np.ndarray, before: np.ndarray, after: np.ndarray, caps: StepCaps
) -> tuple[float, float, float]:
    """Share of a step that keeps the tool within its caps, its distance [m] and its angle [rad].

    Args:
        moved: of the tool ``[3]`` [m].
        before: rotation matrix ``[3, 3]`` of the tool before the step.
        after: and after it.
        caps: what is allowed.

    To first order: the share of the joints' step moves the tool by about that share.
    """
    distance = math.sqrt(float(moved @ moved))
    angle = turn_angle(before, after)
    shares = (1.0, caps.translation / max(distance, 1e-12), caps.rotation / max(angle, 1e-12))
    return min(shares), distance, angle


def turn_angle(before: np.ndarray, after: np.ndarray) -> float:
    """Angle of the turn between two rotation matrices ``[3, 3]`` [rad], from 0 to pi.

    From the Frobenius distance, ``|A - B| = 2 sqrt(2) sin(angle / 2)``, which keeps its digits at small angles.
    """
    return 2 * math.asin(min(1.0, float(np.linalg.norm(after - before)) / math.sqrt(8)))


def capped_channels(action: np.ndarray, names: tuple[str, ...], caps: StepCaps) -> np.ndarray:
    """A relative tool motion ``[A]`` whose capped channels are clipped; the others as they are. KeyError for a name."""
    action = np.array(action, np.float64)
    for name, cap in caps.channels.items():
        if name not in names:
            raise KeyError(f"there is no channel {name!r} to cap: channels are {', '.join(names)}")
        i = names.index(name)
        action[i] = min(max(action[i], -cap), cap)
    return action
