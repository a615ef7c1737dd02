"""`Board`: a ChArUco board, a chessboard whose squares name themselves, so that a part of it is enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

CENTRE = 0.5
"""OpenCV has (0, 0) in the middle of the first pixel, the workbench at its corner [px]."""
WINDOW = 4
"""Half the edge of the square in which a corner is looked for [px]."""
ENOUGH = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 40, 1e-3)
LEAST_CORNERS = 8
"""A picture that shows fewer says too little."""


@dataclass(frozen=True)
class Seen:
    """What a picture shows of a board."""

    corners: np.ndarray
    """Places on the board ``[C, 3]`` [m]: x along its rows, y down its columns, z into it."""
    pixels: np.ndarray
    """Where they are in the picture ``[C, 2]`` [px]."""


@dataclass(frozen=True)
class Board:
    """A board as it was printed: measure the squares, printers scale."""

    columns: int = 7
    rows: int = 5
    square: float = 0.04
    """Edge of a square [m]."""
    marker: float = 0.03
    """Edge of a marker [m]."""
    dictionary: str = "DICT_5X5_100"
    """Of OpenCV's sets of markers."""

    def __post_init__(self) -> None:
        """ValueError, in a sentence, for a board that there cannot be."""
        if self.columns < 3 or self.rows < 3:
            raise ValueError(f"a board has at least 3 columns and 3 rows, not {self.columns} and {self.rows}")
        if not 0 < self.marker < self.square:
            raise ValueError(
                f"markers ({self.marker:g} m) must be smaller than squares ({self.square:g} m), and above 0"
            )
        if not (self.dictionary.startswith("DICT_") and hasattr(cv2.aruco, self.dictionary)):
            raise ValueError(f"OpenCV has no markers of the name {self.dictionary!r}; DICT_5X5_100 is one")

    @property
    def size(self) -> tuple[float, float]:
        """Width and height [m]."""
        return self.columns * self.square, self.rows * self.square

    def find(self, picture: np.ndarray) -> Seen | None:
        """What a picture ``[H, W, 3]`` RGB or ``[H, W]``, uint8, shows of it; None where that is too little."""
        grey = (
            picture if picture.ndim == 2 else cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
        )
        pixels, numbers, _, _ = cv2.aruco.CharucoDetector(self._made()).detectBoard(grey)
        if numbers is None or len(numbers) < LEAST_CORNERS:
            return None
        corners = np.asarray(self._made().getChessboardCorners(), np.float64)[numbers.ravel()]
        # The detector of 4.13 counts from the first pixel's corner, `cornerSubPix` from its middle, as all of OpenCV
        # else: what the latter says stands, whatever the former does.
        begun = np.array(pixels.reshape(-1, 1, 2) - CENTRE, np.float32, order="C")
        found = cv2.cornerSubPix(grey, begun, (WINDOW, WINDOW), (-1, -1), ENOUGH)
        return Seen(corners, found.reshape(-1, 2).astype(np.float64) + CENTRE)

    def drawing(self, pixels_per_square: int = 100, margin: int = 0) -> np.ndarray:
        """The board itself, to print or to render ``[H, W]`` uint8; ``margin`` of white around it [px]."""
        size = (
            self.columns * pixels_per_square + 2 * margin,
            self.rows * pixels_per_square + 2 * margin,
        )
        drawn: np.ndarray = self._made().generateImage(size, marginSize=margin)
        return drawn

    def _made(self) -> Any:
        markers = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, self.dictionary))
        return cv2.aruco.CharucoBoard((self.columns, self.rows), self.square, self.marker, markers)
