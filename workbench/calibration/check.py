"""Is an old calibration still right? One new picture of the board in its old place says by how far the camera is off.

The camera's pose that explains the picture best, the board being where it was, against that of the file. Its interval
comes from the noise of corners, as the picture itself shows it, and from what the file says of its own numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from workbench.calibration.board import Seen
from workbench.calibration.calibration import Calibration
from workbench.calibration.fit import NORMAL_95
from workbench.calibration.hand_eye import HandEye, residuals
from workbench.calibration.poses import from_six

TOLERANCE_M = 0.003
"""A camera that is off by more needs a new calibration [m]."""
LEAST_NOISE_PX = 0.05
"""No detector of corners is better than this [px]."""
FITS, STALE, UNCLEAR = "fits", "stale", "unclear"


@dataclass(frozen=True)
class Checked:
    """What a new picture says."""

    offset: tuple[float, float, float]
    """Of the camera from where the file has it, along its own axes [m]."""
    turn_rad: float
    distance_m: float
    half_width_m: float
    """Of the 95 % interval of the distance."""
    corner_px: float
    """Root mean square of corners against where the file has them [px]."""
    verdict: str
    """`FITS`: the interval is below the tolerance; `STALE`: above; `UNCLEAR`: it holds it."""


def check(
    calibration: Calibration,
    views: Sequence[Seen],
    base_from_tool: np.ndarray,
    tolerance: float = TOLERANCE_M,
) -> Checked:
    """Compare a calibration with new pictures, of postures ``[N, 4, 4]``."""
    old, lens = calibration.hand_eye, calibration.lens

    def left(values: np.ndarray) -> np.ndarray:
        moved = HandEye(old.mount, old.camera @ from_six(values), old.board)
        return residuals(moved, lens, views, base_from_tool).ravel()

    before = left(np.zeros(6))
    fitted = least_squares(left, np.zeros(6), method="lm", x_scale=np.array((1.0, 1.0, 1.0, 0.5, 0.5, 0.5)))
    freedom = max(len(before) - 6, 1)
    noise = max(LEAST_NOISE_PX, math.sqrt(float((fitted.fun**2).sum()) / freedom))
    covariance = noise**2 * np.linalg.inv(fitted.jac.T @ fitted.jac)
    offset = fitted.x[3:]
    distance = float(np.linalg.norm(offset))
    along = offset / distance if distance > 0 else np.array((0.0, 0.0, 1.0))
    picture = NORMAL_95 * math.sqrt(float(along @ covariance[3:, 3:] @ along))
    half = math.hypot(picture, *_own(calibration))
    verdict = STALE if distance - half > tolerance else FITS if distance + half < tolerance else UNCLEAR
    return Checked(
        offset=(float(offset[0]), float(offset[1]), float(offset[2])),
        turn_rad=float(np.linalg.norm(fitted.x[:3])),
        distance_m=distance,
        half_width_m=half,
        corner_px=float(np.sqrt((before.reshape(-1, 2) ** 2).sum(1).mean())),
        verdict=verdict,
    )


def _own(calibration: Calibration) -> list[float]:
    """Half widths of the calibration's own place along each axis [m], together those of its distance."""
    widths = calibration.measured.get("half_widths", {})
    found = [float(widths.get(axis, 0.0)) for axis in ("x", "y", "z")]
    return [x / math.sqrt(3) for x in found if math.isfinite(x)]
