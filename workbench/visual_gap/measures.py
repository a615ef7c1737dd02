"""`CameraGap`: everything that pairs of one camera say, measure by measure; what cannot be said is a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.visual_gap.backgrounds import real_background
from workbench.visual_gap.camera_fit import PARAMETERS, CameraFit, fit_camera
from workbench.visual_gap.color import ColorGap, color_gap
from workbench.visual_gap.noise import NoiseGap, noise_gap
from workbench.visual_gap.pairs import Pairs
from workbench.visual_gap.registered import registered
from workbench.visual_gap.sharpness import SharpnessGap, sharpness_gap

if TYPE_CHECKING:
    from workbench.visual_gap.depth import DepthGap


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
    """All measures of NumPy alone.

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
    values = fit.values if fit is not None else np.zeros(len(PARAMETERS))
    pictures, inside = registered(pairs, values)
    return CameraGap(
        camera=pairs.camera,
        stands=stands,
        frames=len(pairs.real),
        fit=fit,
        color=tried(lambda: color_gap(pairs, pictures, inside, seed)),
        noise=tried(lambda: noise_gap(pairs, seed)),
        sharpness=tried(lambda: sharpness_gap(pairs, values, seed)),
        depth=None if pairs.real_depth is None else tried(lambda: _depth(pairs, seed)),
        jpeg_quality=pairs.jpeg_quality,
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
