"""Between the model's own numbers and the physical units of its `ActionSpec`.

Three things differ: channels with statistics are scaled to [-1, 1]; the gripper has levels of its own (0 and 1 in the
published models, whichever way those close); rotations may be roll, pitch, yaw where the spec has a rotation vector,
and the statistics are then those of roll, pitch, yaw.
Both directions stand here, one above the other, because training in one convention and acting in another runs without
an error.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from policy.m1.config import M1Config, rotation_channels


def encode_actions(actions: torch.Tensor, config: M1Config) -> torch.Tensor:
    """Physical actions ``[..., A]`` as the model's own numbers, float32; gripper commands of either sign."""
    spec, encoding = config.action_spec, config.encoding
    values = actions.detach().double().cpu().numpy()
    encoded = values.copy()
    if encoding.rotation == "euler_xyz":
        turn = rotation_channels(spec)
        vectors = values[..., turn]
        euler = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_euler("xyz")
        encoded[..., turn] = euler.reshape(vectors.shape)
    if spec.normalisation is not None:
        encoded = spec.normalisation.normalise(encoded)
    gripper = spec.gripper_index
    if gripper is not None:
        low, high = encoding.gripper_levels
        command = values[..., gripper]
        if encoding.gripper_binary:
            command = np.where(command > 0.0, 1.0, -1.0)
        encoded[..., gripper] = low + (command + 1.0) / 2.0 * (high - low)
    return torch.from_numpy(encoded).float().to(actions.device)


def decode_actions(actions: torch.Tensor, config: M1Config) -> torch.Tensor:
    """The model's own numbers ``[..., A]`` as physical actions, float32, within the limits of the spec's channels.

    An action any number of which is not finite is NaN throughout: a limit or a gripper level would hide it.
    """
    spec, encoding = config.action_spec, config.encoding
    values = actions.detach().double().cpu().numpy()
    is_finite = np.isfinite(values).all(axis=-1, keepdims=True)
    values = np.where(is_finite, values, 0.0)
    decoded = values.copy()
    if spec.normalisation is not None:
        decoded = np.array(spec.normalisation.denormalise(values))
    if encoding.rotation == "euler_xyz":
        turn = rotation_channels(spec)
        euler = decoded[..., turn]
        vectors = Rotation.from_euler("xyz", euler.reshape(-1, 3)).as_rotvec()
        decoded[..., turn] = vectors.reshape(euler.shape)
    gripper = spec.gripper_index
    if gripper is not None:
        low, high = encoding.gripper_levels
        command = (values[..., gripper] - low) / (high - low) * 2.0 - 1.0
        if encoding.gripper_binary:
            command = np.where(command > 0.0, 1.0, -1.0)
        decoded[..., gripper] = command
    limited = np.where(is_finite, np.clip(decoded, spec.low, spec.high), np.nan)
    return torch.from_numpy(limited).float().to(actions.device)
