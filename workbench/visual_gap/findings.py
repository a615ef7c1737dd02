"""`Finding`: one measure of one camera, beside the factor of the catalogue that covers it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.visual_gap.camera_fit import CameraFit
from workbench.visual_gap.color import ColorGap
from workbench.visual_gap.measures import CameraGap
from workbench.visual_gap.noise import NoiseGap
from workbench.visual_gap.pairs import FIXED, ROBOT, srgb_to_linear, to_display
from workbench.visual_gap.sharpness import SharpnessGap

if TYPE_CHECKING:
    from workbench.visual_gap.depth import DepthGap

BODIES = "appearance.object_tint"
SURFACES = {
    "table": "appearance.table_color",
    "floor": "appearance.background_color",
    "wall": "appearance.background_color",
    ROBOT: "appearance.robot_color",
}
LIGHT = "pictures do not tell exposure from light: appearance.light_intensity would do as well"
HAND = "no factor moves the camera on the hand"
ADDED = "no factor adds light; camera.gamma below 1 lifts dark tones as well"
SHARPER = "the real picture is sharper, and no factor sharpens"
COMPRESSED = "simulated pictures went through the same; camera.jpeg_quality if a policy gets such pictures"

Triple = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
"""Values, and the ends of their 95 % intervals, component by component."""


@dataclass(frozen=True)
class Finding:
    """What was found."""

    camera: str
    measure: str
    unit: str
    value: tuple[float, ...]
    low: tuple[float, ...]
    """Of the 95 % intervals."""
    high: tuple[float, ...]
    nominal: float
    """What would be no gap."""
    factor: str = ""
    """Of the catalogue; empty where none covers it."""
    span: tuple[tuple[float, float], ...] = ()
    """What a range of the factor has to hold, in its unit, component by component."""
    note: str = ""
    surface: str = ""
    """Whose colour it is, of `workbench.visual_gap.pairs.Pairs.names`."""

    @property
    def differs(self) -> bool:
        """Whether some component's interval does not hold "no gap"."""
        return any(not a <= self.nominal <= b for a, b in zip(self.low, self.high, strict=True))


def findings(gap: CameraGap, colors: Mapping[str, tuple[float, float, float]]) -> list[Finding]:
    """Every measure of a camera.

    Args:
        gap: what was measured.
        colors: what is painted with which colour in the simulation, sRGB in [0, 1].
    """
    made: list[Finding] = []
    if gap.fit is not None:
        made += _of_camera(gap.camera, gap.fit, gap.stands)
    if gap.color is not None:
        made += _of_color(gap.camera, gap.color, colors)
    if gap.noise is not None:
        made += _of_noise(gap.camera, gap.noise)
    if gap.sharpness is not None:
        made.append(_of_sharpness(gap.camera, gap.sharpness))
    if gap.depth is not None:
        made += _of_depth(gap.camera, gap.depth)
    if gap.jpeg_quality is not None:
        q = (float(gap.jpeg_quality),)
        made.append(Finding(gap.camera, "quality of the log's own JPEG", "1", q, q, q, q[0], note=COMPRESSED))
    return made


def _of_camera(camera: str, fit: CameraFit, stands: bool) -> list[Finding]:
    where = "along the base's x, y, z" if stands else "along its own axes"
    shift = _three(fit.shift, fit.shift_low, fit.shift_high)
    made = [
        Finding(
            camera, "the picture's middle is shifted right, down", "px", *shift, 0.0, note="explained below"
        )
    ]
    for part, text, unit, factor in (
        (slice(0, 3), f"the camera stands off {where}", "m", f"camera.{camera}_position"),
        (slice(3, 6), "the camera is turned about its own x, y, z", "rad", f"camera.{camera}_rotation"),
    ):
        values = _three(fit.values[part], fit.low[part], fit.high[part])
        # The best fit alone: see `workbench.visual_gap.covering`.
        span = tuple((v, v) for v in values[0])
        made.append(
            Finding(camera, text, unit, *values, 0.0, factor, span)
            if stands
            else Finding(camera, text, unit, *values, 0.0, note=HAND)
        )
    if stands:
        focal = _three(*(np.exp(x[6:7]) for x in (fit.values, fit.low, fit.high)))
        text, span = "focal length over the simulated", ((focal[0][0], focal[0][0]),)
        made.append(Finding(camera, text, "1", *focal, 1.0, "camera.focal_length", span))
        k1 = _three(fit.values[7:], fit.low[7:], fit.high[7:])
        span = ((k1[0][0], k1[0][0]),)
        made.append(Finding(camera, "radial distortion", "1", *k1, 0.0, "camera.distortion", span))
    return made


def _of_color(
    camera: str, found: ColorGap, colors: Mapping[str, tuple[float, float, float]]
) -> list[Finding]:
    gain, low, high = _three(found.gain, found.gain_low, found.gain_high)
    made = [
        Finding(
            camera, "gain of green light", "1", gain[1:2], low[1:2], high[1:2], 1.0, "camera.exposure",
            ((low[1], high[1]),), LIGHT,
        )
    ]  # fmt: skip
    share = [(b - a) / 2 / g for g, a, b in zip(gain, low, high, strict=True)]
    balance = [(gain[c] / gain[1], math.hypot(share[c], share[1])) for c in (0, 2)]
    value = tuple(v for v, _ in balance)
    ends = tuple((v * (1 - e), v * (1 + e)) for v, e in balance)
    made.append(
        Finding(
            camera, "gain of red, blue over green", "1", value, tuple(a for a, _ in ends), tuple(b for _, b in ends),
            1.0, "camera.white_balance", ends,
        )
    )  # fmt: skip
    added = _three(found.offset, found.offset_low, found.offset_high)
    made.append(Finding(camera, "light added to red, green, blue", "full scale", *added, 0.0, note=ADDED))
    for name, surface in found.surfaces.items():
        ratio = _three(surface.ratio, surface.low, surface.high)
        made.append(
            Finding(
                camera, f"colour of {name} beside that, red, green, blue", "x light", *ratio, 1.0,
                SURFACES.get(name, BODIES), _painted(name, ratio, colors), surface=name,
            )
        )  # fmt: skip
    return made


def _painted(
    name: str, ratio: Triple, colors: Mapping[str, tuple[float, float, float]]
) -> tuple[tuple[float, float], ...]:
    """What a surface's factor would have to be, in its own unit, by channel."""
    _, low, high = ratio
    if name == ROBOT:
        return tuple(zip(low, high, strict=True))
    own = np.array(colors[name])
    ends = [to_display(srgb_to_linear(own) * np.array(x)) for x in (low, high)]
    if name not in FIXED:  # a tint is added to the colour of the word
        ends = [x - own for x in ends]
    return tuple(zip(*(x.tolist() for x in ends), strict=True))


def _of_noise(camera: str, found: NoiseGap) -> list[Finding]:
    share = 100 * (1 - 1 / found.hidden)
    note = f"compression hides {share:.0f} % of it" if share > 2 else ""
    return [
        Finding(camera, text, "full scale", (value,), (ends[0],), (ends[1],), 0.0, factor, (ends,), note)
        for text, value, ends, factor in (
            ("noise in the dark", found.read, found.read_interval, "camera.read_noise"),
            ("noise that full light adds", found.shot, found.shot_interval, "camera.shot_noise"),
        )
    ]


def _of_sharpness(camera: str, found: SharpnessGap) -> Finding:
    low, high = found.interval
    made = Finding(camera, "blur that the simulated picture lacks", "px", (found.blur,), (low,), (high,), 0.0)
    if high < 0:
        return replace(made, note=SHARPER)
    return replace(made, factor="camera.defocus", span=((max(low, 0.0), high),))


def _of_depth(camera: str, found: DepthGap) -> list[Finding]:
    ends = found.position - found.position_error, found.position + found.position_error
    clouds = f"clouds {1000 * found.before_m:.1f} mm apart, {1000 * found.after_m:.1f} once registered"
    place = _three(found.position, *ends)
    made = [
        Finding(
            camera, "the depth camera stands off along the base's x, y, z", "m", *place, 0.0,
            f"camera.{camera}_position", tuple((v, v) for v in place[0]), clouds,
        )
    ]  # fmt: skip
    for text, unit, value, (low, high), factor in (
        ("depths are longer by, as a share", "1", found.scale, found.scale_interval, "sensing.depth_scale"),
        ("noise of depth at one metre", "1/m", found.noise, found.noise_interval, "sensing.depth_noise"),
        (
            "depth picture without a measurement",
            "1",
            found.holes,
            found.holes_interval,
            "sensing.depth_holes",
        ),
    ):
        if value is not None:
            made.append(Finding(camera, text, unit, (value,), (low,), (high,), 0.0, factor, ((low, high),)))
    return made


def _three(*values: np.ndarray | Sequence[float]) -> Triple:
    a, b, c = (tuple(float(x) for x in v) for v in values)
    return a, b, c
