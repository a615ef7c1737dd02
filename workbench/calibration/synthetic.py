"""Pictures of a board that a known camera would take: truth for tests and for the study of errors."""

from __future__ import annotations

import cv2
import numpy as np

from workbench.calibration.board import CENTRE, Board
from workbench.calibration.lens import Lens

FINE = 3
PAPER, SURROUNDINGS, INK = 215.0, 110.0, 25.0
"""Grey values of a board under a lamp [of 255]."""
SQUARE_PX = 120
MARGIN_PX = 60


class BoardRenderer:
    """Renders one board through one lens."""

    def __init__(self, board: Board, lens: Lens, fine: int = FINE) -> None:
        """``fine``: rays a pixel along each axis."""
        self._board, self._lens = board, lens
        width, height = lens.size
        u, v = ((np.arange(n * fine) + 0.5) / fine for n in (width, height))
        self._rays = lens.rays(np.stack(np.meshgrid(u, v), -1))
        drawn = board.drawing(SQUARE_PX, MARGIN_PX).astype(np.float32)
        self._texture = INK + drawn * ((PAPER - INK) / 255)

    def picture(
        self,
        camera_from_board: np.ndarray,
        random: np.random.Generator,
        noise: float = 2.0,
        blur: float = 0.5,
    ) -> np.ndarray:
        """What the camera sees of the board at a pose ``[4, 4]``: ``[H, W, 3]`` uint8.

        Args:
            camera_from_board: the board before the camera.
            random: of the noise.
            noise: standard deviation of each pixel [of 255].
            blur: standard deviation of the lens's blur [px].
        """
        normal, origin = camera_from_board[:3, 2], camera_from_board[:3, 3]
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = (normal @ origin) / (self._rays @ normal)
        on_board = (self._rays * distance[..., None] - origin) @ camera_from_board[:3, :2]
        per_metre = SQUARE_PX / self._board.square
        x, y = (on_board[..., k] * per_metre + MARGIN_PX - CENTRE for k in (0, 1))
        behind = ~(distance > 0)
        x[behind], y[behind] = -1e6, -1e6
        fine = cv2.remap(
            self._texture, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT, borderValue=SURROUNDINGS,
        )  # fmt: skip
        grey = cv2.resize(fine, self._lens.size, interpolation=cv2.INTER_AREA)
        if blur:
            grey = cv2.GaussianBlur(grey, (0, 0), blur)
        grey = grey + random.normal(0.0, noise, grey.shape)
        return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[..., None], 3, -1)


def depth_picture(
    lens: Lens, camera: np.ndarray, surface: np.ndarray, random: np.random.Generator, noise: float = 0.002
) -> np.ndarray:
    """What a depth camera at ``base_from_camera`` ``[4, 4]`` sees of points ``[M, 3]`` [m]: ``[H, W]`` [m]; 0: nothing.

    Args:
        lens: of the camera.
        camera: where it is.
        surface: points close enough to each other that nearly every pixel of the thing has one.
        random: of the noise.
        noise: standard deviation of each pixel at 1 m, growing with the square of the distance [m].
    """
    points = (surface - camera[:3, 3]) @ camera[:3, :3]
    points = points[points[:, 2] > 0.05]
    column, row = np.floor(lens.project(points)).astype(int).T
    width, height = lens.size
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    nearest = np.full((height, width), np.inf)
    np.minimum.at(nearest, (row[inside], column[inside]), points[inside, 2])
    # What lies behind shows through gaps between points: a pixel takes the nearest of those around it, or is unknown.
    around = -cv2.dilate(
        -np.where(np.isfinite(nearest), nearest, 1e3).astype(np.float32), np.ones((5, 5), np.uint8)
    )
    shown = np.isfinite(nearest) & (nearest < around + 0.01)
    seen = np.where(shown, nearest, 0.0)
    return np.where(shown, seen + random.normal(0.0, noise, seen.shape) * seen**2, 0.0).astype(np.float32)
