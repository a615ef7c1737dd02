"""What is on the table, and how table and robot stand. What a scene is made of always draws: it must hold something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from domain_rand.distributions import Choice, Integers, Range
from domain_rand.factor import TASK, Factor, Value, register
from tasks.registry import find
from tasks.shapes import OBJECTS, RECEPTACLES
from tasks.tabletop.composition import (
    MAX_DISTRACTORS,
    draw_distractors,
    draw_other_receptacle,
    placed_names,
)
from tasks.tabletop.reference import JOINTS
from tasks.tabletop.scene import COLORS
from tasks.tabletop.workspace import CLEARANCE, LEAST_CLEARANCE, SIZES


@register
class TargetShape(Factor):
    """Shape of the named object."""

    name = "scene.target_shape"
    unit = "name"
    nominal = None
    default = Choice(OBJECTS)
    because = "all there are"


@register
class TargetSize(Factor):
    """Size of the named object: each shape exists in two."""

    name = "scene.target_size"
    unit = "name"
    nominal = None
    default = Choice(tuple(SIZES))
    because = "all there are"


@register
class TargetColor(Factor):
    """Colour word of the named object."""

    name = "scene.target_color"
    unit = "name"
    nominal = None
    default = Choice(tuple(COLORS))
    because = "all there are"


@register
class Receptacle(Factor):
    """Kind of the named receptacle."""

    name = "scene.receptacle"
    unit = "name"
    nominal = None
    default = Choice(RECEPTACLES)
    because = "all there are"


@register
class ReceptacleColor(Factor):
    """Colour word of the named receptacle."""

    name = "scene.receptacle_color"
    unit = "name"
    nominal = None
    default = Choice(tuple(COLORS))
    because = "all there are"


@register
class DistractorCount(Factor):
    """Number of distractor objects."""

    name = "scene.distractor_count"
    unit = "1"
    nominal = 2
    default = Integers(2, MAX_DISTRACTORS)
    because = "fewer could not share both its colour and its shape; more do not fit with room for a finger"
    legal = Integers(0, MAX_DISTRACTORS)


@register
class Distractors(Factor):
    """Which objects distract, and their colours."""

    name = "scene.distractors"
    unit = "name"
    nominal = None
    default = None
    needs = (
        "scene.target_shape",
        "scene.target_size",
        "scene.target_color",
        "scene.distractor_count",
        "scene.receptacle",
    )

    def draw(self, rng: np.random.Generator, drawn: Mapping[str, Any]) -> Value:
        return draw_distractors(rng, *(drawn[name] for name in self.needs))


@register
class OtherReceptacle(Factor):
    """A second receptacle, or ``none``."""

    name = "scene.other_receptacle"
    unit = "name"
    nominal = None
    default = None
    needs = ("scene.receptacle", "scene.receptacle_color")

    def draw(self, rng: np.random.Generator, drawn: Mapping[str, Any]) -> Value:
        return draw_other_receptacle(rng, *(drawn[name] for name in self.needs))


@register
class Clearance(Factor):
    """Least gap between the bounding circles of two bodies: how cluttered the table is."""

    name = "scene.clearance"
    unit = "m"
    nominal = CLEARANCE
    default = Range(0.02, 0.03)
    because = "a finger is 22 mm wide (robots/franka/gripper.py) and must fit between"
    legal = Range(LEAST_CLEARANCE, 0.04)


@register
class Poses(Factor):
    """x [m], y [m] and yaw [rad] of target, receptacle, distractors and second receptacle, in that order."""

    name = "scene.poses"
    unit = "m, m, rad"
    nominal = None
    default = None
    needs = (
        "scene.target_shape",
        "scene.target_size",
        "scene.target_color",
        "scene.receptacle",
        "scene.receptacle_color",
        "scene.distractors",
        "scene.other_receptacle",
        "scene.clearance",
    )

    def draw(self, rng: np.random.Generator, drawn: Mapping[str, Any]) -> Value:
        slots = [name.split(" ")[1] for name in placed_names(drawn)]
        return find(drawn[TASK]).draw_poses(rng, slots, drawn["scene.clearance"])


@register
class TableHeight(Factor):
    """Height of the table above its nominal one."""

    name = "scene.table_height"
    unit = "m"
    nominal = 0.0
    default = Range(-0.02, 0.02)
    because = "a table set up with a tape measure, on feet that can be levelled"
    legal = Range(-0.2, 0.1)
    setting = "table_height"


@register
class TableTilt(Factor):
    """Tilt of the table about its middle, as a rotation vector about x and y; gravity stays vertical."""

    name = "scene.table_tilt"
    unit = "rad"
    nominal = [0.0, 0.0]
    default = Range(-0.02, 0.02)
    because = "2 cm a metre: as far out of level as nobody notices"
    legal = Range(-0.3, 0.3)
    length = 2
    setting = "table_tilt"


@register
class TableSize(Factor):
    """Size of the table top against nominal."""

    name = "scene.table_size"
    unit = "x nominal"
    nominal = 1.0
    default = Range(1.0, 1.0)
    because = "nominal only"
    legal = Range(0.8, 1.5)
    unsupported = dict.fromkeys(
        ("ovphysx", "newton_mjwarp", "isaacsim_physx"),
        "the size of a collider is fixed when the scene is built, and one model is shared by all environments",
    )


@register
class RobotBase(Factor):
    """Displacement of the robot's base, x and y, and its turn about the vertical; table and cameras stay."""

    name = "scene.robot_base"
    unit = "m, m, rad"
    nominal = [0.0, 0.0, 0.0]
    default = Range(-0.015, 0.015)
    because = "a pedestal put on its marks by eye: 1.5 cm and 0.9 degrees"
    legal = Range(-0.2, 0.2)
    length = 3
    setting = "robot_base"


@register
class InitialArm(Factor):
    """What the arm's first posture differs from home, joint by joint."""

    name = "scene.initial_arm"
    unit = "rad"
    nominal = [0.0] * JOINTS
    default = Range(-0.05, 0.05)
    because = "3 degrees a joint: a home posture taught by hand"
    legal = Range(-0.5, 0.5)
    length = JOINTS
    setting = "initial_arm"
