"""Rotations as columns of numbers that do not jump where nothing turns.

A hand that works on a table points down: half a turn from the base's frame. There Euler angles and the principal
rotation vector change by 2 pi between two frames that look alike, and a quaternion's w is about 0, so that its sign is
a coin's. Averages and bounds of such columns describe no pose. What is written instead:

* six numbers: the first two columns of the rotation matrix (Zhou et al. 2019, "On the continuity of rotation
  representations in neural networks", section 4.2). They are continuous everywhere;
* a rotation vector from `DOWN`, the pose of a hand that points straight down: small where the hand works. Along an
  episode it goes on past half a turn rather than to the other side;
* a quaternion in the hemisphere of a stated pose at its first row, and of one sign with its neighbours from there on.

All functions take and give ``N`` rotations in the order of the frames.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

DOWN = Rotation.from_quat((1.0, 0.0, 0.0, 0.0))
"""Tool axes of a hand that points straight down, as at the arm's home: x along the base's, y and z against them."""


def six_numbers(rotation: Rotation) -> np.ndarray:
    """The tool's x axis, then its y axis, in the frame that the rotation is told in ``[N, 6]``."""
    return rotation.as_matrix()[:, :, :2].transpose(0, 2, 1).reshape(-1, 6)


def from_six_numbers(numbers: np.ndarray) -> Rotation:
    """The rotations that `six_numbers` gave ``[N, 6]``; others are made orthonormal, the x axis kept (Gram-Schmidt)."""
    x, y = numbers[:, :3], numbers[:, 3:]
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    y = y - np.sum(x * y, 1, keepdims=True) * x
    y = y / np.linalg.norm(y, axis=1, keepdims=True)
    return Rotation.from_matrix(np.stack((x, y, np.cross(x, y)), -1))


def vector_from_down(rotation: Rotation) -> np.ndarray:
    """Rotation vectors ``[N, 3]`` [rad] whose rotation, applied after `DOWN`, is the given one.

    The first is at most half a turn long; each further one is that of its equals which is nearest to the one before.
    """
    vectors = (rotation * DOWN.inv()).as_rotvec()
    for k in range(1, len(vectors)):
        vectors[k] = _nearest(vectors[k], vectors[k - 1])
    return vectors


def from_vector(vectors: np.ndarray) -> Rotation:
    """The rotations that `vector_from_down` gave ``[N, 3]``."""
    return Rotation.from_rotvec(vectors) * DOWN


def _nearest(vector: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The vector of the same rotation that is nearest to ``before``: whole turns about its axis apart."""
    angle = float(np.linalg.norm(vector))
    axis = vector / angle if angle > 1e-6 else before / max(float(np.linalg.norm(before)), 1e-6)
    turns = round((float(axis @ before) - float(axis @ vector)) / (2 * np.pi))
    return vector + 2 * np.pi * turns * axis


def quaternion_wxyz(rotation: Rotation, like: Rotation | None = None) -> np.ndarray:
    """Quaternions ``[N, 4]`` w x y z without a change of sign between neighbours.

    Args:
        rotation: ``N`` of them.
        like: the first quaternion lies in the hemisphere of this one's: their product is not negative.
            None is the identity: the first has w >= 0.
    """
    return np.roll(of_one_sign(rotation.as_quat(), like or Rotation.identity()), 1, -1)


def of_one_sign(quaternions: np.ndarray, like: Rotation) -> np.ndarray:
    """Quaternions ``[N, 4]`` x y z w, each of the sign that is nearest to the one before, the first to ``like``."""
    turned = np.sum(quaternions[1:] * quaternions[:-1], -1) < 0
    sign = np.where(np.cumsum(turned) % 2, -1.0, 1.0)
    first = -1.0 if len(quaternions) and quaternions[0] @ like.as_quat(canonical=True) < 0 else 1.0
    return quaternions * (first * np.concatenate((np.ones(min(len(quaternions), 1)), sign)))[:, None]
