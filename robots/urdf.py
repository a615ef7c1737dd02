"""What a URDF says about a robot's joints: the tree of links, and the path of joints to one of them.

The part of the format that kinematics needs is small, so the standard library reads it: no robot package has to be
installed for it. Format: https://wiki.ros.org/urdf/XML/joint. Everything is in SI units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

KINDS = ("revolute", "continuous", "prismatic", "fixed")
"""Types of joints that a chain can hold; the format also knows ``planar`` and ``floating``."""


class UrdfError(ValueError):
    """A URDF that cannot be used as asked; the message is one sentence that names the file and the place in it."""


@dataclass(frozen=True, eq=False)
class UrdfJoint:
    """One joint: how its child link is placed in its parent link."""

    name: str
    kind: str
    """One of `KINDS`, or ``planar`` or ``floating``, which no chain can hold."""
    parent: str
    child: str
    position: np.ndarray
    """Origin of the joint in the parent link's frame ``[3]`` [m]."""
    rotation: np.ndarray
    """Axes of the joint's frame in the parent link's, as columns ``[3, 3]``."""
    axis: np.ndarray
    """Unit vector along which or about which it moves, in the joint's frame ``[3]``."""
    low: float
    """Lower limit [rad or m]; minus infinity for a continuous joint."""
    high: float
    """Upper limit [rad or m]; infinity for a continuous joint."""
    mimics: str | None
    """The joint that this one is coupled to."""


@dataclass(frozen=True, eq=False)
class Urdf:
    """The tree of a robot's links and joints."""

    path: Path
    links: tuple[str, ...]
    joints: tuple[UrdfJoint, ...]

    def path_to(self, tip: str, base: str | None = None) -> tuple[UrdfJoint, ...]:
        """Joints from the link ``base`` (the root of the tree, if None) to the link ``tip``, in that order.

        UrdfError when a link is missing, when ``tip`` does not hang on ``base``, or when a joint on the way is of a
        type that a serial chain cannot hold.
        """
        for link in (tip, base):
            if link is not None and link not in self.links:
                raise UrdfError(f"{self.path}: there is no link {link!r}; there are {', '.join(self.links)}")
        above = {joint.child: joint for joint in self.joints}
        found: list[UrdfJoint] = []
        link = tip
        while link != base and link in above:
            joint = above[link]
            if joint in found:
                raise UrdfError(
                    f"{self.path}: the links above {tip!r} form a loop through joint {joint.name!r}"
                )
            if joint.kind not in KINDS:
                raise UrdfError(
                    f"{self.path}: joint {joint.name!r} on the way to {tip!r} is {joint.kind}; "
                    f"a serial chain can hold {', '.join(KINDS)}"
                )
            if joint.mimics is not None:
                raise UrdfError(
                    f"{self.path}: joint {joint.name!r} on the way to {tip!r} follows joint {joint.mimics!r}; "
                    "in a serial chain every joint moves on its own"
                )
            found.append(joint)
            link = joint.parent
        if base is not None and link != base:
            raise UrdfError(
                f"{self.path}: link {tip!r} does not hang on {base!r}; the tree above it ends at {link!r}"
            )
        return tuple(reversed(found))


def read_urdf(path: Path | str) -> Urdf:
    """The links and joints of a URDF file.

    FileNotFoundError when there is none; UrdfError when it is no URDF, when a joint lacks what its type asks for, when
    it names a link that is not there, or when a link hangs on two joints (a closed loop).
    """
    path = Path(path)
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as problem:
        raise UrdfError(f"{path} is not well-formed XML ({problem}); a URDF file is needed") from None
    if root.tag != "robot":
        raise UrdfError(f"{path} holds <{root.tag}>; a URDF file holds <robot>")
    links = tuple(_attribute(path, link, "name", "a link") for link in root.findall("link"))
    joints = tuple(_joint(path, element) for element in root.findall("joint"))
    above: dict[str, str] = {}
    for joint in joints:
        for link in (joint.parent, joint.child):
            if link not in links:
                raise UrdfError(
                    f"{path}: joint {joint.name!r} names the link {link!r}, which the file does not have"
                )
        if joint.child in above:
            raise UrdfError(
                f"{path}: link {joint.child!r} hangs on two joints, {above[joint.child]!r} and {joint.name!r}; "
                "closed loops are not supported"
            )
        above[joint.child] = joint.name
    return Urdf(path, links, joints)


def _joint(path: Path, element: ElementTree.Element) -> UrdfJoint:
    name = _attribute(path, element, "name", "a joint")
    label = f"joint {name!r}"
    kind = _attribute(path, element, "type", label)
    if kind not in (*KINDS, "planar", "floating"):
        raise UrdfError(
            f"{path}: {label} is of type {kind!r}; the format knows {', '.join(KINDS)}, planar, floating"
        )
    parent, child = (
        _attribute(path, _child(path, element, tag, label), "link", f"<{tag}> of {label}")
        for tag in ("parent", "child")
    )
    origin = element.find("origin")
    xyz, rpy = (
        _vector(path, "0 0 0" if origin is None else origin.get(key, "0 0 0"), f"{key} of {label}")
        for key in ("xyz", "rpy")
    )
    axis, low, high = np.array((1.0, 0.0, 0.0)), -math.inf, math.inf
    if kind in ("revolute", "continuous", "prismatic"):
        if (given := element.find("axis")) is not None:
            axis = _vector(path, given.get("xyz", "1 0 0"), f"axis of {label}")
        if not (length := float(np.linalg.norm(axis))) > 1e-9:
            raise UrdfError(f"{path}: the axis of {label} is zero; it has to have a direction")
        axis = axis / length
    if kind in ("revolute", "prismatic"):
        limit = _child(path, element, "limit", label)
        low, high = (
            _number(path, limit.get(key, "0"), f"{key} limit of {label}") for key in ("lower", "upper")
        )
        if low > high:
            raise UrdfError(f"{path}: the lower limit of {label}, {low:g}, is above the upper one, {high:g}")
    mimic = element.find("mimic")
    return UrdfJoint(
        name, kind, parent, child, xyz, rotation_of_rpy(rpy), axis, low, high,
        mimics=None if mimic is None else mimic.get("joint", ""),
    )  # fmt: skip


def rotation_of_rpy(rpy: np.ndarray) -> np.ndarray:
    """Rotation matrix ``[3, 3]`` of roll, pitch and yaw ``[3]`` [rad] about the fixed axes x, y, z, in that order."""
    (cr, cp, cy), (sr, sp, sy) = np.cos(rpy), np.sin(rpy)
    x = np.array(((1.0, 0.0, 0.0), (0.0, cr, -sr), (0.0, sr, cr)))
    y = np.array(((cp, 0.0, sp), (0.0, 1.0, 0.0), (-sp, 0.0, cp)))
    z = np.array(((cy, -sy, 0.0), (sy, cy, 0.0), (0.0, 0.0, 1.0)))
    return z @ y @ x


def _child(path: Path, element: ElementTree.Element, tag: str, label: str) -> ElementTree.Element:
    if (found := element.find(tag)) is None:
        raise UrdfError(f"{path}: {label} has no <{tag}>, which its type asks for")
    return found


def _attribute(path: Path, element: ElementTree.Element, key: str, label: str) -> str:
    if not (value := element.get(key)):
        raise UrdfError(f"{path}: {label} has no {key!r}")
    return value


def _vector(path: Path, text: str, label: str) -> np.ndarray:
    if len(parts := text.split()) != 3:
        raise UrdfError(f"{path}: the {label} is {text!r}; three numbers are needed")
    return np.array([_number(path, part, label) for part in parts])


def _number(path: Path, text: str, label: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UrdfError(f"{path}: the {label} holds {text!r}; a finite number is needed")
    return value
