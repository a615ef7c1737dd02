"""``visual.html``: pictures side by side, their difference, outlines where they were expected and are; the table."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from PIL import Image

from workbench.identification.line_chart import page, table
from workbench.visual_gap.camera_fit import motion_axes, projected
from workbench.visual_gap.covering import covering
from workbench.visual_gap.edges import outlines
from workbench.visual_gap.findings import Finding
from workbench.visual_gap.measures import CameraGap, some_frames
from workbench.visual_gap.pairs import Pairs

if TYPE_CHECKING:
    from workbench.visual_gap.policy_gap import Distance

HEADINGS = ["camera", "measure", "found", "95 % interval", "differs", "covered by"]
ANSWERS = ["answer", "real against simulated", "95 % interval", "of another state", "share"]
FRAMES = 3
"""Frames that are shown of each camera."""
EXPECTED, FOUND = (0, 255, 0), (255, 0, 255)
"""Colours of outlines: as the simulated camera sees them, and as the real one was found to."""


def rows_of(findings: Sequence[Finding]) -> list[list[str]]:
    """The table's rows, as texts."""
    rows = []
    for f in findings:
        span = covering([f]).get(f.factor)
        held = "" if span is None else f"{f.factor} {span['lo']:.4g} to {span['hi']:.4g}"
        rows.append([
            f.camera, f"{f.measure} [{f.unit}]", _numbers(f.value),
            ", ".join(f"{a:.3g} to {b:.3g}" for a, b in zip(f.low, f.high, strict=True)),
            "yes" if f.differs else "no", "; ".join(text for text in (held, f.note) if text),
        ])  # fmt: skip
    return rows


def answer_rows(answers: Sequence[Distance]) -> list[list[str]]:
    """Rows of what a policy makes of the pictures, as texts."""
    return [
        [f"{d.what} [{d.unit}]", f"{d.real:.3g}", f"{d.interval[0]:.3g} to {d.interval[1]:.3g}", f"{d.states:.3g}",
         f"{d.share:.2f}"]
        for d in answers
    ]  # fmt: skip


def sentence_of(gap: CameraGap) -> str:
    """What was found of a camera, beside its findings."""
    parts = [f"{gap.frames} pairs of pictures"]
    if gap.fit is not None:
        parts.append(
            f"outlines are {gap.fit.before_px:.2f} px off (root mean square along their normals, {gap.fit.points} "
            f"points), {gap.fit.after_px:.2f} px with the camera that was found"
        )
    if gap.color is not None:
        parts.append(
            f"colours differ by {gap.color.error_before:.1f} of 255, {gap.color.error_after:.1f} with the gains that "
            "were found"
        )
    return f"{gap.camera}: " + "; ".join(parts)


def page_of(
    gaps: Sequence[CameraGap],
    pairs: Sequence[Pairs],
    findings: Sequence[Finding],
    answers: Sequence[Distance],
) -> str:
    """The page's HTML."""
    parts = [Markup("<h2>Measures</h2>"), table(HEADINGS, rows_of(findings))]
    ranges = [[name, f"{r['lo']:.4g}", f"{r['hi']:.4g}"] for name, r in covering(findings).items()]
    parts += [Markup("<h2>Factors that cover it</h2>"), table(["factor", "from", "to"], ranges)]
    if answers:
        parts += [Markup("<h2>What the policy makes of it</h2>"), table(ANSWERS, answer_rows(answers))]
    for gap, one in zip(gaps, pairs, strict=True):
        parts.append(Markup("<h2>Camera {}</h2><p>{}.</p>").format(gap.camera, sentence_of(gap)))
        for reason in gap.reasons:
            parts.append(Markup("<p>Not said: {}.</p>").format(reason))
        parts.append(
            Markup(
                "<p>Real, simulated, difference, and outlines in the real picture: green where the simulated camera "
                "sees them, magenta where the camera that was found does.</p>"
            )
        )
        shown = np.unique(np.linspace(0, len(one.real) - 1, FRAMES).round().astype(int)).tolist()
        parts += [_row(one, gap, frame) for frame in shown]
        if gap.background is not None:
            parts.append(Markup("<p>The real background, as the simulated camera would see it:</p>"))
            parts.append(_picture(gap.background, f"background of camera {gap.camera}", 25))
    return page("Real and simulated pictures", parts, pictures=True)


def _row(pairs: Pairs, gap: CameraGap, frame: int) -> Markup:
    real, simulated = pairs.real[frame], pairs.simulated[frame]
    difference = np.abs(real.astype(int) - simulated).astype(np.uint8)
    outlined = _outlined(some_frames(pairs, [frame]), gap)
    strip = np.concatenate((real, simulated, difference, outlined), 1)
    return _picture(strip, f"frame {frame} of camera {gap.camera}", 100)


def _picture(picture: np.ndarray, text: str, width: int) -> Markup:
    """An image as wide as so much of the page [%]."""
    return Markup(
        '<p><img src="data:image/png;base64,{}" alt="{}" style="width:{}%;image-rendering:pixelated"></p>'
    ).format(_png(picture), text, width)


def _outlined(pairs: Pairs, gap: CameraGap) -> np.ndarray:
    picture = (0.6 * pairs.real[0]).astype(np.uint8)
    outline = outlines(pairs)
    drawn = [(outline.pixel, EXPECTED)]
    if gap.fit is not None:
        axes = motion_axes(pairs) if gap.stands else np.eye(3)[None]
        seen = projected(outline.point, gap.fit.values, pairs.intrinsics, axes[outline.frame])
        drawn.append((seen, FOUND))
    for pixels, color in drawn:
        known = pixels[np.isfinite(pixels).all(1)].astype(int)
        u, v = known[:, 0].clip(0, pairs.size[1] - 1), known[:, 1].clip(0, pairs.size[0] - 1)
        picture[v, u] = color
    return picture


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{v:.3g}" for v in values)


def _png(picture: np.ndarray) -> str:
    held = io.BytesIO()
    Image.fromarray(picture).save(held, "PNG", optimize=True)
    return base64.b64encode(held.getvalue()).decode()
