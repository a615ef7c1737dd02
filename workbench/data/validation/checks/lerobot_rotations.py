"""How the columns of LeRobot datasets store rotations, and their matrices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from workbench.data.rotations import from_vector
from workbench.data.validation.checks.tool import matrices


def _from_six(numbers: np.ndarray) -> np.ndarray:
    # Not made orthonormal: what is none shows.
    x, y = numbers[:, :3], numbers[:, 3:]
    return np.stack((x, y, np.cross(x, y)), -1)


def _from_euler(angles: np.ndarray) -> np.ndarray:
    return Rotation.from_euler("xyz", np.nan_to_num(angles)).as_matrix()


def _from_down(vectors: np.ndarray) -> np.ndarray:
    return from_vector(np.nan_to_num(vectors)).as_matrix()


def _from_wxyz(quaternion: np.ndarray) -> np.ndarray:
    return matrices(np.roll(quaternion, -1, 1))


Read = Callable[[np.ndarray], np.ndarray]
ROTATIONS: dict[str, tuple[int, Read]] = {
    "eef_quaternion": (4, _from_wxyz),
    "eef_rotation": (3, _from_euler),
    "eef_rotation_6d": (6, _from_six),
    "eef_rotation_vector": (3, _from_down),
}
"""Numbers a row, and rotation matrices ``[N, 3, 3]``, of each way in which a tool's rotation is stored."""
DELTA_ROTATIONS: dict[str, tuple[int, Read]] = {
    "delta_eef_rotation": (3, _from_euler),
    "delta_eef_quaternion": (4, _from_wxyz),
}
"""The same of turns between frames, beside the rotation vector."""
