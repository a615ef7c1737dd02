"""Rigid transforms as ``[4, 4]`` matrices, and the other ways in which they are written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation


def matrix(position: np.ndarray | Sequence[float], rotation: np.ndarray) -> np.ndarray:
    """A transform ``[4, 4]`` from a position ``[3]`` [m] and axes as columns ``[3, 3]``."""
    made = np.eye(4)
    made[:3, :3], made[:3, 3] = rotation, position
    return made


def from_seven(pose: np.ndarray | Sequence[float]) -> np.ndarray:
    """A transform ``[4, 4]`` from x y z [m] and a quaternion x y z w ``[7]``."""
    pose = np.asarray(pose, np.float64)
    return matrix(pose[:3], Rotation.from_quat(pose[3:]).as_matrix())


def to_seven(transform: np.ndarray) -> list[float]:
    """Inverse of `from_seven`."""
    quaternion = Rotation.from_matrix(transform[:3, :3]).as_quat(canonical=True)
    return [*transform[:3, 3].tolist(), *quaternion.tolist()]


def from_six(values: np.ndarray) -> np.ndarray:
    """A transform ``[4, 4]`` from a rotation vector [rad] and a position [m] ``[6]``."""
    return matrix(values[3:], Rotation.from_rotvec(values[:3]).as_matrix())


def to_six(transform: np.ndarray) -> np.ndarray:
    """Inverse of `from_six`."""
    return np.concatenate((Rotation.from_matrix(transform[:3, :3]).as_rotvec(), transform[:3, 3]))


def inverse(transform: np.ndarray) -> np.ndarray:
    """Of rigid transforms ``[..., 4, 4]``."""
    turned = np.swapaxes(transform[..., :3, :3], -1, -2)
    made = np.zeros_like(transform)
    made[..., :3, :3] = turned
    made[..., :3, 3] = -(turned @ transform[..., :3, 3:])[..., 0]
    made[..., 3, 3] = 1.0
    return made


def apart(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Distance [m] and angle [rad] between two transforms ``[4, 4]``."""
    turn = Rotation.from_matrix(one[:3, :3].T @ other[:3, :3]).magnitude()
    return float(np.linalg.norm(one[:3, 3] - other[:3, 3])), float(turn)
