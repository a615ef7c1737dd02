"""Whether an exported column moves further from frame to frame than what it describes: bounds from the raw episode."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from workbench.data.episode import DatasetEpisode
from workbench.data.frame_actions import frame_actions
from workbench.data.lerobot.columns import VIEWS
from workbench.data.lerobot.frame_columns import frame_columns

SLACK = 2e-5
"""Rounding of 32 bits."""
NOT_OF_THE_ROBOT = ("boxes", "visibility", "grasp", "contact", "place", "trace", "phase", "picture_age")
"""Annotations that change with what hides a thing, what is to be done next, or how late a picture is."""


def path(values: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Length of the way of ``[T + 1, ...]`` between the steps of neighbouring frames ``[F - 1]``."""
    gone = np.linalg.norm(np.diff(values.reshape(len(values), -1).astype(float), axis=0), axis=1)
    return _between(gone, steps)


def turned(quaternions: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """How far ``[T + 1, 4]`` turn on the way between the steps of neighbouring frames ``[F - 1]`` [rad]."""
    rotation = Rotation.from_quat(quaternions)
    return _between((rotation[1:] * rotation[:-1].inv()).magnitude(), steps)


def _between(each: np.ndarray, steps: np.ndarray) -> np.ndarray:
    so_far = np.concatenate(((0.0,), np.cumsum(each)))
    return np.abs(so_far[steps[1:]] - so_far[steps[:-1]])  # a picture that is later may show what was before


def jumps(episode: DatasetEpisode) -> list[str]:
    """Columns that move further in one step than the robot, the bodies or the cameras do; empty for a sound export."""
    rows, shown = episode.frame_steps, episode.shown_steps
    columns = frame_columns(episode, len(episode.bodies))
    bounds = _of_the_pose(
        "state", path(episode.measured_ee_pose[:, :3], rows), turned(episode.measured_ee_pose[:, 3:], rows)
    )
    joints, width = path(episode.measured_joint_pos, rows), path(episode.measured_gripper_width, rows)
    bounds |= {
        "state.joints": joints,
        "state.gripper_width": width,
        "state.joints_velocity": path(episode.joint_vel, rows),
        "observation.state": joints + width,
    }
    done = frame_actions(episode)
    commanded = Rotation.from_matrix(done["eef_rotation_matrix"])
    bounds |= _of_the_pose(
        "command",
        np.linalg.norm(np.diff(done["eef_position"], axis=0), axis=1),
        (commanded[1:] * commanded[:-1].inv()).magnitude(),
    )
    bounds["command.joints"] = np.linalg.norm(np.diff(done["joints"], axis=0), axis=1)
    # A delta is a motion itself: from one to the next it changes by no more than the two motions are long.
    for name in ("delta_joints", "delta_eef_position", "delta_eef_rotation_vector"):
        bounds[f"command.{name}"] = _both(done[name])
    bounds["command.delta_eef_rotation"] = 1.2 * bounds["command.delta_eef_rotation_vector"]
    bounds["command.delta_eef_quaternion"] = 0.5 * bounds["command.delta_eef_rotation_vector"]
    closing = 2.0 * np.abs(np.diff(done["gripper_close"][:, 0]) / 2)
    bounds["command.gripper_close"] = closing
    bounds["action"] = (
        bounds["command.delta_eef_position"] + bounds["command.delta_eef_rotation_vector"] + closing
    )
    each = range(len(episode.bodies))
    bounds["annotation.body_position"] = path(episode.body_pose[:, :, :3], rows) + 0 * joints
    bounds["annotation.body_quaternion"] = sum(turned(episode.body_pose[:, k, 3:], rows) for k in each) / 2
    for camera in episode.cameras:
        name = f"annotation.{VIEWS[camera]}.camera"
        moves = camera == "wrist"
        hand = path(episode.ee_pose[:, :3], shown), turned(episode.ee_pose[:, 3:], shown)
        # The camera sits beside the tool point: it swings about it. Three axes turn by as much each.
        bounds[f"{name}_position"] = moves * (hand[0] + 0.3 * hand[1])
        bounds[f"{name}_rotation"] = moves * np.sqrt(3) * hand[1]
    found = []
    for name, values in columns.items():
        if name.rpartition(".")[2] in NOT_OF_THE_ROBOT:
            continue
        step = np.linalg.norm(np.diff(values.astype(float), axis=0), axis=1)
        allowed = bounds[name] * 1.001 + SLACK * (1 + np.abs(values).max())
        if (step > allowed).any():
            k = int(np.argmax(step - allowed))
            found.append(f"{name} moves by {step[k]:.4f} at frame {k + 1}, at most {allowed[k]:.4f} is real")
    return found


def _of_the_pose(kind: str, moved: np.ndarray, angle: np.ndarray) -> dict[str, np.ndarray]:
    return {
        f"{kind}.eef_position": moved,
        f"{kind}.eef_rotation_6d": np.sqrt(2) * angle,
        # Up to a quarter turn from the pose that it is told from, a vector changes by 1.12 of the turn at most.
        f"{kind}.eef_rotation_vector": 1.12 * angle,
        f"{kind}.eef_quaternion": angle / 2,
    }


def _both(deltas: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(deltas, axis=1)
    return size[1:] + size[:-1]
