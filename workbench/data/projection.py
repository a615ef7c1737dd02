"""Projecting over many frames at once, each with its own camera pose. Pure numpy."""

from __future__ import annotations

import numpy as np

LEAST_FACTOR = 2 / 3
"""Far outside the image the distortion polynomial folds back; up to this factor it grows."""


def project_frames(
    points: np.ndarray,
    position: np.ndarray,
    rotation: np.ndarray,
    intrinsics: np.ndarray,
    distortion: float | np.ndarray,
) -> np.ndarray:
    """Pixels ``[F, Q, 2]`` of points ``[F, Q, 3]`` [m]; NaN for points behind the camera.

    Args:
        points: in the frame that the camera's pose is given in.
        position: camera positions ``[F, 3]`` [m].
        rotation: their OpenCV axes as columns ``[F, 3, 3]``.
        intrinsics: ``[3, 3]``, or ``[F, 3, 3]`` if frames differ [px].
        distortion: radial distortion k, or ``[F]``: a point at normalised radius r appears at r (1 + k r^2).
    """
    bend = np.asarray(distortion)[..., None, None]
    local = np.einsum("fji,fqj->fqi", rotation, points - position[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        ideal = np.where(local[..., 2:] > 1e-6, local[..., :2] / local[..., 2:], np.nan)
    bent = ideal * np.maximum(1 + bend * (ideal**2).sum(-1, keepdims=True), LEAST_FACTOR)
    return bent @ intrinsics[..., :2, :2].swapaxes(-1, -2) + intrinsics[..., None, :2, 2]
