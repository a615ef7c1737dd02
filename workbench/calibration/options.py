"""Options of ``workbench calibrate``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.cli.options import OptionError, option

if TYPE_CHECKING:
    from workbench.calibration.board import Board

USAGE = """\
usage: workbench calibrate DATA mount=hand|fixed key=value ...   lens and place of a camera, from pictures of a board
       workbench calibrate check CALIBRATION DATA                is a calibration still right? one new picture says it
       workbench calibrate refine CALIBRATION DATA               its place again, from depth pictures of the robot
       workbench calibrate board to=FILE.png                     the board, to print

DATA is a folder with captures.jsonl, or a run of the bridge with pictures=true: docs/calibration.md."""


@dataclass
class CalibrateOptions:
    """Options of ``workbench calibrate``."""

    mount: str = option("", "hand: the camera is on the hand, the board stands; fixed: the other way about")
    robot: str = option("franka", "whose kinematics say where the tool is")
    camera: str = option("front", "its name")
    columns: int = option(7, "squares of the board along its longer edge")
    rows: int = option(5, "the same along the other")
    square: float = option(0.04, "edge of a square, as measured on paper", "m")
    marker: float = option(0.03, "edge of a marker", "m")
    dictionary: str = option("DICT_5X5_100", "OpenCV's name of the markers")
    resamples: int = option(100, "of the bootstrap over pictures that intervals come from; 0: none")
    seed: int = option(0, "of the bootstrap")
    tolerance: float = option(0.003, "check: by how much the camera may be off", "m")
    out: str = option("", "calibration file to write; factors.yaml goes beside it")
    to: str = option("", "board: picture to write")

    def resolve(self) -> None:
        """OptionError for what cannot be."""
        if self.resamples < 0 or self.resamples == 1:
            raise OptionError(f"resamples must be 0, or 2 and more, not {self.resamples}")
        if self.seed < 0:
            raise OptionError(f"seed must be at least 0, not {self.seed}")
        if not self.tolerance > 0:
            raise OptionError(f"tolerance must be above 0 m, not {self.tolerance:g}")

    def board(self) -> Board:
        """The board; OptionError for one that there cannot be."""
        from workbench.calibration.board import Board

        try:
            return Board(self.columns, self.rows, self.square, self.marker, self.dictionary)
        except ValueError as problem:
            raise OptionError(str(problem)) from None
