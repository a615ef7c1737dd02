"""Where things are in tabletop scenes: table, cameras, and the pool of bodies. Pure numbers.

They are those of the composed scene; `on_table` and the functions with a workspace say where that is before a robot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from robots.protocol import CameraMount, RobotModel, Workspace
from robots.registry import robot
from robots.surfaces import SURFACE_FRICTION
from tasks.camera_spec import CameraSpec
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

FULL = Workspace()
"""That in which scenes are composed."""
SIZES = {"small": 0.9, "large": 1.1}
"""Scales of the objects, by name: each shape exists once in each size."""


def on_table(point: tuple[float, float], workspace: Workspace) -> tuple[float, float]:
    """Where a point (x, y) [m] of the composed scene is on the table before a robot."""
    return workspace.scale * point[0] + workspace.offset, workspace.scale * point[1]


def composed(point: tuple[float, float], workspace: Workspace) -> tuple[float, float]:
    """Which point (x, y) [m] of the composed scene is there on the table: the inverse of `on_table`."""
    return (point[0] - workspace.offset) / workspace.scale, point[1] / workspace.scale


def front_camera(size: int = IMAGE_SIZE, workspace: Workspace = FULL) -> CameraSpec:
    """The calibrated third-person camera: 1.1 m in front of the workspace, 35 degrees above it.

    The focal length (1.95 image widths) lets the smallest object span 16 px at 224 x 224 in the farthest row.
    """
    eye, target = (
        (*on_table((x, 0.0), workspace), workspace.scale * z) for x, z in ((1.43, 0.65), (0.48, 0.0))
    )
    return CameraSpec("front", size, size, 1.95 * size, eye=eye, target=target)


def wrist_camera(size: int = IMAGE_SIZE, mount: CameraMount | None = None) -> CameraSpec:
    """The camera on the hand, looking past the fingers; ``mount`` is where, None: on the default robot."""
    mount = mount or robot().wrist_camera
    return CameraSpec("wrist", size, size, size * 0.5 / math.tan(mount.field_of_view / 2))


def cameras_of(model: RobotModel, size: int = IMAGE_SIZE) -> tuple[CameraSpec, ...]:
    """All cameras of a scene with this robot; images have this width and height [px]."""
    return front_camera(size, model.workspace), wrist_camera(size, model.wrist_camera)


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
    def support_height(self) -> float:
        """Height of the surface that carries what is put on it, above its base [m]: of an object, its top."""
        return self.body.support_height * self.scale if self.is_receptacle else self.height

    @property
    def radius(self) -> float:
        """[m]"""
        return self.body.radius * self.scale


@cache
def pool(scale: float = 1.0) -> dict[str, Slot]:
    """All slots by name, in the order of the environment's body axis; ``scale`` is the workspace's."""
    things = {
        f"{name}_{size}": Slot(f"{name}_{size}", body, scale * own, False)
        for name, body in objects().items()
        for size, own in SIZES.items()
    }
    return things | {name: Slot(name, body, scale, True) for name, body in receptacles().items()}
