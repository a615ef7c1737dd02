"""`Driver`: what the bench may ask of a real arm, or of an emulator that speaks a real arm's protocol.

A driver carries set points to the arm and brings its state back, each quantity with the monotonic time at which it was
captured. It decides nothing: limits, workspace and stopping are the gate's (`workbench.bridge`), which stands between
a policy and every driver. What a driver adds is the arm's own protection, where its library has some.

    driver = driver_class("franka")(address="172.16.0.2")
    driver.connect()
    state = driver.state()
    driver.command(SetPoint(state.joint_pos.value, zeros, zeros))
    driver.stop()
    driver.close()

Importing this module, or a driver's, imports no driver's package: those are loaded by `connect`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from robots.entry_points import entry_points
from robots.spec import JointLimits

GROUP = "workbench.drivers"
"""Entry points under which packages register drivers: name -> ``package.module:Class``."""
OWN = {
    "franka": "robots.franka.driver:FrankaDriver",
    "so_arm": "robots.so_arm.driver:SoArmDriver",
    "wxai": "robots.wxai.driver:WxaiDriver",
}
"""Drivers of this project -> where they are."""


class DriverError(Exception):
    """The arm cannot be reached, or does not do what it is told; one sentence for the operator."""


@dataclass(frozen=True)
class Reading:
    """A measured quantity."""

    value: np.ndarray
    """Its numbers, in the unit that the field of `ArmState` states."""
    captured: float
    """When it was measured, on this machine's monotonic clock [s]."""


@dataclass(frozen=True)
class Followed:
    """What a driver that follows ways by itself says of them."""

    number: int
    """Of the `Way` that the arm is led along."""
    period: int
    """First one at which another way may still leave it: the arm is before it, or is just being led there."""
    answered: int
    """Number of the last way that came, whether it is followed or was refused."""


@dataclass(frozen=True)
class ArmState:
    """What an arm with ``n`` joints reports."""

    joint_pos: Reading
    """``[n]`` [rad]"""
    joint_vel: Reading
    """``[n]`` [rad/s]"""
    torque: Reading
    """``[n]`` [N m]; NaN where the arm does not measure it."""
    tool_pose: Reading
    """Of the tool in the base frame ``[7]``: x y z [m], quaternion x y z w; NaN where the arm does not know it."""
    gripper_width: Reading
    """``[1]`` [m]"""
    followed: Followed | None = None
    """None: the driver goes to set points, not along ways, or nothing moves."""

    @property
    def captured(self) -> float:
        """When its joints were measured [s]."""
        return self.joint_pos.captured


@dataclass(frozen=True, eq=False)
class Way:
    """A motion to rest that has been checked whole: what an arm may do if nothing more comes.

    Periods are counted through all ways: one that leaves another at a period has that one's state there, and takes
    the place of what would have come after it.
    """

    number: int
    """Of this one; later ones have higher numbers."""
    after: int | None
    """Number of the way that it leaves; None: it begins where the arm rests."""
    leaves: int
    """Period at which it begins."""
    states: Callable[[int], np.ndarray]
    """States from a period on, one a control period, the last at rest: ``[k, 3, n]``, position [rad], velocity [rad/s]
    and acceleration [rad/s^2]."""


@dataclass(frozen=True)
class SetPoint:
    """Where the joints are to be one control period from now, of an arm with ``n`` joints."""

    position: np.ndarray
    """``[n]`` [rad]"""
    velocity: np.ndarray
    """``[n]`` [rad/s]"""
    acceleration: np.ndarray
    """``[n]`` [rad/s^2]"""
    gripper: float | None = None
    """Distance between the fingertips [m]; None: as it is."""
    way: Way | None = None
    """That it lies on."""
    period: int = 0
    """Of the way."""


@runtime_checkable
class Driver(Protocol):
    """One arm. Not safe to be used by several threads at once."""

    @property
    def limits(self) -> JointLimits:
        """What the arm at hand can do, by its maker; the driver never asks more of it."""
        ...

    @property
    def home(self) -> tuple[float, ...]:
        """Where the arm waits between episodes ``[n]`` [rad]."""
        ...

    def connect(self) -> None:
        """Reach the arm, without moving it; DriverError says why it cannot be."""
        ...

    def state(self) -> ArmState:
        """The newest state; DriverError when the arm has fallen silent."""
        ...

    def set_scale(self, scale: float) -> None:
        """Let the arm's own planner, where it has one, use this share of its limits, in (0, 1]; set before it moves."""
        ...

    def command(self, point: SetPoint) -> None:
        """Move toward a set point; returns at once. DriverError when it cannot be sent.

        A driver whose arm needs commands more often than set points come follows their ways by itself, to rest where no
        more come. It takes another way only if that leaves the one that it follows, at a period that it has not gone
        beyond, or if it begins where the arm rests; else it goes on along its own. `ArmState.followed` says which it
        follows. A driver whose arm holds what it was last told needs no ways.
        """
        ...

    def stop(self) -> None:
        """Bring the arm to rest as fast as it may, and hold; whatever else fails, this is tried."""
        ...

    def close(self) -> None:
        """Let go of the arm, at rest. Never raises; may be called twice, and without `connect`."""
        ...


def names() -> tuple[str, ...]:
    """Every arm that has a driver."""
    return tuple(OWN | _registered())


def driver_class(name: str) -> type:
    """The driver of this name; DriverError lists those there are."""
    places = OWN | _registered()
    if name not in places:
        raise DriverError(f"there is no driver for {name!r}: choose one of {', '.join(places)}")
    module, _, attribute = places[name].partition(":")
    found: type = getattr(importlib.import_module(module), attribute)
    return found


def missing(package: str, extra: str) -> DriverError:
    """What to say where a driver's package is not installed."""
    return DriverError(
        f"this arm's driver needs the package {package}, which the workbench's extra [{extra}] brings: in its folder, "
        f"pip install '.[{extra}]'"
    )


def _registered() -> dict[str, str]:
    return {point.name: point.value for point in entry_points(group=GROUP) if point.name not in OWN}
