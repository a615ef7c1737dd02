"""`frame_columns`: an episode as columns with a row a frame, under the names that InternVLA-M1's data has.

Conventions of these columns, which are not all the project's own:

* quaternions are ``w x y z`` (the project: ``x y z w``), of one sign along an episode;
* ``eef_rotation`` are Euler angles about the fixed axes x, y, z [rad]: ``R = Rz Ry Rx``. For the deltas there is the
  rotation vector besides, which is what `tasks.pick_place.action_spaces.DELTA_EEF` means by a rotation;
* ``gripper_close`` is -1 for open and +1 for closed;
* deltas lie between commanded targets, and a translation is that of the tool itself. (In InternVLA-M1's own files the
  translation is that of the transform ``T[t] T[t-1]^-1``, which turns the tool about the robot's base: 3 mm apart at
  their rates.)

Pixels are ``(u, v)`` of the stored picture; NaN is what is not there. All bodies of a dataset have a row; those that an
episode lacks are NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from workbench.data.episode import TRACE_POINTS, DatasetEpisode
from workbench.data.frame_actions import frame_actions

VIEWS = {"front": "base_view", "wrist": "ego_view"}
"""Names of our cameras in InternVLA-M1's data; others keep theirs."""
_XYZ, _RPY, _WXYZ = ("x", "y", "z"), ("roll", "pitch", "yaw"), ("w", "x", "y", "z")
_JOINTS = tuple(f"joint_{i + 1}" for i in range(7))


@dataclass(frozen=True)
class Feature:
    """What one row of a column is."""

    shape: tuple[int, ...]
    names: tuple[str, ...] | None = None
    """Of the numbers along the last axis."""
    dtype: str = "float32"


INDEX = {
    "timestamp": Feature((1,)),
    "frame_index": Feature((1,), dtype="int64"),
    "episode_index": Feature((1,), dtype="int64"),
    "index": Feature((1,), dtype="int64"),
    "task_index": Feature((1,), dtype="int64"),
}
"""Columns that every LeRobot dataset has."""
_POSE = {
    "joints": Feature((7,), _JOINTS),
    "eef_position": Feature((3,), _XYZ),
    "eef_rotation": Feature((3,), _RPY),
    "eef_quaternion": Feature((4,), _WXYZ),
}
_STATE = _POSE | {
    "joints_velocity": Feature((7,), _JOINTS),
    "gripper_width": Feature((1,), ("width",)),
}
_ACTION = _POSE | {
    "delta_joints": Feature((7,), _JOINTS),
    "delta_eef_position": Feature((3,), _XYZ),
    "delta_eef_rotation": Feature((3,), _RPY),
    "delta_eef_quaternion": Feature((4,), _WXYZ),
    "delta_eef_rotation_vector": Feature((3,), _XYZ),
    "gripper_close": Feature((1,), ("gripper_close",)),
}


def view(camera: str) -> str:
    """A camera's name in the exports."""
    return VIEWS.get(camera, camera)


def features(cameras: tuple[str, ...], bodies: int) -> dict[str, Feature]:
    """The columns of `frame_columns`, without the index: state, action, and annotations.

    Args:
        cameras: the project's names.
        bodies: rows of the annotations about bodies.
    """
    found = {f"state.{name}": f for name, f in _STATE.items()}
    found |= {f"action.{name}": f for name, f in _ACTION.items()}
    found |= {
        "annotation.phase": Feature((1,), dtype="int64"),
        "annotation.picture_age": Feature((1,), ("seconds",)),
        "annotation.trace": Feature((TRACE_POINTS, 3), _XYZ),
        "annotation.body_position": Feature((bodies, 3), _XYZ),
        "annotation.body_quaternion": Feature((bodies, 4), _WXYZ),
    }
    for camera in cameras:
        each = {
            "camera_position": Feature((3,), _XYZ),
            "camera_rotation": Feature((3, 3)),
            "boxes": Feature((bodies, 4), ("u_min", "v_min", "u_max", "v_max")),
            "visibility": Feature((bodies,)),
            "grasp": Feature((2,), ("u", "v")),
            "contact": Feature((2, 2), ("u", "v")),
            "place": Feature((2,), ("u", "v")),
            "trace": Feature((TRACE_POINTS, 2), ("u", "v")),
        }
        found |= {f"annotation.{view(camera)}.{name}": f for name, f in each.items()}
    return found


def frame_columns(episode: DatasetEpisode, bodies: int) -> dict[str, np.ndarray]:
    """The columns of an episode: rows of the shapes that `features` names, of their types.

    State is what the robot reported at the frame (joint velocities are true: it reports none), action what was
    commanded from there to the next frame.
    """
    rows = episode.frame_steps
    pose = episode.measured_ee_pose[rows].astype(np.float64)
    state = _rotated("eef", pose[:, :3], Rotation.from_quat(pose[:, 3:])) | {
        "joints": episode.measured_joint_pos[rows],
        "joints_velocity": episode.joint_vel[rows],
        "gripper_width": episode.measured_gripper_width[rows, None],
    }
    done = frame_actions(episode)
    action = {name: done[name] for name in ("joints", "delta_joints", "gripper_close")}
    action |= _rotated("eef", done["eef_position"], Rotation.from_matrix(done["eef_rotation_matrix"]))
    delta = Rotation.from_rotvec(done["delta_eef_rotation_vector"])
    action |= _rotated("delta_eef", done["delta_eef_position"], delta)
    action["delta_eef_rotation_vector"] = done["delta_eef_rotation_vector"]

    found = {f"state.{name}": value for name, value in state.items()}
    found |= {f"action.{name}": value for name, value in action.items()}
    found["annotation.phase"] = episode.phase[rows]
    found["annotation.picture_age"] = (rows - episode.shown_steps) / episode.control_hz
    found["annotation.trace"] = episode.trace
    found["annotation.body_position"] = _padded(episode.body_pose[rows, :, :3], bodies)
    found["annotation.body_quaternion"] = _padded(np.roll(episode.body_pose[rows, :, 3:], 1, -1), bodies)
    for name, camera in episode.cameras.items():
        each = {"camera_position": camera.position, "camera_rotation": camera.rotation}
        each |= {"boxes": _padded(camera.boxes, bodies), "visibility": _padded(camera.visibility, bodies)}
        each |= {key: getattr(camera, key) for key in ("grasp", "contact", "place", "trace")}
        found |= {f"annotation.{view(name)}.{key}": value for key, value in each.items()}
    kinds = features(tuple(episode.cameras), bodies)
    return {
        name: np.ascontiguousarray(found[name], kind.dtype).reshape(len(rows), *kind.shape)
        for name, kind in kinds.items()
    }


def quaternion_wxyz(rotation: Rotation) -> np.ndarray:
    """Quaternions ``[N, 4]`` w x y z, the first with w >= 0, no sign changes between neighbours."""
    quaternion = np.roll(rotation.as_quat(), 1, -1)
    turned = np.sum(quaternion[1:] * quaternion[:-1], -1) < 0
    sign = np.where(np.cumsum(turned) % 2, -1.0, 1.0)
    first = -1.0 if quaternion[0, 0] < 0 else 1.0
    return quaternion * (first * np.concatenate(((1.0,), sign)))[:, None]


def _rotated(name: str, position: np.ndarray, rotation: Rotation) -> dict[str, np.ndarray]:
    return {
        f"{name}_position": position,
        f"{name}_rotation": rotation.as_euler("xyz"),
        f"{name}_quaternion": quaternion_wxyz(rotation),
    }


def _padded(values: np.ndarray, bodies: int) -> np.ndarray:
    """``[F, P, ...]`` with ``bodies`` instead of ``P``, what is new NaN."""
    missing = np.full((len(values), bodies - values.shape[1], *values.shape[2:]), np.nan)
    return np.concatenate((values, missing), 1)
