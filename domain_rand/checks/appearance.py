"""Proof of the appearance factors: light that reaches the camera, against the renderer's own model of light."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from domain_rand.checks.check import Outcome, check
from domain_rand.checks.trial import CUBE, TABLE_SCENE, Trial
from domain_rand.factor import Value
from tasks.cameras import back_project
from tasks.imaging.backgrounds import chart
from tasks.imaging.color import srgb_to_linear
from tasks.imaging.patterns import multiplier
from tasks.imaging.shading import AMBIENT, LAMP, SHADOW_VISIBILITY, SKY
from tasks.imaging.texture_kinds import KINDS
from tasks.tabletop.imaging import FIXED_BODIES
from tasks.tabletop.scene import COLORS
from tasks.tabletop.workspace import ROOM_COLOR, TABLE_COLOR

GREEN = 1
SKYLIGHT, LAMPLIGHT = AMBIENT * SKY[GREEN], LAMP[2]
"""Green light that a horizontal surface gets from the sky and from the lamp."""


def _linear(value: float) -> float:
    return float(srgb_to_linear(torch.tensor(value)))


def _against_nominal(levels: torch.Tensor, values: Sequence[Value], nominal: Value) -> torch.Tensor:
    """Levels ``[N]`` against that of the environment that holds the nominal value."""
    return levels / levels[list(values).index(nominal)]


def _drawn_color(trial: Trial, what: str) -> torch.Tensor:
    trial.idle(2)
    trial.env.image("front")
    return trial.mean(trial.drawn(), trial.mask(what))


TABLE, ROOM = list(TABLE_COLOR), list(ROOM_COLOR)


@check("appearance.table_color", "green light from the table, against nominal", "1", relative=0.02,
       levels=([0.25] * 3, TABLE, [0.75] * 3), cameras=True)  # fmt: skip
def table_light(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """A matt surface sends back light in proportion to its linear colour."""
    light = _drawn_color(trial, "table")[:, GREEN]
    return _against_nominal(light, values, TABLE), [_linear(v[GREEN]) / _linear(TABLE[GREEN]) for v in values]


@check("appearance.background_color", "green light from the wall, against nominal", "1", relative=0.02,
       levels=([0.15] * 3, ROOM, [0.85] * 3), cameras=True)  # fmt: skip
def wall_light(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """As for the table."""
    light = _drawn_color(trial, "wall")[:, GREEN]
    return _against_nominal(light, values, ROOM), [_linear(v[GREEN]) / _linear(ROOM[GREEN]) for v in values]


NO_TINT = [0.0] * 21


@check("appearance.object_tint", "red light from the red cube, against nominal", "1", relative=0.03,
       levels=([-0.06] * 21, NO_TINT, [0.06] * 21), cameras=True)  # fmt: skip
def cube_light(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """The tint shifts the sRGB value of the colour word."""
    light = _drawn_color(trial, CUBE)[:, 0]
    red = COLORS[TABLE_SCENE.target.color][0]
    return _against_nominal(light, values, NO_TINT), [_linear(red + v[0]) / _linear(red) for v in values]


WHITE = [1.0, 1.0, 1.0]


@check("appearance.robot_color", "red light from the arm, against nominal", "1", relative=0.02,
       levels=([0.4, 1.0, 1.0], WHITE, [0.7, 1.0, 1.0]), cameras=True)  # fmt: skip
def arm_light(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """Every material's linear colour is multiplied."""
    light = _drawn_color(trial, "robot")[:, 0]
    return _against_nominal(light, values, WHITE), [v[0] for v in values]


def _lit_table(trial: Trial) -> torch.Tensor:
    """Green light from the table where no shadow falls ``[N]``: most of it."""
    trial.idle(2)
    picture, mask = trial.picture(), trial.mask("table")
    return torch.stack([image[where][:, GREEN].median() for image, where in zip(picture, mask, strict=True)])


@check(
    "appearance.light_intensity", "light from the table, against nominal", "1", relative=0.03, cameras=True
)
def lamp_on_table(trial: Trial, values: Sequence[float]) -> Outcome:
    """Sky and lamp add up."""
    light = _against_nominal(_lit_table(trial), values, 1.0)
    return light, [(SKYLIGHT + v * LAMPLIGHT) / (SKYLIGHT + LAMPLIGHT) for v in values]


@check("appearance.ambient_light", "light from the table, against nominal", "1", relative=0.03, cameras=True)
def sky_on_table(trial: Trial, values: Sequence[float]) -> Outcome:
    """Sky and lamp add up."""
    light = _against_nominal(_lit_table(trial), values, 1.0)
    return light, [(v * SKYLIGHT + LAMPLIGHT) / (SKYLIGHT + LAMPLIGHT) for v in values]


@check("appearance.light_color", "light from the table, against nominal", "1", relative=0.03,
       levels=([0.75] * 3, WHITE, [1.15] * 3), cameras=True)  # fmt: skip
def lamp_color_on_table(trial: Trial, values: Sequence[list[float]]) -> Outcome:
    """As for the lamp's strength, colour by colour; this is green."""
    light = _against_nominal(_lit_table(trial), values, WHITE)
    return light, [(SKYLIGHT + v[GREEN] * LAMPLIGHT) / (SKYLIGHT + LAMPLIGHT) for v in values]


@check("appearance.fill_light", "light from the table, against nominal", "1", relative=0.03, cameras=True)
def second_lamp_on_table(trial: Trial, values: Sequence[float]) -> Outcome:
    """It adds its strength times the sine of its elevation."""
    light = _against_nominal(_lit_table(trial), values, 0.0)
    elevation = trial.env.imaging.pipelines["front"].lighting.fill_direction[:, 1]
    whole = SKYLIGHT + LAMPLIGHT
    return light, [(whole + v * math.sin(float(e))) / whole for v, e in zip(values, elevation, strict=True)]


@check("appearance.shadow_strength", "darkest against brightest light from the table", "1", absolute=0.03,
       levels=(0.0, 0.5, 1.0), cameras=True)  # fmt: skip
def shadow_depth(trial: Trial, values: Sequence[float]) -> Outcome:
    """Where the lamp is hidden, a share of its light is left."""
    trial.idle(2)
    picture, mask = trial.picture(), trial.mask("table")
    ratios = []
    for image, where in zip(picture, mask, strict=True):
        light = image[where][:, GREEN]
        ratios.append(float(torch.quantile(light, 0.02) / torch.quantile(light, 0.5)))
    left = [1 - v * (1 - SHADOW_VISIBILITY) for v in values]
    return ratios, [(SKYLIGHT + share * LAMPLIGHT) / (SKYLIGHT + LAMPLIGHT) for share in left]


def _even_light(trial: Trial, what: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Green light delivered and drawn ``[N, H, W]``, and the pixels of a body beside all edges of light and shadow."""
    picture, plain = trial.picture()[..., GREEN], trial.drawn()[..., GREEN].clamp(1e-3, 1.0)
    around = torch.nn.functional.avg_pool2d(plain[:, None], 5, 1, 2, count_include_pad=False)[:, 0]
    return picture, plain, trial.mask(what) & ((plain - around).abs() < 0.01 * plain)


def _pattern_match(trial: Trial, what: str, height: float) -> list[float]:
    """Correlation of light with the pattern at the points of a horizontal plane that the pixels show."""
    trial.idle(2)
    env, name = trial.env, "front"
    # Coarse patterns, so that none falls between the pixels.
    textures = env.imaging.pipelines[name].textures
    env.imaging.pipelines[name].set(
        "texture_scale", range(trial.num_envs), torch.full_like(textures.texture_scale, 0.08)
    )
    picture, plain, inside = _even_light(trial, what)
    pipeline, matches = env.imaging.pipelines[name], []
    position, rotation = env.camera_position[name], env.camera_rotation[name]
    for row in range(trial.num_envs):
        v, u = inside[row].nonzero().unbind(1)
        pixels = torch.stack((u, v), 1).float() + 0.5
        count = len(pixels)
        points = back_project(
            pixels,
            position[row].expand(count, 3),
            rotation[row].expand(count, 3, 3),
            pipeline.calibration[row],
            torch.full((count,), height),
        )
        body = env.imaging.bodies + FIXED_BODIES.index(what)
        settings = pipeline.textures.rows([row])
        predicted = multiplier(
            points,
            settings.texture[:, body].expand(count),
            settings.texture_seed[:, body].expand(count),
            settings.texture_scale[:, body].expand(count),
        )
        seen = picture[row, v, u] / plain[row, v, u]
        matches.append(float(np.corrcoef(seen.numpy(), predicted.flatten().numpy())[0, 1]))
    return matches


PATTERNS = tuple(kind for kind in KINDS if kind != "plain")


@check("appearance.table_texture", "correlation of the table's light with the pattern there", "1", absolute=0.1,
       levels=PATTERNS, cameras=True)  # fmt: skip
def table_pattern(trial: Trial, values: Sequence[str]) -> Outcome:
    """The pattern at the points of the table's plane, found from the camera's calibration alone."""
    return _pattern_match(trial, "table", 0.0), [1.0] * len(values)


def _contrast(trial: Trial, what: str) -> list[float]:
    """Spread of the light's change by texture over a body, against its mean."""
    trial.idle(2)
    picture, plain, inside = _even_light(trial, what)
    change = picture / plain
    return [float(c[m].std() / c[m].mean()) for c, m in zip(change, inside, strict=True)]


@check("appearance.object_texture", "whether light changes over the cube", "name", levels=KINDS, cameras=True)
def cube_pattern(trial: Trial, values: Sequence[str]) -> Outcome:
    """Plain does not, patterns do: by 3 % and more."""
    found = ["varies" if c > 0.03 else "even" for c in _contrast(trial, CUBE)]
    return found, ["even" if v == "plain" else "varies" for v in values]


@check("appearance.background_overlay", "what the wall shows", "name", levels=("none", "chart"), cameras=True)
def laid_under(trial: Trial, values: Sequence[str]) -> Outcome:
    """The chart's codes, to one, where the image shows the wall; the wall's own even colour without it."""
    trial.idle(2)
    image, mask = trial.env.image("front"), trial.mask("wall")
    shown = torch.from_numpy(chart(image.shape[2])).to(image.device)
    seen = []
    for picture, where in zip(image, mask, strict=True):
        off = (picture.int() - shown.int()).abs()[where].float()
        seen.append("chart" if float(off.median()) <= 1 else "none")
    return seen, list(values)


@check(
    "appearance.background_texture", "whether light changes over the wall", "name", levels=KINDS, cameras=True
)
def wall_pattern(trial: Trial, values: Sequence[str]) -> Outcome:
    """Plain does not, patterns do: by 3 % and more."""
    found = ["varies" if c > 0.03 else "even" for c in _contrast(trial, "wall")]
    return found, ["even" if v == "plain" else "varies" for v in values]
