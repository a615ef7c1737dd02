"""What things look like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain_rand.distributions import Choice, LogRange, Range
from domain_rand.factor import Factor, Value, register
from domain_rand.pictures import Pictures, files_of
from tasks.imaging.background_names import CHART, NONE
from tasks.imaging.texture_kinds import KINDS
from tasks.tabletop.composition import MAX_DISTRACTORS
from tasks.tabletop.scene import COLORS
from tasks.tabletop.workspace import ROOM_COLOR, TABLE_COLOR

NOT_RTX = {"isaac_rtx": "light and textures are done on the image by the Warp renderer's model of light"}
_MAX_BODIES = MAX_DISTRACTORS + 3


@register
class ObjectTint(Factor):
    """Shift of red, green and blue of each body from its colour word's, body by body, in sRGB."""

    name = "appearance.object_tint"
    unit = "sRGB"
    nominal = [0.0] * (3 * _MAX_BODIES)
    default = Range(-0.06, 0.06)
    because = "less than half the least distance of two colour words, 0.37, so that each keeps its name"
    legal = Range(-1.0, 1.0)
    length = 3 * _MAX_BODIES

    def apply(self, env: Any, rows: Sequence[int], values: Sequence[Value]) -> None:
        import torch

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

    def apply(self, env: Any, rows: Sequence[int], values: Sequence[Value]) -> None:
        import torch

        color = torch.tensor(values, dtype=torch.float32)[None].expand(len(self.surfaces), -1, -1)
        env.write_colors(self.surfaces, color, rows)


@register
class TableColor(_Surface):
    """Colour of the table top: middle tones, while objects have one strong channel or two."""

    name = "appearance.table_color"
    nominal = list(TABLE_COLOR)
    default = Range(0.25, 0.75)
    because = "middle tones: wood, laminate, cloth"
    surfaces = ("table",)


@register
class BackgroundColor(_Surface):
    """Colour of floor and wall."""

    name = "appearance.background_color"
    nominal = list(ROOM_COLOR)
    default = Range(0.15, 0.85)
    because = "from dark to white paint"
    surfaces = ("floor", "wall")


@register
class RobotColor(Factor):
    """Multipliers of red, green and blue of the arm's own linear colours."""

    name = "appearance.robot_color"
    unit = "x nominal"
    nominal = [1.0, 1.0, 1.0]
    default = Range(0.4, 1.0)
    because = "white shells, to the grey of covers and of shade"
    legal = Range(0.0, 1.5)
    length = 3

    def apply(self, env: Any, rows: Sequence[int], values: Sequence[Value]) -> None:
        import torch

        env.tint_robot(rows, torch.tensor(values))


class _Texture(Factor):
    """Pattern of a surface: solid, so that it goes through the body as grain goes through wood; plain is none.

    Size and place of the pattern are drawn from the episode's own random numbers. Done on the image, with the
    renderer's depth and segmentation, in the frame of the body that a pixel shows.
    """

    unit = "name"
    nominal = "plain"
    default = Choice(KINDS)
    because = "all there are"

    def apply(self, env: Any, rows: Sequence[int], values: Sequence[Value]) -> None:
        assert self.setting is not None
        env.set(self.setting, rows, [KINDS.index(value) for value in values])


@register
class ObjectTexture(_Texture):
    """Pattern of objects and receptacles."""

    name = "appearance.object_texture"
    setting = "object_texture"
    unsupported = NOT_RTX


@register
class TableTexture(_Texture):
    """Pattern of the table."""

    name = "appearance.table_texture"
    setting = "table_texture"
    unsupported = NOT_RTX


@register
class BackgroundTexture(_Texture):
    """Pattern of floor and wall."""

    name = "appearance.background_texture"
    setting = "background_texture"
    unsupported = NOT_RTX


@register
class BackgroundOverlay(Factor):
    """Picture of a real camera, by its file, that is laid under simulated robot and bodies in the front camera's image.

    Table, floor and wall are then the picture's, without shadows of what stands before it. Lens and sensor see it as
    they see the rest; a camera that is moved does not move it, so that it belongs to the place it was taken from.
    `workbench gap visual` makes such pictures. ``chart`` is a test chart, for proofs.
    """

    name = "appearance.background_overlay"
    unit = "name"
    nominal = NONE
    default = Pictures((NONE, CHART))
    because = "a real picture is somebody's own: there is none to ship"
    legal = Pictures((NONE, CHART))
    setting = "background_overlay"

    def apply(self, env: Any, rows: Sequence[int], values: Sequence[Value]) -> None:
        from tasks.imaging.backgrounds import number_of

        assert self.setting is not None
        env.set(self.setting, rows, [number_of(str(value)) for value in values])

    def content(self) -> dict[str, Any]:
        """SHA-256 of each picture's file."""
        assert self.distribution is not None, "it has a default"
        return {"pictures": files_of(self.distribution)}


@register
class LightIntensity(Factor):
    """Strength of the lamp that casts the shadows."""

    name = "appearance.light_intensity"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.6, 1.5)
    because = "two thirds of a stop either way: a lamp turned, dimmed or aged"
    legal = LogRange(0.05, 10.0)
    setting = "key_intensity"
    unsupported = NOT_RTX


@register
class LightColor(Factor):
    """Red, green and blue of that lamp."""

    name = "appearance.light_color"
    unit = "x nominal"
    nominal = [1.0, 1.0, 1.0]
    default = Range(0.75, 1.15)
    because = "red to blue from 2:3 to 3:2, about 8,000 to 5,000 K under a balance set for 6,500 K"
    legal = Range(0.0, 3.0)
    length = 3
    setting = "key_color"
    unsupported = NOT_RTX


@register
class AmbientLight(Factor):
    """Strength of the light from everywhere."""

    name = "appearance.ambient_light"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.6, 1.6)
    because = "two thirds of a stop either way: blinds, time of day"
    legal = LogRange(0.05, 10.0)
    setting = "ambient_intensity"
    unsupported = NOT_RTX


@register
class ShadowStrength(Factor):
    """How dark shadows are: 1 as rendered, 0 none. Their direction is always the same: the renderer has one lamp."""

    name = "appearance.shadow_strength"
    unit = "1"
    nominal = 1.0
    default = Range(0.0, 1.0)
    because = "from an overcast sky, which casts none, to a bare lamp"
    setting = "shadow_strength"
    unsupported = NOT_RTX


@register
class FillLight(Factor):
    """Strength of a second lamp without shadows, from any direction, against the first; each episode has its own."""

    name = "appearance.fill_light"
    unit = "x first lamp"
    nominal = 0.0
    default = Range(0.0, 0.8)
    because = "from none to a second lamp nearly as strong as the first"
    legal = Range(0.0, 5.0)
    setting = "fill_light"
    unsupported = NOT_RTX


@register
class Roughness(Factor):
    """Roughness of all surfaces: from mirror to chalk."""

    name = "appearance.roughness"
    unit = "1"
    nominal = 0.5
    default = Range(0.2, 0.9)
    because = "from polished to matt plastic"
    legal = Range(0.0, 1.0)
    unsupported = {
        "newton_warp": "its surfaces are matt, whatever their roughness",
        "isaac_rtx": "writing it at run time has not been built",
    }
