"""What things look like."""

from __future__ import annotations

import torch

from domain_rand.distributions import Range
from domain_rand.factor import Factor, register
from tasks.pick_place.compose import MAX_DISTRACTORS
from tasks.pick_place.scene import COLORS

_MAX_BODIES = MAX_DISTRACTORS + 3


@register
class ObjectTint(Factor):
    """Shift of red, green and blue of each body from its colour word's, body by body, in sRGB."""

    name = "appearance.object_tint"
    unit = "sRGB"
    nominal = [0.0] * (3 * _MAX_BODIES)
    default = Range(-0.06, 0.06)
    legal = Range(-1.0, 1.0)
    length = 3 * _MAX_BODIES

    def apply(self, env, rows, values):
        names = list(env.slots)
        color = torch.full((len(names), len(rows), 3), 0.5)
        for i, (row, tint) in enumerate(zip(rows, values, strict=True)):
            shifts = torch.tensor(tint).view(-1, 3)
            for shift, p in zip(shifts, env.scenes[row].placements, strict=False):
                color[env.slot_index[p.slot], i] = (torch.tensor(COLORS[p.color]) + shift).clamp(0.0, 1.0)
        env.write_colors(names, color, rows)


class _Surface(Factor):
    """Red, green and blue of a fixed surface."""

    unit = "sRGB"
    legal = Range(0.0, 1.0)
    length = 3
    surfaces: tuple[str, ...]

    def apply(self, env, rows, values):
        color = torch.tensor(values, dtype=torch.float32)[None].expand(len(self.surfaces), -1, -1)
        env.write_colors(self.surfaces, color, rows)


@register
class TableColor(_Surface):
    """Colour of the table top: middle tones, while objects have one strong channel or two."""

    name = "appearance.table_color"
    nominal = [0.55, 0.40, 0.25]
    default = Range(0.25, 0.75)
    surfaces = ("table",)


@register
class BackgroundColor(_Surface):
    """Colour of floor and wall."""

    name = "appearance.background_color"
    nominal = [0.35, 0.36, 0.40]
    default = Range(0.15, 0.85)
    surfaces = ("floor", "wall")
