"""From what a task offers to what a policy takes: the conversions that an `ObservationSpec` names, and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from policy.observation_spec import CameraInput, ObservationOffer, ObservationSpec

_RESAMPLE = {
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}


@dataclass(frozen=True)
class Measured:
    """What was measured of ``n`` robots, as arrays."""

    joint_pos: np.ndarray
    """Arm joint positions ``[n, J]`` [rad]."""
    joint_vel: np.ndarray
    """Arm joint velocities ``[n, J]`` [rad/s]."""
    ee_pose: np.ndarray
    """Tool poses in the robot base frame ``[n, 7]``: x y z [m], quaternion x y z w."""
    gripper_width: np.ndarray
    """Distance between the fingertips ``[n]`` [m]."""


def state_vector(spec: ObservationSpec, measured: Measured, offer: ObservationOffer) -> np.ndarray:
    """The state ``[n, D]`` float32 that a policy takes, its parts in the order of the spec."""
    parts = [_FORMS[entry.quantity, entry.form](measured, offer) for entry in spec.state]
    n = len(measured.joint_pos)
    return np.concatenate([np.zeros((n, 0)), *parts], 1).astype(np.float32)


def picture(camera: CameraInput, images: np.ndarray) -> np.ndarray:
    """A camera's images ``[n, H, W, 3]`` uint8, RGB, as a policy takes them ``[n, height, width, 3]`` uint8."""
    n, height, width, _ = images.shape
    kept_h, kept_w = (max(1, round(side * camera.crop)) for side in (height, width))
    top, left = (height - kept_h) // 2, (width - kept_w) // 2
    images = images[:, top : top + kept_h, left : left + kept_w]
    wanted = (camera.height or height, camera.width or width)
    if (kept_h, kept_w) != wanted:
        images = np.stack([_resized(image, wanted, camera) for image in images]) if n else np.zeros(
            (0, *wanted, 3), np.uint8
        )  # fmt: skip
    return np.ascontiguousarray(images[..., ::-1] if camera.color_order == "bgr" else images)


def prompt(spec: ObservationSpec, instruction: str) -> str:
    """What a policy is told."""
    return spec.prompt.replace(
        "{instruction}", instruction
    )  # not str.format: an instruction is not ours to interpret


def _resized(image: np.ndarray, wanted: tuple[int, int], camera: CameraInput) -> np.ndarray:
    height, width = wanted
    inner_h, inner_w = wanted
    if camera.fit == "pad":
        scale = min(height / image.shape[0], width / image.shape[1])
        inner_h, inner_w = (max(1, round(side * scale)) for side in image.shape[:2])
    resized = np.asarray(Image.fromarray(image).resize((inner_w, inner_h), _RESAMPLE[camera.resample]))
    if (inner_h, inner_w) == wanted:
        return resized
    whole = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner_h) // 2, (width - inner_w) // 2
    whole[top : top + inner_h, left : left + inner_w] = resized
    return whole


def _rotation(make: Callable[[Rotation], np.ndarray]) -> Callable[[Measured, ObservationOffer], np.ndarray]:
    return lambda m, _: make(Rotation.from_quat(m.ee_pose[:, 3:])).reshape(len(m.ee_pose), -1)


def _hemisphere(rotation: Rotation) -> np.ndarray:
    return np.asarray(rotation.as_quat(canonical=True))


def _gripper(
    make: Callable[[np.ndarray, float], np.ndarray],
) -> Callable[[Measured, ObservationOffer], np.ndarray]:
    return lambda m, offer: make(np.asarray(m.gripper_width, float)[:, None], offer.gripper_max_width)


_FORMS: Mapping[tuple[str, str], Callable[[Measured, ObservationOffer], np.ndarray]] = {
    ("joint_pos", "rad"): lambda m, _: m.joint_pos,
    ("joint_pos", "deg"): lambda m, _: np.degrees(m.joint_pos),
    ("joint_vel", "rad/s"): lambda m, _: m.joint_vel,
    ("joint_vel", "deg/s"): lambda m, _: np.degrees(m.joint_vel),
    ("ee_position", "m"): lambda m, _: m.ee_pose[:, :3],
    ("ee_position", "mm"): lambda m, _: 1000 * m.ee_pose[:, :3],
    ("ee_rotation", "quaternion_xyzw"): _rotation(_hemisphere),
    ("ee_rotation", "quaternion_wxyz"): _rotation(lambda r: np.roll(_hemisphere(r), 1, 1)),
    ("ee_rotation", "rotation_vector"): _rotation(Rotation.as_rotvec),
    ("ee_rotation", "euler_xyz"): _rotation(lambda r: r.as_euler("xyz")),
    ("ee_rotation", "rotation_6d"): _rotation(lambda r: r.as_matrix()[:, :, :2].transpose(0, 2, 1)),
    ("ee_rotation", "matrix"): _rotation(Rotation.as_matrix),
    ("gripper", "m"): _gripper(lambda w, _: w),
    ("gripper", "mm"): _gripper(lambda w, _: 1000 * w),
    ("gripper", "open"): _gripper(lambda w, most: w / most),
    ("gripper", "closed"): _gripper(lambda w, most: 1 - w / most),
    ("gripper", "fingers"): _gripper(lambda w, _: np.concatenate((w / 2, w / 2), 1)),
    ("gripper", "fingers_opposed"): _gripper(lambda w, _: np.concatenate((w / 2, -w / 2), 1)),
}
