"""`TwinParameters`: in which ways the twin's reality differs from the simulator. Plain numbers, of a YAML file.

    arm: {friction: 1.5, delay_s: 0.02, encoder_bias: [0, 0.01, 0, 0, 0, 0, 0]}
    objects: {mass: 1.4, friction: 0.5}
    camera: {offset: [0.01, 0, 0], light: 0.7}

Factors multiply what the twin has without them; 1 leaves it so. Standard library alone: both environments import it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ArmParameters:
    """The arm and its servos."""

    mass: float = 1.0
    """Factor of all links' masses and inertias."""
    friction: float = 1.0
    """Factor of the joints' dry friction."""
    damping: float = 1.0
    """Factor of the joints' viscous friction."""
    stiffness: float = 1.0
    """Factor of the servos' position gains."""
    servo_damping: float = 0.3
    """Factor of the servos' velocity gains. The emulator's own, 1, makes joint 7 chatter and lags by 120 ms."""
    feed_forward: float = 1.0
    """Share of the commanded velocity that the servos are given ahead: 0 lags by 55 ms, 1 by 20."""
    delay_s: float = 0.0
    """From a command's arrival to the servos [s]."""
    encoder_bias: tuple[float, ...] = (0.0,) * 7
    """What the encoders read beyond the truth ``[7]`` [rad]; the servos know no better."""


@dataclass(frozen=True)
class ObjectParameters:
    """What lies on the table."""

    mass: float = 1.0
    """Factor of masses."""
    friction: float = 0.8
    """Sliding friction against everything [1]."""
    size: float = 1.0
    """Factor of the object's edges."""


@dataclass(frozen=True)
class GripperParameters:
    """The hand."""

    force: float = 1.0
    """Factor of the force that is asked for."""
    speed: float = 1.0
    """Factor of the speed that is asked for."""


@dataclass(frozen=True)
class CameraParameters:
    """Both cameras, and the light they see by."""

    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Of the front camera from where it is believed to be [m], base frame."""
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """The same of its axes, a rotation vector [rad]."""
    focal: float = 1.0
    """Factor of the front camera's focal length."""
    light: float = 1.0
    """Factor of the lamps' strength."""
    hue: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factors of red, green and blue of everything."""
    rate_hz: float = 15.0
    """Pictures a second [Hz]; a busy machine gives fewer."""
    size: int = 224
    """Width and height [px]."""


@dataclass(frozen=True)
class PoseSensorParameters:
    """The declared sensor of the objects' poses, as motion capture would give them."""

    rate_hz: float = 50.0
    """[Hz]"""
    position_noise: float = 0.001
    """Standard deviation of each coordinate [m]."""
    rotation_noise: float = 0.01
    """The same of a turn about each axis [rad]."""
    latency_s: float = 0.01
    """From the instant to its message [s]."""


@dataclass(frozen=True)
class TwinParameters:
    """All of them."""

    arm: ArmParameters = field(default_factory=ArmParameters)
    objects: ObjectParameters = field(default_factory=ObjectParameters)
    gripper: GripperParameters = field(default_factory=GripperParameters)
    camera: CameraParameters = field(default_factory=CameraParameters)
    pose_sensor: PoseSensorParameters = field(default_factory=PoseSensorParameters)
    seed: int = 0
    """Of the sensor's noise."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; `from_dict` is the inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TwinParameters:
        """Inverse of `to_dict`, where what is left out has its default.

        ValueError, in a sentence, for keys that there are not and for values of another kind.
        """
        kinds = {
            "arm": ArmParameters,
            "objects": ObjectParameters,
            "gripper": GripperParameters,
            "camera": CameraParameters,
            "pose_sensor": PoseSensorParameters,
        }
        _check_keys("the twin's parameters", data, (*kinds, "seed"))
        made: dict[str, Any] = {name: _section(name, kind, data.get(name)) for name, kind in kinds.items()}
        seed = data.get("seed", 0)
        if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
            raise ValueError(f"the twin's parameters: seed must be a whole number from 0 on, not {seed!r}")
        return cls(**made, seed=seed)


def _section(name: str, kind: type, given: Any) -> Any:
    if given is None:
        return kind()
    if not isinstance(given, Mapping):
        raise ValueError(f"the twin's parameters: {name} must hold keys and values, not {given!r}")
    fields = {f.name: getattr(kind(), f.name) for f in dataclasses.fields(kind)}
    _check_keys(f"the twin's parameters, {name}", given, tuple(fields))
    values = {key: _value(f"{name}.{key}", value, fields[key]) for key, value in given.items()}
    return kind(**values)


def _value(where: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        if not isinstance(value, list | tuple) or len(value) != len(default):
            raise ValueError(f"the twin's parameters: {where} must be {len(default)} numbers, not {value!r}")
        return tuple(_value(where, x, 0.0) for x in value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ValueError(f"the twin's parameters: {where} must be a number, not {value!r}")
    return int(value) if isinstance(default, int) else float(value)


def _check_keys(where: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    if odd := [str(key) for key in given if key not in known]:
        raise ValueError(f"{where}: there is no key {odd[0]!r}; there are {', '.join(known)}")
