"""``visual.json``: what was measured, in plain JSON types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.visual_gap.camera_fit import PARAMETERS, CameraFit
from workbench.visual_gap.covering import covering
from workbench.visual_gap.findings import Finding
from workbench.visual_gap.measures import CameraGap

if TYPE_CHECKING:
    from workbench.visual_gap.policy_gap import Distance


def document(
    gaps: Sequence[CameraGap],
    findings: Sequence[Finding],
    answers: Sequence[Distance],
    sources: Sequence[str],
    options: Any,
) -> dict[str, Any]:
    """The file's content."""
    return {
        "sources": list(sources), "robot": options.robot, "simulated": options.simulated, "lens": options.lens,
        "findings": [_finding(f) for f in findings],
        "factors": covering(findings),
        "policy": [{**vars(d), "share": d.share} for d in answers],
        "cameras": [_camera(gap) for gap in gaps],
    }  # fmt: skip


def _finding(found: Finding) -> dict[str, Any]:
    return {**vars(found), "differs": found.differs, "range": covering([found]).get(found.factor)}


def _camera(gap: CameraGap) -> dict[str, Any]:
    color, noise, sharp = gap.color, gap.noise, gap.sharpness
    return {
        "camera": gap.camera,
        "frames": gap.frames,
        "jpeg_quality": gap.jpeg_quality,
        "not_said": list(gap.reasons),
        "outlines": None if gap.fit is None else _fit(gap.fit),
        "color": None if color is None else {
            "rms_codes": {"before": color.error_before, "after": color.error_after},
            "squares": {name: s.squares for name, s in color.surfaces.items()},
        },
        "noise": None if noise is None else {
            "curve": [list(point) for point in noise.curve], "squares": noise.squares, "hidden": noise.hidden,
        },
        "depth": None if gap.depth is None else {
            "median_distance_m": {"before": gap.depth.before_m, "after": gap.depth.after_m},
        },
        "sharpness": None if sharp is None else {"gradient_energy_ratio": sharp.energy, "profiles": sharp.profiles},
    }  # fmt: skip


def _fit(fit: CameraFit) -> dict[str, Any]:
    return {
        "rms_px": {"before": fit.before_px, "after": fit.after_px},
        "points": fit.points,
        "parameters": {
            name: {
                "value": float(fit.values[k]), "interval": [float(fit.low[k]), float(fit.high[k])],
                "told": bool(fit.told[k]),
            }
            for k, name in enumerate(PARAMETERS)
        },
        "left_by_thing_px": {name: {"mean": a, "std": b, "points": n} for name, (a, b, n) in fit.by_thing.items()},
    }  # fmt: skip
