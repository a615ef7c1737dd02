"""What can be identified of an arm: names, units, nominal values, priors.

A fit works with numbers in units of the prior's width: ``theta`` is 0 at its centre and 1 a standard deviation away.
Positive quantities are normal in their logarithm. ``stiffness`` is one number a joint; ``stiffness@1-4`` one factor for
joints 1 to 4; ``encoder_bias@2,4`` (in quotes for a shell that minds) one number for each of joints 2 and 4.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robots.protocol import RobotModel
from workbench.identification.motion_log import LogError


@dataclass(frozen=True)
class Kind:
    """A sort of parameter."""

    name: str
    unit: str
    jointwise: bool
    logarithmic: bool
    """Whether its logarithm is what is normal a priori."""
    spread: float
    """Standard deviation of the prior: of the logarithm, or in `unit`."""
    low: float
    """Least value: a factor of the prior's centre where logarithmic, in `unit` otherwise."""
    high: float
    says: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind("stiffness", "N m/rad", True, True, 0.7, 0.02, 50.0, "position gain of the drive"),
        Kind(
            "damping", "N m s/rad", True, True, 0.7, 0.02, 50.0,
            "velocity gain of the drive, with the joint's viscous friction: logs cannot tell them apart",
        ),
        Kind("friction", "N m", True, True, 1.0, 0.003, 30.0, "Coulomb friction"),
        Kind("armature", "kg m^2", True, True, 0.5, 0.03, 30.0, "rotor inertia seen at the joint"),
        Kind("viscous", "N m s/rad", True, True, 1.0, 0.003, 100.0, "viscous friction beside the drive's damping"),
        Kind("link_mass", "x nominal", False, True, 0.15, 0.3, 3.0, "mass and inertia of all links"),
        Kind("payload", "kg", False, False, 0.3, -0.6, 3.0, "mass at the hand that its controller does not know of"),
        Kind("delay", "s", False, False, 0.02, 0.0, 0.25, "from a command's time to the drive"),
        Kind("encoder_bias", "rad", True, False, 0.005, -0.1, 0.1, "what the encoder reads too much"),
        Kind("velocity_filter", "s", False, False, 0.002, 0.0, 0.02, "how late the velocity is that drives damp"),
        Kind("stiction", "x friction", False, False, 0.2, 0.0, 3.0, "friction at rest beyond Coulomb's, a share of it"),
        Kind("stiction_velocity", "rad/s", False, True, 0.7, 0.05, 20.0, "at which four ninths of that are left"),
    )
}  # fmt: skip
FRICTION_CENTER, VISCOUS_CENTER = 5e-4, 2e-3
"""Priors' centres of friction [N m] and viscous friction [N m s/rad] against the drive's stiffness [N m/rad] and
damping times 10: half a newton metre for 600 N m/rad and for 50 N m s/rad 1; in the logarithm wide about it."""
DELAY_CENTER_S = 0.02
VELOCITY_FILTER_CENTER_S = 0.0025
"""Loops of 1 kHz act half a millisecond late, and filter velocities over some more."""
STICTION_CENTER, STICTION_VELOCITY_CENTER = 0.2, 0.05
"""A share; [rad/s]."""
NUISANCES = ("velocity_filter", "stiction", "stiction_velocity")
"""What arms have and an engine has no name for: found beside the others where these are to be the robot's own."""
DEFAULT = "stiffness,damping,friction,armature,payload,delay,encoder_bias"


@dataclass(frozen=True)
class Parameter:
    """One number that is found."""

    name: str
    """``stiffness[3]``, ``stiffness[1-4]``, ``payload``."""
    kind: Kind
    joints: tuple[int, ...]
    """Joints that have it, from 0; empty where it is no joint's."""


class ParameterSet:
    """``P`` parameters of one robot, and what stays nominal."""

    def __init__(
        self, model: RobotModel, words: str = DEFAULT, fixed: Mapping[str, Any] | None = None
    ) -> None:
        """
        Args:
            model: the robot.
            words: which parameters, separated by commas, as the module says.
            fixed: values of others by kind, as `values` gives them for one candidate; nominal where not named.

        LogError for a word that names none.
        """
        self.model = model
        self._words = words
        self._fixed = fixed
        joints = len(model.spec.arm_joints)
        self.parameters = _parse(words, joints)
        drives = model.arm_drives
        kp, kd = np.array(drives.stiffness), np.array(drives.damping)
        zeros = np.zeros(joints)
        self.nominal: dict[str, np.ndarray] = {
            "stiffness": kp, "damping": kd, "friction": zeros, "armature": np.array(drives.armature),
            "viscous": zeros, "link_mass": np.array(1.0), "payload": np.array(0.0), "delay": np.array(0.0),
            "encoder_bias": zeros, "velocity_filter": np.array(0.0), "stiction": np.array(0.0),
            "stiction_velocity": np.array(STICTION_VELOCITY_CENTER),
        }  # fmt: skip
        self.nominal |= {name: np.asarray(value, np.float64) for name, value in (fixed or {}).items()}
        self._center: dict[str, np.ndarray] = self.nominal | {
            "friction": FRICTION_CENTER * kp,
            "viscous": 10 * VISCOUS_CENTER * kd,
            "delay": np.array(DELAY_CENTER_S),
            "payload": np.array(0.0),
            "encoder_bias": zeros,
            "velocity_filter": np.array(VELOCITY_FILTER_CENTER_S),
            "stiction": np.array(STICTION_CENTER),
            "stiction_velocity": np.array(STICTION_VELOCITY_CENTER),
        }
        self._inside = self._bounds()

    def __len__(self) -> int:
        return len(self.parameters)

    def with_nuisances(self, kinds: Sequence[str]) -> ParameterSet:
        """These, and after them those of ``kinds`` that are not among them."""
        more = [kind for kind in kinds if kind not in {p.kind.name for p in self.parameters}]
        return ParameterSet(self.model, ",".join((self._words, *more)), self._fixed)

    @property
    def names(self) -> list[str]:
        """``[P]``"""
        return [p.name for p in self.parameters]

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest ``theta`` ``[P]``."""
        return self._inside

    def values(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """Physical values of candidates by kind ``[C, J]`` or ``[C]``.

        Args:
            theta: ``[C, P]`` in prior standard deviations; is brought within the bounds.
        """
        theta = np.clip(np.atleast_2d(theta), *self._inside)
        count = len(theta)
        found = {
            name: np.broadcast_to(value, (count, *value.shape)).copy() for name, value in self.nominal.items()
        }
        for k, p in enumerate(self.parameters):
            center = self._center[p.kind.name]
            if p.kind.jointwise:
                for joint in p.joints:
                    found[p.kind.name][:, joint] = _physical(p.kind, center[joint], theta[:, k])
            else:
                found[p.kind.name][:] = _physical(p.kind, float(center), theta[:, k])
        return found

    def physical(self, theta: np.ndarray) -> np.ndarray:
        """Candidates in each parameter's own unit ``[C, P]``; a factor of several joints as that of the first."""
        values = self.values(theta)
        return np.stack([self._one(values, p) for p in self.parameters], 1)

    def theta(self, values: Mapping[str, Any]) -> np.ndarray:
        """``theta`` ``[P]`` of physical values by kind, of one arm: the inverse of `values`."""
        found = []
        for p in self.parameters:
            joint = p.joints[0] if p.kind.jointwise else None
            value = np.asarray(values[p.kind.name], np.float64)
            center = self._center[p.kind.name]
            v, c = (
                (float(value[joint]), float(center[joint]))
                if joint is not None
                else (float(value), float(center))
            )
            found.append(math.log(v / c) / p.kind.spread if p.kind.logarithmic else (v - c) / p.kind.spread)
        return np.array(found)

    def _one(self, values: Mapping[str, np.ndarray], p: Parameter) -> np.ndarray:
        value = values[p.kind.name]
        return value[:, p.joints[0]] if p.kind.jointwise else value

    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        low, high = [], []
        for p in self.parameters:
            k = p.kind
            center = float(self._center[k.name][p.joints[0]] if k.jointwise else self._center[k.name])
            if k.logarithmic:
                low.append(math.log(k.low) / k.spread)
                high.append(math.log(k.high) / k.spread)
            else:
                low.append((k.low - center) / k.spread)
                high.append((k.high - center) / k.spread)
        return np.array(low), np.array(high)


def _physical(kind: Kind, center: float, theta: np.ndarray) -> np.ndarray:
    return center * np.exp(kind.spread * theta) if kind.logarithmic else center + kind.spread * theta


def _parse(words: str, joints: int) -> tuple[Parameter, ...]:
    found: list[Parameter] = []
    for entry in re.split(r",(?!\d)", words.replace(" ", "")):
        name, at, which = entry.partition("@")
        if name not in KINDS:
            raise LogError(f"there is no parameter {name!r}: choose among {', '.join(KINDS)}")
        kind = KINDS[name]
        if not kind.jointwise:
            if at:
                raise LogError(f"{name} is no joint's: write {name}")
            found.append(Parameter(name, kind, ()))
        elif "-" in which:
            first, last = _numbers(which.split("-"), joints, entry)
            found.append(Parameter(f"{name}[{which}]", kind, tuple(range(first, last + 1))))
        else:
            chosen = _numbers(which.split(","), joints, entry) if at else list(range(joints))
            found += [Parameter(f"{name}[{j + 1}]", kind, (j,)) for j in chosen]
    taken: set[tuple[str, int]] = set()
    for p in found:
        for joint in p.joints or (-1,):
            if (p.kind.name, joint) in taken:
                raise LogError(
                    f"{p.kind.name} is named twice{'' if joint < 0 else f' for joint {joint + 1}'}"
                )
            taken.add((p.kind.name, joint))
    return tuple(found)


def _numbers(words: Sequence[str], joints: int, entry: str) -> list[int]:
    if not all(w.isdigit() and 1 <= int(w) <= joints for w in words):
        raise LogError(f"{entry}: joints are numbered from 1 to {joints}")
    return [int(w) - 1 for w in words]
