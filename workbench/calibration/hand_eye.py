"""Where a camera is on the arm or beside it, from pictures of a board in known postures of the arm.

The first guess is Park and Martin's (1994, OpenCV's `calibrateHandEye`); then camera and board are moved together until
the corners of all pictures lie where they were seen, the least squares of pixels.

    camera on the hand:    the board stands in the base's frame    base_from_tool · camera = base_from_camera
    camera that stands:    the board is held by the hand           base_from_tool · board  = base_from_board
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.optimize import least_squares

from workbench.calibration.board import Seen
from workbench.calibration.lens import Lens
from workbench.calibration.poses import from_six, inverse, to_six

HAND, FIXED = "hand", "fixed"
MOUNTS = (HAND, FIXED)


@dataclass(frozen=True)
class HandEye:
    """Poses of camera and board."""

    mount: str
    """`HAND` or `FIXED`."""
    camera: np.ndarray
    """``tool_from_camera`` for a camera on the hand, ``base_from_camera`` for one that stands ``[4, 4]``."""
    board: np.ndarray
    """``base_from_board``, or ``tool_from_board`` ``[4, 4]``."""

    def base_from_camera(self, base_from_tool: np.ndarray) -> np.ndarray:
        """In postures ``[..., 4, 4]`` of the arm."""
        if self.mount == HAND:
            return base_from_tool @ self.camera
        return np.broadcast_to(self.camera, base_from_tool.shape)

    def base_from_board(self, base_from_tool: np.ndarray) -> np.ndarray:
        """The same of the board."""
        if self.mount == HAND:
            return np.broadcast_to(self.board, base_from_tool.shape)
        return base_from_tool @ self.board


def residuals(found: HandEye, lens: Lens, views: Sequence[Seen], base_from_tool: np.ndarray) -> np.ndarray:
    """What the poses leave of all corners ``[C, 2]`` [px], for postures ``[N, 4, 4]``."""
    camera_from_board = inverse(found.base_from_camera(base_from_tool)) @ found.base_from_board(
        base_from_tool
    )
    counts = [len(view.corners) for view in views]
    each = np.repeat(camera_from_board, counts, 0)
    corners = np.concatenate([view.corners for view in views])
    points = (each[:, :3, :3] @ corners[..., None])[..., 0] + each[:, :3, 3]
    return lens.project(points) - np.concatenate([view.pixels for view in views])


def fit_hand_eye(
    mount: str, lens: Lens, views: Sequence[Seen], base_from_tool: np.ndarray, start: HandEye | None = None
) -> HandEye:
    """Camera and board of a row of pictures.

    Args:
        mount: `HAND` or `FIXED`.
        lens: of the camera.
        views: of the board ``N``.
        base_from_tool: postures of the arm that they were taken in ``[N, 4, 4]``.
        start: where to begin; None: as OpenCV guesses.

    ValueError, in a sentence, for postures that do not turn the hand enough.
    """
    begun = start or _guess(mount, lens, views, base_from_tool)

    # A rotation vector turns over near half a turn: fitted are small motions from where it begins.
    def moved(values: np.ndarray) -> HandEye:
        return HandEye(mount, begun.camera @ from_six(values[:6]), begun.board @ from_six(values[6:]))

    fitted = least_squares(
        lambda values: residuals(moved(values), lens, views, base_from_tool).ravel(),
        np.zeros(12),
        method="lm",
        x_scale=np.tile((1.0, 1.0, 1.0, 0.5, 0.5, 0.5), 2),
    )
    return moved(fitted.x)


def _guess(mount: str, lens: Lens, views: Sequence[Seen], base_from_tool: np.ndarray) -> HandEye:
    if len(views) < 3:
        raise ValueError(f"a hand-eye calibration needs 3 postures at least, not {len(views)}")
    turns = np.array([np.linalg.norm(to_six(inverse(base_from_tool[0]) @ p)[:3]) for p in base_from_tool])
    if turns.max() < np.radians(10):
        raise ValueError(
            f"the postures turn the hand by {np.degrees(turns.max()):.1f} degrees only: turn it by 20 or more, about "
            "two axes at least"
        )
    seen = np.stack([lens.board_pose(view) for view in views])
    arm = base_from_tool if mount == HAND else inverse(base_from_tool)
    turn, position = cv2.calibrateHandEye(
        list(arm[:, :3, :3]), list(arm[:, :3, 3]), list(seen[:, :3, :3]), list(seen[:, :3, 3]),
        method=cv2.CALIB_HAND_EYE_PARK,
    )  # fmt: skip
    camera = np.eye(4)
    camera[:3, :3], camera[:3, 3] = turn, position.ravel()
    if not np.isfinite(camera).all():
        raise ValueError(
            "the postures do not turn the hand about two axes, so the camera's place is not fixed"
        )
    board = (arm @ camera @ seen)[len(views) // 2]
    return HandEye(mount, camera, board)
