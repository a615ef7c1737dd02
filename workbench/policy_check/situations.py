"""Scripted situations: where the tool stands, how it is turned, and whether it holds the object.

Each is the same in every scene relative to the scene's goal, the point over the object that is to be grasped, so what a
sound policy does is known: it moves toward the goal, turns its hand as it grasps, keeps it open on the way and closed
around the object. Two situations that differ in one thing make a pair: what is not known of the policy, such as where
exactly it would like to be, is the same in both and cancels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Vector = tuple[float, float, float]
OVER = 0.08
"""Height of the goal over the place where the object is grasped, at full size [m]."""
SIDE = 0.10
"""How far beside the goal the tool stands, at full size [m]."""
FAR, NEAR = 0.18, 0.045
"""The same, for what needs a long way and a short one [m]."""
HIGHER, LOWER = 0.11, -0.05
"""How far over and under the goal, seen from the side [m]."""
TILT, YAW = 0.30, 0.45
"""How far the hand is turned: tilted, and about its approach [rad]."""
HEADING = math.radians(60)
"""How far it is turned to either side to tell frames [rad]."""
LIFTED = 0.12
"""How high the object is held over where it lay, at full size [m]."""


@dataclass(frozen=True)
class Situation:
    """Relative to the goal of each scene; lengths at full size, smaller robots have smaller ones."""

    offset: Vector = (0.0, 0.0, 0.0)
    """Of the tool from the goal, base frame [m]."""
    turn: tuple[float, ...] = ()
    """Of the hand from how it grasps, one number a turning channel of the action spec [rad]; none for 0."""
    heading: float = 0.0
    """About the approach, before that [rad]."""
    holds: bool = False
    """Whether the hand is closed around the object; open otherwise."""
    at_grasp: bool = False
    """Whether the tool is where it grasps, and not over it."""


def beside(axis: int, sign: int, way: float = SIDE, heading: float = 0.0) -> Situation:
    """The tool beside the goal along x (0) or y (1); along z (2) over or under, to one side."""
    if axis == 2:
        return Situation((0.0, SIDE, HIGHER if sign > 0 else LOWER), heading=heading)
    offset = [0.0, 0.0, 0.0]
    offset[axis] = sign * way
    return Situation((offset[0], offset[1], offset[2]), heading=heading)


def turned(channel: int, sign: int, count: int, angle: float, heading: float = 0.0) -> Situation:
    """The hand over the goal, turned along one of ``count`` turning channels."""
    return Situation(turn=tuple(sign * angle * (k == channel) for k in range(count)), heading=heading)


OPEN = Situation()
"""Over the object, hand open."""
HOLDING = Situation((0.0, 0.0, LIFTED - OVER), holds=True)
"""The object lifted in the closed hand."""
AT_GRASP = Situation(at_grasp=True)
"""The open hand around the object."""
