"""From a question on the wire to what the policy sees, and from its actions to what the client is told."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from policy.action import ActionSpec
from policy.observation_spec import StateInput
from policy.serve.client.translation import PREFIXES
from policy.serve.errors import Path, ProtocolError, shown
from policy.serve.exchange import MEASURED, Asked
from policy.serve.fields import of_kind
from policy.serve.mapping.actions import Now, written
from policy.serve.mapping.mapping import Mapping as WireMapping
from policy.serve.mapping.rotations import rotations_from

MOST_SEED = (1 << 63) - 1
LARGEST_SIDE = 4096
"""Of a picture [px]."""
ALL_MEASURED = ("states", "state")
"""Where vla-eval and starVLA have one vector for all; without a mapping it is `MEASURED`, one after the other."""


@dataclass(frozen=True)
class Row:
    """One question as the policy sees it."""

    instruction: str
    images: Mapping[str, np.ndarray]
    """Camera of the task -> ``[H, W, 3]`` uint8."""
    measured: Mapping[str, np.ndarray]
    """`MEASURED` -> vector, float32; NaN where the client does not say."""
    own: Mapping[str, Any] | None = None
    """Of a client of the bench: ``session``, ``seed`` and ``step``."""
    lacks: tuple[str, ...] = ()
    """What of `MEASURED` the client does not say."""


@dataclass(frozen=True)
class Reader:
    """Makes rows of questions: of a client of the bench by what it says itself, of others by a mapping."""

    dialect: str
    cameras: tuple[str, ...]
    """Those of the policy, in order."""
    joints: int
    """Of the arm."""
    gripper_max_width: float
    """[m]"""
    spec: ActionSpec
    mapping: WireMapping | None = None
    """What other clients' names and numbers mean; None for the bench's own."""

    @property
    def path(self) -> Path:
        """How a refusal begins."""
        return (self.dialect,)

    def row(self, asked: Asked) -> Row:
        """The question as the policy sees it.

        Raises:
            ProtocolError: Something is missing or of another kind.
        """
        images = self._images(asked)
        if asked.own is not None:
            own = self._own(asked.own)
            lengths = {
                "joint_pos": self.joints,
                "joint_vel": self.joints,
                "ee_pose": 7,
                "gripper_width": None,
            }
            measured = {
                name: self._vector(asked.own.get(name), length, name) for name, length in lengths.items()
            }
            return Row(asked.prompt, images, measured, own)
        measured = self._measured(asked)
        lacks: tuple[str, ...] = ()
        if math.isnan(np.concatenate([vector.reshape(-1) for vector in measured.values()]).max()):
            lacks = tuple(name for name, vector in measured.items() if np.isnan(vector).any())
        return Row(asked.prompt, images, measured, lacks=lacks)

    def told(self, row: Row, actions: np.ndarray) -> np.ndarray:
        """The policy's actions ``[T, A]`` as the client has them ``[S, D]``."""
        if row.own is not None or self.mapping is None:
            return actions
        wire = self.mapping.actions
        if not np.isfinite(actions).all():
            return np.full((len(actions), wire.dim or self.spec.dim), np.nan, np.float32)
        made = written(wire, self.spec, actions, self._now(row))
        if wire.normalisation is not None and wire.normalisation.dim:
            made = wire.normalisation.normalised(made)
        return made.astype(np.float32)

    def _now(self, row: Row) -> Now:
        """Where the arm is; anywhere, where what is told is relative to that in any case.

        Raises:
            ProtocolError: It matters, and the client does not say it.
        """
        assert self.mapping is not None
        wire = self.mapping.actions
        is_relative = wire.arm in ("as_task", "joint_delta") or (
            wire.arm == "tool_delta" and wire.frame == "base"
        )
        pose, joints = row.measured["ee_pose"], row.measured["joint_pos"]
        needed = joints if wire.arm.startswith("joint") else pose
        if np.isfinite(needed).all() and (wire.arm.startswith("joint") or pose[3:].any()):
            return Now(pose, joints)
        if not is_relative:
            lacking = "joint positions" if wire.arm.startswith("joint") else "the tool's pose"
            raise ProtocolError(
                self.path, f"it lacks {lacking}, which actions of {wire.arm} are counted from"
            )
        return Now(np.array([0, 0, 0, 0, 0, 0, 1.0]), np.zeros(self.joints))

    @cached_property
    def _lengths(self) -> dict[str, int]:
        return {"joint_pos": self.joints, "joint_vel": self.joints, "ee_pose": 7, "gripper_width": 1}

    @cached_property
    def _prefix(self) -> str:
        return PREFIXES.get(self.dialect, "")

    @cached_property
    def _mapped(self) -> dict[str, tuple[str, int]]:
        """Camera of the task -> its name on the wire, and by how much it is turned there."""
        if self.mapping is None:
            return self._named
        return {c.camera: (c.name, c.turn) for c in self.mapping.cameras if c.camera in self.cameras}

    @cached_property
    def _named(self) -> dict[str, tuple[str, int]]:
        return {camera: (self._prefix + camera, 0) for camera in self.cameras}

    def _images(self, asked: Asked) -> dict[str, np.ndarray]:
        named = self._mapped if asked.own is None else self._named
        by_order = "0" in asked.images and list(asked.images) == [str(i) for i in range(len(asked.images))]
        found = {}
        for at, camera in enumerate(self.cameras):
            name, turn = named.get(camera, (camera, 0))
            if by_order:
                name = str(at)
            if name not in asked.images:
                raise ProtocolError(
                    self.path, f"it lacks the picture {name!r}; it has {shown(list(asked.images))}"
                )
            picture = asked.images[name]
            height, width, channels = picture.shape if picture.ndim == 3 else (0, 0, 0)
            fits = 0 < height <= LARGEST_SIDE and 0 < width <= LARGEST_SIDE
            if picture.dtype != np.uint8 or channels != 3 or not fits:
                raise ProtocolError(
                    (*self.path, name),
                    f"it is {picture.dtype} of shape {shown(picture.shape)}, not uint8 [H, W, 3]",
                )
            found[camera] = picture[::-1, ::-1] if turn else picture
        return found

    def _own(self, own: Mapping[str, Any]) -> dict[str, Any]:
        path = (*self.path, "workbench")
        session = of_kind(own.get("session"), str, (*path, "session"))
        numbers = {name: of_kind(own.get(name), int, (*path, name)) for name in ("seed", "step")}
        for name, value in numbers.items():
            if not 0 <= value <= MOST_SEED:
                raise ProtocolError((*path, name), f"it is {value}, not from 0 to 2^63 - 1")
        return {"session": session, **numbers}

    def _vector(self, value: object, length: int | None, name: str) -> np.ndarray:
        good = isinstance(value, np.ndarray | np.generic | float | int) and not isinstance(value, bool)
        vector = np.asarray(value) if good else np.zeros(0)
        wanted = () if length is None else (length,)
        if not good or vector.dtype.kind not in "fiu" or vector.shape != wanted:
            raise ProtocolError(
                (*self.path, name),
                f"it is {shown(vector.shape if good else value)}, not numbers of shape {wanted}",
            )
        return single(vector)

    def _measured(self, asked: Asked) -> dict[str, np.ndarray]:
        lengths, found = self._lengths, dict[str, np.ndarray]()
        if self.mapping is not None:
            found = {name: _unknown(length) for name, length in lengths.items()}
            for names, parts in self.mapping.state.items():
                values = [self._flat(asked.state, name.strip()) for name in names.split(",")]
                if None not in [v if v is None else 0 for v in values]:
                    self._take(np.concatenate([v for v in values if v is not None]), parts, found, names)
        else:
            whole = next(
                (self._flat(asked.state, name) for name in ALL_MEASURED if name in asked.state), None
            )
            if whole is not None:
                if whole.shape != (sum(lengths.values()),):
                    raise ProtocolError(
                        self.path,
                        f"its state has {whole.size} numbers, not {sum(lengths.values())}: {', '.join(MEASURED)}",
                    )
                ends = np.cumsum(list(lengths.values()))[:-1]
                found |= dict(zip(lengths, np.split(whole, ends), strict=True))
            prefix = self._prefix.replace("video.", "state.")
            for name, length in lengths.items():
                vector = self._flat(asked.state, prefix + name)
                if vector is not None:
                    if vector.shape != (length,):
                        raise ProtocolError(
                            (*self.path, prefix + name), f"it has {vector.size} numbers, not {length}"
                        )
                    found[name] = vector
            found = {n: found[n] if n in found else _unknown(length) for n, length in lengths.items()}
        found["gripper_width"] = found["gripper_width"].reshape(())
        return found

    def _flat(self, state: Mapping[str, np.ndarray], name: str) -> np.ndarray | None:
        value = state.get(name)
        if value is None:
            return None
        vector = np.asarray(value)
        if vector.dtype == np.float32 and vector.dtype.isnative and vector.ndim == 1 and vector.size <= 1024:
            return vector
        if vector.dtype.kind not in "fiu" or vector.size > 1024:
            raise ProtocolError(
                (*self.path, name), f"it is {vector.dtype} of shape {shown(vector.shape)}, not a vector"
            )
        return single(vector.reshape(-1))

    def _take(
        self, vector: np.ndarray, parts: tuple[StateInput, ...], found: dict[str, np.ndarray], name: str
    ) -> None:
        """Sort the parts of a state vector into what was measured."""
        widths = [part.width(self.joints) for part in parts]
        if vector.size != sum(widths):
            raise ProtocolError((*self.path, name), f"it has {vector.size} numbers, not {sum(widths)}")
        for part, values in zip(parts, np.split(vector, np.cumsum(widths)[:-1]), strict=True):
            if part.quantity in ("joint_pos", "joint_vel"):
                found[part.quantity] = np.radians(values) if part.form.startswith("deg") else values
            elif part.quantity == "ee_position":
                found["ee_pose"][:3] = values / (1000 if part.form == "mm" else 1)
            elif part.quantity == "ee_rotation":
                try:
                    found["ee_pose"][3:] = rotations_from(values[None].astype(float), part.form).as_quat()[0]  # type: ignore[arg-type]
                except ValueError:
                    raise ProtocolError((*self.path, name), "its numbers are no rotation") from None
            else:
                found["gripper_width"] = np.asarray(
                    WIDTHS[part.form](values.astype(float), self.gripper_max_width), np.float32
                ).reshape(-1)[:1]


def _unknown(length: int) -> np.ndarray:
    return np.full(length, np.nan, np.float32)


def single(vector: np.ndarray) -> np.ndarray:
    """As float32; what is beyond its range is infinite, as it is for the policy."""
    if vector.dtype == np.float32 and vector.dtype.isnative:
        return vector
    with np.errstate(over="ignore"):
        return vector.astype(np.float32)


WIDTHS: Mapping[str, Callable[[np.ndarray, float], Any]] = {
    "m": lambda v, most: v[0],
    "mm": lambda v, most: v[0] / 1000,
    "open": lambda v, most: v[0] * most,
    "closed": lambda v, most: (1 - v[0]) * most,
    "fingers": lambda v, most: v[0] + v[1],
    "fingers_opposed": lambda v, most: v[0] - v[1],
}
"""Form of a gripper's state -> distance between the fingertips [m]."""
