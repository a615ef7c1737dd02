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
    placed = _placement(camera, height, width)
    top, left = placed.crop_top, placed.crop_left
    images = images[:, top : top + placed.kept_height, left : left + placed.kept_width]
    wanted = (camera.height or height, camera.width or width)
    if (placed.kept_height, placed.kept_width) != wanted:
        images = np.stack([_resized(image, wanted, placed, camera) for image in images]) if n else np.zeros(
            (0, *wanted, 3), np.uint8
        )  # fmt: skip
    return np.ascontiguousarray(images[..., ::-1] if camera.color_order == "bgr" else images)


def intrinsics(camera: CameraInput, matrices: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Calibration matrices ``[n, 3, 3]`` [px] of what `picture` makes of images with ``matrices``.

    Args:
        camera: how the policy takes the picture.
        matrices: of the camera's own images [px].
        size: width and height of those [px].
    """
    width, height = size
    placed = _placement(camera, height, width)
    converted = np.array(matrices, float)
    converted[:, 0] *= placed.width / placed.kept_width
    converted[:, 1] *= placed.height / placed.kept_height
    converted[:, 0, 2] += placed.left - placed.crop_left * placed.width / placed.kept_width
    converted[:, 1, 2] += placed.top - placed.crop_top * placed.height / placed.kept_height
    return converted


def prompt(spec: ObservationSpec, instruction: str) -> str:
    """What a policy is told."""
    return spec.prompt.replace(
        "{instruction}", instruction
    )  # not str.format: an instruction is not ours to interpret


@dataclass(frozen=True)
class _Placement:
    """Which part of an image a policy's picture shows, and where in the picture; all [px]."""

    crop_left: int
    crop_top: int
    kept_width: int
    kept_height: int
    left: int
    top: int
    width: int
    height: int


def _placement(camera: CameraInput, height: int, width: int) -> _Placement:
    kept_h, kept_w = (max(1, round(side * camera.crop)) for side in (height, width))
    whole_h, whole_w = camera.height or height, camera.width or width
    inner_h, inner_w = whole_h, whole_w
    if camera.fit == "pad":
        scale = min(whole_h / kept_h, whole_w / kept_w)
        inner_h, inner_w = (max(1, round(side * scale)) for side in (kept_h, kept_w))
    return _Placement(
        crop_left=(width - kept_w) // 2, crop_top=(height - kept_h) // 2, kept_width=kept_w, kept_height=kept_h,
        left=(whole_w - inner_w) // 2, top=(whole_h - inner_h) // 2, width=inner_w, height=inner_h,
    )  # fmt: skip


def _resized(
    image: np.ndarray, wanted: tuple[int, int], placed: _Placement, camera: CameraInput
) -> np.ndarray:
    size = (placed.width, placed.height)
    resized = np.asarray(Image.fromarray(image).resize(size, _RESAMPLE[camera.resample]))
    if resized.shape[:2] == wanted:
        return resized
    whole = np.zeros((*wanted, 3), np.uint8)
    whole[placed.top : placed.top + placed.height, placed.left : placed.left + placed.width] = resized
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
