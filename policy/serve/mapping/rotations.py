"""Rotations in the forms of `policy.observation_spec.FORMS`, to and from SciPy's."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from policy.serve.mapping.mapping import RotationForm


def rotations_from(values: np.ndarray, form: RotationForm) -> Rotation:
    """Rotations from numbers ``[T, W]``; ValueError where they are none, as a quaternion of zeros."""
    if form == "rotation_vector":
        return Rotation.from_rotvec(values)
    if form == "euler_xyz":
        return Rotation.from_euler("xyz", values)
    if form == "quaternion_xyzw":
        return Rotation.from_quat(values)
    if form == "quaternion_wxyz":
        return Rotation.from_quat(np.roll(values, -1, 1))
    if form == "matrix":
        return Rotation.from_matrix(values.reshape(-1, 3, 3))
    first = _unit(values[:, :3])
    second = _unit(values[:, 3:] - (first * values[:, 3:]).sum(1, keepdims=True) * first)
    return Rotation.from_matrix(np.stack((first, second, np.cross(first, second)), 2))


def numbers_of(rotations: Rotation, form: RotationForm) -> np.ndarray:
    """The inverse of `rotations_from`: ``[T, W]``."""
    if form == "rotation_vector":
        return np.asarray(rotations.as_rotvec())
    if form == "euler_xyz":
        return np.asarray(rotations.as_euler("xyz"))
    if form.startswith("quaternion"):
        xyzw = np.asarray(rotations.as_quat(canonical=True))
        return xyzw if form == "quaternion_xyzw" else np.roll(xyzw, 1, 1)
    matrices = np.asarray(rotations.as_matrix())
    if form == "matrix":
        return matrices.reshape(-1, 9)
    return matrices[:, :, :2].transpose(0, 2, 1).reshape(-1, 6)


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (lengths > 1e-9).all():
        raise ValueError("a rotation of zeros")
    return np.asarray(vectors / lengths)
