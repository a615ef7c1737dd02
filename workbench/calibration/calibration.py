"""`Calibration`: a camera's calibration as a file, and as factors of simulated cameras.

The file is YAML; `workbench calibrate` writes it, and beside it ``factors.yaml``, with which simulated cameras are so:
``workbench eval dr=factors.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.spatial.transform import Rotation

from workbench.calibration.board import Board
from workbench.calibration.hand_eye import FIXED, MOUNTS, HandEye
from workbench.calibration.lens import Lens
from workbench.calibration.poses import from_seven, matrix, to_seven
from workbench.cli.options import OptionError
from workbench.runs.durable import write_atomically


@dataclass(frozen=True)
class Calibration:
    """What is known of a camera."""

    camera: str
    robot: str
    hand_eye: HandEye
    lens: Lens
    simulated: Lens
    """The lens that a simulated camera takes: one focal length, and k1."""
    board: Board
    measured: Mapping[str, Any] = field(default_factory=dict)
    """Residuals, intervals, number of pictures: for people."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; `from_dict` is the inverse."""
        return {
            "camera": self.camera,
            "robot": self.robot,
            "mount": self.hand_eye.mount,
            "pose": to_seven(self.hand_eye.camera),
            "board_pose": to_seven(self.hand_eye.board),
            "lens": self.lens.to_dict(),
            "simulated_lens": self.simulated.to_dict(),
            "board": dict(vars(self.board)),
            "measured": dict(self.measured),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """Inverse of `to_dict`; ValueError, in a sentence, for what is none."""
        try:
            if data["mount"] not in MOUNTS:
                raise ValueError(f"mount must be one of {', '.join(MOUNTS)}, not {data['mount']!r}")
            poses = [_pose(name, data[name]) for name in ("pose", "board_pose")]
            return cls(
                str(data["camera"]),
                str(data["robot"]),
                HandEye(data["mount"], *poses),
                _lens(data["lens"]),
                _lens(data["simulated_lens"]),
                Board(**data["board"]),
                data.get("measured", {}),
            )
        except KeyError as missing:
            raise ValueError(f"it has no key {missing}") from None
        except (TypeError, AttributeError) as problem:
            raise ValueError(f"it is no calibration: {problem}") from None


def load(path: Path) -> Calibration:
    """A calibration from its file; OptionError, in a sentence, for what is none."""
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no keys and values")
        return Calibration.from_dict(content)
    except (OSError, yaml.YAMLError, UnicodeDecodeError, ValueError) as problem:
        raise OptionError(f"{path} is no calibration: {' '.join(str(problem).split())}") from None


def save(calibration: Calibration, path: Path) -> None:
    """Write it; OSError where the disk refuses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(calibration.to_dict(), sort_keys=False, default_flow_style=None, width=110)
    write_atomically(path, text)


def factors(
    calibration: Calibration, eye: np.ndarray, axes: np.ndarray, focal: float, width: int
) -> dict[str, dict[str, Any]]:
    """The calibration of a camera that stands as a factor set: what makes a simulated camera one like it.

    Args:
        calibration: of a camera that stands.
        eye: where the simulated camera nominally is ``[3]`` [m], base frame.
        axes: its axes there as columns ``[3, 3]``, OpenCV's.
        focal: its focal length, as a share of the picture's width.
        width: of the pictures that it gives [px].

    ValueError for a camera on the hand, whose place no factor moves.
    """
    if calibration.hand_eye.mount != FIXED:
        raise ValueError("no factor moves a camera on the hand: only the lens of one can be simulated")
    pose = calibration.hand_eye.camera
    turn = Rotation.from_matrix(axes.T @ pose[:3, :3]).as_rotvec()
    return {
        "camera.front_position": {"value": _rounded(pose[:3, 3] - eye)},
        "camera.front_rotation": {"value": _rounded(turn)},
    } | lens_factors(calibration, focal, width)


def lens_factors(calibration: Calibration, focal: float, width: int) -> dict[str, dict[str, Any]]:
    """The lens alone, as `factors` has it."""
    lens = calibration.simulated
    size = np.array(lens.size, np.float64)
    shift = (np.array(lens.centre) - size / 2) * width / size[0]
    return {
        "camera.focal_length": {"value": round(float(lens.focal[0] / size[0] / focal), 6)},
        "camera.principal_point": {"value": _rounded(shift)},
        "camera.distortion": {"value": round(lens.distortion[0], 6)},
    }


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(x), 6) for x in values]


def _pose(name: str, values: Any) -> np.ndarray:
    pose = np.asarray(values, np.float64)
    if pose.shape != (7,) or not np.isfinite(pose).all() or not 0.9 < np.linalg.norm(pose[3:]) < 1.1:
        raise ValueError(f"{name} must be seven numbers: x y z [m], quaternion x y z w")
    made = from_seven(pose)
    return matrix(made[:3, 3], made[:3, :3])


def _lens(said: Mapping[str, Any]) -> Lens:
    size, focal, centre, k = (said[key] for key in ("size", "focal", "centre", "distortion"))
    values = [float(x) for x in (*size, *focal, *centre, *k)]
    if len(values) != 10 or not np.isfinite(values).all() or min(values[:4]) <= 0:
        raise ValueError("a lens has size, focal and centre of two numbers each and distortion of four")
    return Lens(
        (int(size[0]), int(size[1])),
        (values[2], values[3]),
        (values[4], values[5]),
        (values[6], values[7], values[8], values[9]),
    )
