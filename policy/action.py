"""What an action vector means: `ActionSpec`, checked wherever two parts exchange actions.

The bug this prevents: a policy and a robot that agree on "7 floats" and disagree on what they are. A gripper
whose sign is flipped, a rotation in the wrong frame, a delta taken against the measured pose rather than the last
command: each runs without an error and costs tens of points of success. The spec travels with every checkpoint,
dataset and connection, and `mismatches` says in plain sentences where two of them differ.

    problems = policy.action_spec.mismatches(environment.action_spec)    # [] when they mean the same
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import torch

GRIPPER = "gripper"
"""What the channel that moves the hand is called unless a spec says otherwise."""
ADDED_LATER = {"added_later": True}
"""Metadata of a field that files of older releases lack: its default means what they meant."""
Unit = Literal["m", "rad", "1"]
Frame = Literal["base", "end_effector", "joint"]
Reference = Literal["previous_command", "measured", "absolute"]


@dataclass(frozen=True)
class ActionChannel:
    """One number of an action."""

    name: str
    """What it is, in the field's words: ``dx``, ``drot_z``, ``dq3``, ``gripper``."""
    unit: Unit
    """``m``, ``rad``, or ``1`` for a dimensionless channel such as the gripper."""
    frame: Frame
    """The frame that the number is expressed in; ``joint`` for joint-space channels."""
    reference: Reference
    """What a relative channel is added to; ``absolute`` for channels that are targets themselves."""
    low: float
    """Least accepted value, in `unit`, per control step."""
    high: float
    """Greatest accepted value, in `unit`, per control step."""


@dataclass(frozen=True)
class Normalisation:
    """How a model's outputs in [-1, 1] become physical units: ``(x + 1) / 2 * (high - low) + low``.

    Channels where `mask` is False pass through unchanged (a binary gripper, usually).
    """

    scheme: Literal["min_max", "q01_q99"]
    low: tuple[float, ...]
    high: tuple[float, ...]
    mask: tuple[bool, ...]

    def denormalise(self, normalised: np.ndarray) -> np.ndarray:
        """Model outputs ``[..., A]`` to physical units; values are clipped to [-1, 1] where `mask` is set."""
        low, high = np.asarray(self.low), np.asarray(self.high)
        physical = (np.clip(normalised, -1.0, 1.0) + 1.0) / 2.0 * (high - low) + low
        return np.where(self.mask, physical, normalised)

    def normalise(self, physical: np.ndarray) -> np.ndarray:
        """Physical actions ``[..., A]`` to [-1, 1]; the inverse of `denormalise` inside the range."""
        low, high = np.asarray(self.low), np.asarray(self.high)
        span = np.where(high > low, high - low, 1.0)
        normalised = np.clip((physical - low) / span * 2.0 - 1.0, -1.0, 1.0)
        return np.where(self.mask, normalised, physical)


@dataclass(frozen=True)
class ActionSpec:
    """The meaning of an action vector, channel by channel."""

    name: str
    robot: str
    """The robot that the numbers are for, as in ``robots/<robot>``."""
    control_hz: float
    """Rate at which actions are consumed [Hz]."""
    channels: tuple[ActionChannel, ...]
    gripper_sign: Literal["+1 opens", "+1 closes"] = "+1 opens"
    """Which way +1 moves the hand, on the channel `gripper`: so do all commands above 0, and all others the other."""
    rotation: Literal["rotation_vector", "pitch_roll", "none"] = "rotation_vector"
    """Representation of the rotation channels: a rotation vector (axis times angle); or, of an arm that cannot lean its
    hand sideways, the pitch of the approach in the arm's vertical plane and the roll about the approach."""
    normalisation: Normalisation | None = None
    """Statistics of the data a model was trained on; None where actions are always physical."""
    gripper: str = field(default=GRIPPER, metadata=ADDED_LATER)
    """Channel that opens and closes the hand. A spec without a channel of the default's name moves none."""
    idle: tuple[float, ...] | None = field(default=None, metadata=ADDED_LATER)
    """Action ``[A]`` that leaves the arm where it is, hand open; None for 0 on every channel but the hand's."""

    def __post_init__(self) -> None:
        problems = self.problems()
        if problems:
            raise ValueError(f"action spec {self.name!r} is not valid: " + "; ".join(problems))

    @property
    def dim(self) -> int:
        """Number of channels."""
        return len(self.channels)

    @property
    def low(self) -> np.ndarray:
        """Least accepted values ``[A]``, physical units."""
        return np.array([channel.low for channel in self.channels])

    @property
    def high(self) -> np.ndarray:
        """Greatest accepted values ``[A]``, physical units."""
        return np.array([channel.high for channel in self.channels])

    @property
    def gripper_index(self) -> int | None:
        """Position of the channel that moves the hand; None where no channel does."""
        names = [channel.name for channel in self.channels]
        return names.index(self.gripper) if self.gripper in names else None

    @property
    def idle_action(self) -> np.ndarray:
        """Action ``[A]`` that leaves the arm where it is, hand open, float32."""
        if self.idle is not None:
            return np.array(self.idle, np.float32)
        action = np.zeros(self.dim, np.float32)
        if self.gripper_index is not None:
            action[self.gripper_index] = self.gripper_command(closed=False)
        return action

    def gripper_command(self, closed: bool) -> float:
        """What the hand's channel holds to close or to open it: +1 or -1."""
        return 1.0 if closed == (self.gripper_sign == "+1 closes") else -1.0

    def gripper_closes[Array: (np.ndarray, torch.Tensor)](self, commands: Array) -> Array:
        """Which values of the hand's channel ``[...]`` close it, bool."""
        above: Array = commands > 0
        return above if self.gripper_sign == "+1 closes" else ~above

    def closes[Array: (np.ndarray, torch.Tensor)](self, actions: Array) -> Array:
        """Which actions ``[..., A]`` close the hand ``[...]``, bool; KeyError where no channel moves it."""
        return self.gripper_closes(actions[..., self.index(self.gripper)])

    def index(self, channel: str) -> int:
        """Position of a channel by name; KeyError lists the channels there are."""
        names = [c.name for c in self.channels]
        if channel not in names:
            raise KeyError(f"action spec {self.name!r} has no channel {channel!r}; it has {', '.join(names)}")
        return names.index(channel)

    def problems(self) -> list[str]:
        """What is inconsistent in this spec, in plain sentences; empty when nothing is."""
        found = []
        names = [c.name for c in self.channels]
        if len(set(names)) != len(names):
            found.append(f"channel names repeat: {names}")
        found += [
            f"channel {c.name} has an empty range [{c.low}, {c.high}]"
            for c in self.channels
            if not c.low < c.high
        ]
        found += [
            f"channel {c.name} has a range that is not finite, [{c.low}, {c.high}]"
            for c in self.channels
            if c.low < c.high and not (math.isfinite(c.low) and math.isfinite(c.high))
        ]
        if self.gripper != GRIPPER and self.gripper not in names:
            found.append(f"there is no channel {self.gripper!r}, which is said to move the hand")
        if self.idle is not None and len(self.idle) != self.dim:
            found.append(f"idle has {len(self.idle)} values for {self.dim} channels")
        if self.idle is not None and (odd := [x for x in self.idle if not math.isfinite(x)]):
            found.append(f"idle has {odd[0]} among its values, which must be finite")
        if not 0 < self.control_hz < math.inf:
            found.append(f"control_hz must be positive, not {self.control_hz}")
        if self.normalisation is not None:
            for part in ("low", "high", "mask"):
                length = len(getattr(self.normalisation, part))
                if length != self.dim:
                    found.append(f"normalisation.{part} has {length} values for {self.dim} channels")
            statistics = (*self.normalisation.low, *self.normalisation.high)
            if odd := [x for x in statistics if not math.isfinite(x)]:
                found.append(f"normalisation has {odd[0]} among its statistics, which must be finite")
        return found

    def mismatches(self, other: ActionSpec, bounds: bool = True) -> list[str]:
        """Where ``other`` means something else, in plain sentences; normalisation is the sender's own affair.

        Bounds say which numbers are accepted, not what they mean. Without ``bounds`` they may differ: for whoever
        converts between them (`policy.action_bounds`), or takes actions of either as they were recorded.
        """
        found = []
        mine_is, theirs_is = self._called_apart(other)
        for name in ("robot", "control_hz", "gripper", "gripper_sign", "rotation"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                found.append(f"{name}: {mine_is} has {mine!r}, {theirs_is} has {theirs!r}")
        if self.dim != other.dim:
            found.append(f"{mine_is} has {self.dim} channels, {theirs_is} has {other.dim}")
            return found
        for i, (a, b) in enumerate(zip(self.channels, other.channels, strict=True)):
            for name in ("name", "unit", "frame", "reference"):
                if getattr(a, name) != getattr(b, name):
                    found.append(
                        f"channel {i} {name}: {mine_is} has {getattr(a, name)!r}, "
                        f"{theirs_is} has {getattr(b, name)!r}"
                    )
            if bounds and (a.low, a.high) != (b.low, b.high):
                found.append(
                    f"channel {i} bounds: {mine_is} accepts {a.name} from {a.low:g} to {a.high:g} {a.unit}, "
                    f"{theirs_is} {b.name} from {b.low:g} to {b.high:g} {b.unit}"
                )
        is_stated = self.idle is not None or other.idle is not None
        if is_stated and not np.array_equal(self.idle_action, other.idle_action):
            found.append(
                f"idle: {mine_is} stays where it is at {self.idle_action.tolist()}, "
                f"{theirs_is} at {other.idle_action.tolist()}"
            )
        return found

    def _called_apart(self, other: ActionSpec) -> tuple[str, str]:
        """What the two are called in a sentence about both."""
        if self.name != other.name:
            return self.name, other.name
        if self.robot != other.robot:
            return f"{self.name} of {self.robot}", f"{other.name} of {other.robot}"
        return self.name, f"the other {other.name}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; `from_dict` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ActionSpec:
        """Inverse of `to_dict`; unknown keys raise TypeError."""
        fields = dict(data)
        fields["channels"] = tuple(ActionChannel(**c) for c in fields["channels"])
        if fields.get("normalisation") is not None:
            norm: dict[str, Any] = dict(fields["normalisation"])
            norm |= {name: tuple(norm[name]) for name in ("low", "high", "mask") if name in norm}
            fields["normalisation"] = Normalisation(**norm)
        if fields.get("idle") is not None:
            fields["idle"] = tuple(fields["idle"])
        return cls(**fields)
