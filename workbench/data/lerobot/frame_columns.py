"""`frame_columns`: an episode as the columns of `workbench.data.lerobot.columns`, with a row a frame."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from tasks.tabletop.action_spaces import DELTA_EEF, action_specs
from workbench.data.episode import DatasetEpisode
from workbench.data.frame_actions import action_vector, frame_actions
from workbench.data.lerobot.columns import ACTION, NOWHERE, STATE, features, view
from workbench.data.rotations import DOWN, of_one_sign, quaternion_wxyz, six_numbers, vector_from_down


def frame_columns(
    episode: DatasetEpisode, bodies: int, space: str = DELTA_EEF.name, annotations: bool = True
) -> dict[str, np.ndarray]:
    """The columns of an episode: rows ``[F, D]`` of the shapes and types that `features` names.

    Args:
        episode: of ``F`` frames.
        bodies: places in the annotations about bodies.
        space: of ``action``: the name of one of the robot's action spaces.
        annotations: whether to have those.
    """
    rows = episode.frame_steps
    pose = episode.measured_ee_pose[rows].astype(np.float64)
    state = _posed(pose[:, :3], Rotation.from_quat(pose[:, 3:])) | {
        "joints": episode.measured_joint_pos[rows],
        "joints_velocity": episode.joint_vel[rows],
        "gripper_width": episode.measured_gripper_width[rows, None],
    }
    done, spec = frame_actions(episode), action_specs(episode.action_spec.robot)[space]
    command = {name: done[name] for name in ("joints", "delta_joints", "gripper_close")}
    command |= _posed(done["eef_position"], Rotation.from_matrix(done["eef_rotation_matrix"]))
    delta = Rotation.from_rotvec(done["delta_eef_rotation_vector"])
    command |= {
        "delta_eef_position": done["delta_eef_position"],
        "delta_eef_rotation": delta.as_euler("xyz"),
        "delta_eef_quaternion": quaternion_wxyz(delta),
        "delta_eef_rotation_vector": done["delta_eef_rotation_vector"],
        "delta_eef_turn": done["delta_eef_turn"],
    }
    found = {
        STATE: np.concatenate((state["joints"], state["gripper_width"]), 1),
        ACTION: action_vector(done, spec),
    }
    found |= {f"state.{name}": value for name, value in state.items()}
    found |= {f"command.{name}": value for name, value in command.items()}
    if annotations:
        found |= {n: np.where(np.isnan(v), NOWHERE, v) for n, v in _annotations(episode, bodies).items()}
    kinds = features(tuple(episode.cameras), bodies, spec, annotations)
    return {
        name: np.ascontiguousarray(found[name], kind.dtype).reshape(len(rows), *kind.shape)
        for name, kind in kinds.items()
    }


def _posed(position: np.ndarray, rotation: Rotation) -> dict[str, np.ndarray]:
    return {
        "eef_position": position,
        "eef_rotation_6d": six_numbers(rotation),
        "eef_rotation_vector": vector_from_down(rotation),
        "eef_quaternion": quaternion_wxyz(rotation, like=DOWN),
    }


def _annotations(episode: DatasetEpisode, bodies: int) -> dict[str, np.ndarray]:
    rows = episode.frame_steps
    turned = [
        np.roll(of_one_sign(episode.body_pose[rows, k, 3:], Rotation.identity()), 1, -1)
        for k in range(episode.body_pose.shape[1])
    ]
    found = {
        "annotation.phase": episode.phase[rows],
        "annotation.picture_age": (rows - episode.shown_steps) / episode.control_hz,
        "annotation.trace": episode.trace,
        "annotation.body_position": _padded(episode.body_pose[rows, :, :3], bodies),
        "annotation.body_quaternion": _padded(np.stack(turned, 1), bodies),
    }
    for name, camera in episode.cameras.items():
        each = {"camera_position": camera.position, "camera_rotation": camera.rotation}
        each |= {"boxes": _padded(camera.boxes, bodies), "visibility": _padded(camera.visibility, bodies)}
        each |= {key: getattr(camera, key) for key in ("grasp", "contact", "place", "trace")}
        found |= {f"annotation.{view(name)}.{key}": value for key, value in each.items()}
    return found


def _padded(values: np.ndarray, bodies: int) -> np.ndarray:
    """``[F, P, ...]`` with ``bodies`` instead of ``P``, what is new NaN."""
    missing = np.full((len(values), bodies - values.shape[1], *values.shape[2:]), np.nan)
    return np.concatenate((values, missing), 1)
