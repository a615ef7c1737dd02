"""`CameraGap`: everything that pairs of one camera say, measure by measure; what cannot be said is a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.visual_gap.backgrounds import real_background
from workbench.visual_gap.camera_fit import CameraFit, fit_camera
from workbench.visual_gap.color import ColorGap, color_gap
from workbench.visual_gap.noise import NoiseGap, noise_gap
from workbench.visual_gap.pairs import Pairs
from workbench.visual_gap.registered import registered
from workbench.visual_gap.sharpness import SharpnessGap, sharpness_gap

if TYPE_CHECKING:
    from workbench.visual_gap.depth import DepthGap


NEED_A_CAMERA = "colours, sharpness and background are compared where pictures lie on each other"
"""Why they are not measured without a camera that was found."""


@dataclass(frozen=True)
class CameraGap:
    """What was measured of one camera; None where ``reasons`` says why not."""

    camera: str
    stands: bool
    """Whether it stands: one on the hand is moved by no factor."""
    frames: int
    fit: CameraFit | None
    color: ColorGap | None
    noise: NoiseGap | None
    sharpness: SharpnessGap | None
    depth: DepthGap | None
    jpeg_quality: int | None
    background: np.ndarray | None
    """What the real camera sees behind robot and things ``[H, W, 3]`` uint8, as the simulated one would."""
    reasons: tuple[str, ...]


def measure(pairs: Pairs, lens_known: bool = False, seed: int = 0) -> CameraGap:
    """All measures of NumPy alone; those of noise and depth also where the camera is not found.

    Args:
        pairs: of one camera.
        lens_known: whether focal length and distortion are as the simulated camera has them.
        seed: of resamples.
    """
    reasons: list[str] = []

    def tried[T](what: Callable[[], T]) -> T | None:
        try:
            return what()
        except ValueError as problem:
            reasons.append(str(problem))
            return None

    stands = bool(np.ptp(pairs.position, axis=0).max() < 1e-6)
    # Of what is as near as to a hand's camera, a longer lens looks like a step along the view.
    fit = tried(lambda: fit_camera(pairs, lens_known or not stands, seed))
    gap = CameraGap(
        camera=pairs.camera,
        stands=stands,
        frames=len(pairs.real),
        fit=fit,
        color=None,
        noise=tried(lambda: noise_gap(pairs, seed)),
        sharpness=None,
        depth=None if pairs.real_depth is None else tried(lambda: _depth(pairs, seed)),
        jpeg_quality=pairs.jpeg_quality,
        background=None,
        reasons=(),
    )
    if fit is None:
        reasons.append(f"camera {pairs.camera} is not found, and {NEED_A_CAMERA}")
        return replace(gap, reasons=tuple(reasons))
    pictures, inside = registered(pairs, fit.values)
    return replace(
        gap,
        color=tried(lambda: color_gap(pairs, pictures, inside, seed)),
        sharpness=tried(lambda: sharpness_gap(pairs, fit.values, seed)),
        background=tried(lambda: real_background(pairs, pictures, inside)) if stands else None,
        reasons=tuple(reasons),
    )


def _depth(pairs: Pairs, seed: int) -> DepthGap:
    from workbench.visual_gap.depth import depth_gap  # needs OpenCV, as calibration does

    return depth_gap(pairs, seed)


def some_frames(pairs: Pairs, taken: list[int]) -> Pairs:
    """Some of the pairs, by number."""
    return replace(
        pairs,
        real=pairs.real[taken],
        simulated=pairs.simulated[taken],
        labels=pairs.labels[taken],
        depth=pairs.depth[taken],
        position=pairs.position[taken],
        rotation=pairs.rotation[taken],
        real_depth=None if pairs.real_depth is None else pairs.real_depth[taken],
    )
