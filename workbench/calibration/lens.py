"""`Lens`: a camera's intrinsics, found from pictures of a board (Zhang 2000, as OpenCV has it).

Two models are fitted. `FULL` has two focal lengths and four coefficients of distortion (k1, k2, p1, p2), and is what
measurements go through. `SIMULATED` has one focal length and k1: what simulated cameras have. How much worse it fits
is said, so that one sees what the simulator leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from workbench.calibration.board import CENTRE, Seen

FULL, SIMULATED = "full", "simulated"
LEAST_PICTURES = 6


@dataclass(frozen=True)
class Lens:
    """Intrinsics."""

    size: tuple[int, int]
    """Width and height of its pictures [px]."""
    focal: tuple[float, float]
    """Along x and y [px]."""
    centre: tuple[float, float]
    """Principal point, from the image's top-left corner [px]."""
    distortion: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """k1, k2, p1, p2 of OpenCV's model [1]."""

    @property
    def matrix(self) -> np.ndarray:
        """Calibration matrix ``[3, 3]`` [px]."""
        return np.array(
            ((self.focal[0], 0.0, self.centre[0]), (0.0, self.focal[1], self.centre[1]), (0.0, 0.0, 1.0))
        )

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels ``[..., 2]`` of points in the camera's frame ``[..., 3]`` [m] before it."""
        x, y = points[..., 0] / points[..., 2], points[..., 1] / points[..., 2]
        k1, k2, p1, p2 = self.distortion
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + k2 * r2)
        bent = np.stack(
            (
                x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
                y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
            ),
            -1,
        )
        return bent * np.array(self.focal) + np.array(self.centre)

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Directions ``[..., 3]`` of pixels ``[..., 2]``, whose z is 1."""
        flat = np.ascontiguousarray(pixels, np.float64).reshape(-1, 1, 2)
        found = cv2.undistortPoints(flat, self.matrix, np.array(self.distortion)).reshape(pixels.shape)
        return np.concatenate((found, np.ones_like(found[..., :1])), -1)

    def board_pose(self, seen: Seen) -> np.ndarray:
        """``camera_from_board`` ``[4, 4]`` of one picture: the least squares of its pixels."""
        _, turn, position = cv2.solvePnP(
            seen.corners, seen.pixels, self.matrix, np.array(self.distortion), flags=cv2.SOLVEPNP_ITERATIVE
        )
        made = np.eye(4)
        made[:3, :3], made[:3, 3] = cv2.Rodrigues(turn)[0], position.ravel()
        return made

    def to_dict(self) -> dict[str, list[float]]:
        """Plain JSON types."""
        return {
            "size": list(self.size),
            "focal": list(self.focal),
            "centre": list(self.centre),
            "distortion": list(self.distortion),
        }


def fit_lens(views: Sequence[Seen], size: tuple[int, int], model: str = FULL) -> tuple[Lens, float]:
    """The lens that explains views of a board best, and the root mean square of what it leaves [px].

    Args:
        views: at least `LEAST_PICTURES`, from different angles.
        size: width and height of the pictures [px].
        model: `FULL` or `SIMULATED`.

    ValueError, in a sentence, for too few views.
    """
    if len(views) < LEAST_PICTURES:
        raise ValueError(f"a lens needs {LEAST_PICTURES} pictures of the board at least, not {len(views)}")
    places = [view.corners.astype(np.float32) for view in views]
    pixels = [(view.pixels - CENTRE).astype(np.float32) for view in views]
    guess = cv2.initCameraMatrix2D(places, pixels, size, 1.0)
    guess[:2, 2] = (size[0] - 1) / 2, (size[1] - 1) / 2
    flags = cv2.CALIB_USE_INTRINSIC_GUESS | cv2.CALIB_FIX_K3
    if model == SIMULATED:
        flags |= cv2.CALIB_FIX_ASPECT_RATIO | cv2.CALIB_ZERO_TANGENT_DIST | cv2.CALIB_FIX_K2
    rms, matrix, bent, _, _ = cv2.calibrateCamera(places, pixels, size, guess, np.zeros(5), flags=flags)
    k = bent.ravel()[:4].tolist()
    lens = Lens(
        (int(size[0]), int(size[1])),
        (float(matrix[0, 0]), float(matrix[1, 1])),
        (float(matrix[0, 2]) + CENTRE, float(matrix[1, 2]) + CENTRE),
        (k[0], k[1], k[2], k[3]),
    )
    return lens, float(rms)
