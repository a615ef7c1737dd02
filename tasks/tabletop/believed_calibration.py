"""`BelievedCalibration`: the calibration of its cameras that a robot goes by, as against the true one. Pure torch.

Nothing of it is worked out unless a policy asks for it.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from policy.contract import Calibration
from tasks.camera_spec import CameraSpec
from tasks.poses import from_rotation_vector, matrix, product
from tasks.settings import PerEnvironment


class BelievedCalibration(PerEnvironment):
    """What ``N`` robots believe of their cameras. At nominal settings it is the truth, distortion always is.

    Settings, of all cameras alike:
        believed_intrinsics_error: by what the focal length is believed to be longer, as a share of it, and the
            principal point farther right and down, as shares of the image's width and height ``[3]``.
        believed_pose_error: by what the camera is believed to stand off, along the axes of the frame that its pose is
            given in [m], and to be turned about its own axes, a rotation vector [rad] ``[6]``.
    """

    def __init__(
        self, num_envs: int, device: str, on_the_hand: tuple[np.ndarray, np.ndarray] | None = None
    ) -> None:
        """``on_the_hand`` is where a carried camera is in the tool's frame: position ``[3]`` [m], axes ``[3, 3]``."""
        super().__init__(
            num_envs, device, believed_intrinsics_error=(0.0,) * 3, believed_pose_error=(0.0,) * 6
        )
        self._on_the_hand = on_the_hand

    def of(
        self,
        camera: CameraSpec,
        intrinsics: torch.Tensor,
        distortion: torch.Tensor,
        stands: tuple[torch.Tensor, torch.Tensor] | None,
    ) -> Calibration:
        """What is believed of a camera, all environments.

        Args:
            camera: its name and the size of its images.
            intrinsics: true calibration ``[N, 3, 3]`` [px].
            distortion: true radial distortion ``[N]``.
            stands: true position ``[N, 3]`` [m] and OpenCV axes ``[N, 3, 3]`` in the base frame; None for the camera on
                the hand.
        """
        believed = intrinsics.clone()
        error = self["believed_intrinsics_error"].to(believed)
        believed[:, (0, 1), (0, 1)] *= 1 + error[:, :1]
        believed[:, :2, 2] += error[:, 1:] * torch.tensor((camera.width, camera.height)).to(error)
        if stands is None:
            assert self._on_the_hand is not None, f"nothing says where the hand carries camera {camera.name}"
            position, axes = (
                torch.tensor(value, dtype=torch.float32, device=self.device).expand(
                    self.num_envs, *value.shape
                )
                for value in self._on_the_hand
            )
        else:
            position, axes = stands
        error = self["believed_pose_error"]
        turned = product(axes, matrix(from_rotation_vector(error[:, 3:])))
        quaternion = Rotation.from_matrix(turned.cpu().numpy()).as_quat(canonical=True)
        pose = torch.cat((position + error[:, :3], torch.from_numpy(quaternion).to(position)), 1)
        return Calibration(believed, distortion, pose, "end_effector" if stands is None else "base")
