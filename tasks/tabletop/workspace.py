"""Where things are in the tabletop scene: table, cameras, and the pool of bodies. Pure numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import torch

from robots.franka import SURFACE_FRICTION
from tasks.cameras import CameraSpec
from tasks.shapes import Body, objects, receptacles

TABLE_CENTER = (0.37, 0.0)
"""Centre of the table top (x, y) in the robot base frame [m]; its surface is the plane z = 0."""
TABLE_SIZE = (1.0, 0.9, 0.05)
"""[m]"""
TABLE_PIVOT = (0.5, 0.0)
"""Point of the table top about which it tilts (x, y) [m]: the middle of where bodies lie."""
TABLE_COLOR = (0.55, 0.40, 0.25)
"""sRGB in [0, 1]."""
ROOM_COLOR = (0.35, 0.36, 0.40)
"""Of floor and wall, sRGB in [0, 1]."""
FLOOR_Z = -0.75
"""[m]"""
WALL_X = -1.3
"""Where the wall behind the robot stands [m]."""

OBJECT_REGION = ((0.34, 0.66), (-0.19, 0.19))
"""Where bodies' origins may lie: (x low, x high), (y low, y high) [m]; all of it in the front camera's view."""
CLEARANCE = 0.025
"""Least gap between the bounding circles of two bodies [m]: room for a finger."""
LEAST_CLEARANCE = 0.015
"""Less is no valid scene: fingers would not fit between [m]."""
PARKING = (0.0, 0.0, -5.0)
"""Where the bodies that an episode does not use wait: far below the floor, out of every camera's sight [m]."""

IMAGE_SIZE = 224
"""Default image width and height [px]: what InternVLA-M1 and most of its kin see."""

NOMINAL_FRICTION = 0.8
"""Sliding friction of objects against table, receptacles and fingers [1]."""
LEAST_FRICTION = SURFACE_FRICTION / 2
"""Less cannot be had on engines that average the two coefficients of a contact [1]."""

SIZES = {"small": 0.9, "large": 1.1}
"""Scales of the objects, by name: each shape exists once in each size."""


def front_camera(size: int = IMAGE_SIZE) -> CameraSpec:
    """The calibrated third-person camera: 1.1 m in front of the workspace, 35 degrees above it.

    The focal length (1.95 image widths) lets the smallest object span 16 px at 224 x 224 in the farthest row.
    """
    return CameraSpec("front", size, size, 1.95 * size, eye=(1.43, 0.0, 0.65), target=(0.48, 0.0, 0.0))


def wrist_camera(size: int = IMAGE_SIZE) -> CameraSpec:
    """The camera on the hand, looking past the fingers."""
    return CameraSpec("wrist", size, size, 0.67 * size)


WRIST_OFFSET = (0.07, 0.0, 0.02)
"""Wrist camera in the hand frame [m]: in front of the hand, where a bracket would hold it."""
WRIST_TILT = 0.35
"""Tilt of the wrist camera toward the fingertips [rad]."""


def wrist_axes() -> torch.Tensor:
    """The wrist camera's OpenCV axes in the hand frame, as columns ``[3, 3]``.

    Forward is the hand's z, tilted back to the fingers; down in the image is the hand's -x.
    """
    s, c = math.sin(WRIST_TILT), math.cos(WRIST_TILT)
    return torch.tensor(((0.0, -c, -s), (1.0, 0.0, 0.0), (0.0, -s, c)))


@dataclass(frozen=True)
class Slot:
    """A body of the pool that every environment holds; an episode uses some of them and parks the rest."""

    name: str
    body: Body
    scale: float
    is_receptacle: bool

    @property
    def height(self) -> float:
        """[m]"""
        return self.body.height * self.scale

    @property
    def radius(self) -> float:
        """[m]"""
        return self.body.radius * self.scale


@cache
def pool() -> dict[str, Slot]:
    """All slots by name, in the order of the environment's body axis."""
    things = {
        f"{name}_{size}": Slot(f"{name}_{size}", body, scale, False)
        for name, body in objects().items()
        for size, scale in SIZES.items()
    }
    return things | {name: Slot(name, body, 1.0, True) for name, body in receptacles().items()}
