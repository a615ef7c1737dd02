"""What is on the table: these factors are the scene, and always draw."""

from __future__ import annotations

from domain_rand.distributions import Choice, Integers
from domain_rand.factor import Factor, register
from tasks.pick_place.compose import (
    MAX_DISTRACTORS,
    draw_distractors,
    draw_other_receptacle,
    draw_poses,
    placed_names,
)
from tasks.pick_place.scene import COLORS
from tasks.pick_place.workspace import SIZES
from tasks.shapes import objects, receptacles


@register
class TargetShape(Factor):
    """Shape of the named object."""

    name = "scene.target_shape"
    unit = "name"
    nominal = None
    default = Choice(tuple(objects()))


@register
class TargetSize(Factor):
    """Size of the named object: each shape exists in two."""

    name = "scene.target_size"
    unit = "name"
    nominal = None
    default = Choice(tuple(SIZES))


@register
class TargetColor(Factor):
    """Colour word of the named object."""

    name = "scene.target_color"
    unit = "name"
    nominal = None
    default = Choice(tuple(COLORS))


@register
class Receptacle(Factor):
    """Kind of the named receptacle."""

    name = "scene.receptacle"
    unit = "name"
    nominal = None
    default = Choice(tuple(receptacles()))


@register
class ReceptacleColor(Factor):
    """Colour word of the named receptacle."""

    name = "scene.receptacle_color"
    unit = "name"
    nominal = None
    default = Choice(tuple(COLORS))


@register
class DistractorCount(Factor):
    """Number of distractor objects."""

    name = "scene.distractor_count"
    unit = "1"
    nominal = 2
    default = Integers(2, MAX_DISTRACTORS)
    legal = Integers(0, MAX_DISTRACTORS)


@register
class Distractors(Factor):
    """Which objects distract, and their colours."""

    name = "scene.distractors"
    unit = "name"
    nominal = None
    default = None
    needs = ("scene.target_shape", "scene.target_size", "scene.target_color", "scene.distractor_count")

    def draw(self, rng, drawn):
        return draw_distractors(rng, *(drawn[name] for name in self.needs))


@register
class OtherReceptacle(Factor):
    """A second receptacle, or ``none``."""

    name = "scene.other_receptacle"
    unit = "name"
    nominal = None
    default = None
    needs = ("scene.receptacle", "scene.receptacle_color")

    def draw(self, rng, drawn):
        return draw_other_receptacle(rng, *(drawn[name] for name in self.needs))


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
    )

    def draw(self, rng, drawn):
        return draw_poses(rng, [name.split(" ")[1] for name in placed_names(drawn)])
