"""What both versions of LeRobot's format keep besides columns: features, facts about episodes, what numbers mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.spatial.transform import Rotation

from policy.action import ActionSpec
from robots.registry import arm_names, is_known
from tasks.tabletop.action_spaces import action_specs
from workbench.data.archive.archive import ArchiveError
from workbench.data.archive.survey import Survey
from workbench.data.episode import PHASES, SUBTASKS, CameraFrames, DatasetEpisode
from workbench.data.frame_actions import frame_actions, frame_spec, sources
from workbench.data.lerobot.columns import INDEX, Feature, view
from workbench.data.pictures import decode
from workbench.data.rotations import of_one_sign, quaternion_wxyz
from workbench.data.thumbnails import moments, thumbnail
from workbench.data.validation.checks.motion import command_lags
from workbench.data.video import information

CONVENTIONS = "meta/conventions.json"
"""Where a dataset says what its numbers mean, if it was written here."""
ORIGIN = "meta/origin.json"
"""What was asked for, and what it was made with."""


def index_columns(
    episode_index: int, first: int, frames: int, fps: float, task: int
) -> dict[str, np.ndarray]:
    """The columns of `INDEX`: frame k lies at k / fps seconds."""
    k = np.arange(frames)
    found = {
        "timestamp": k / fps,
        "frame_index": k,
        "episode_index": np.full(frames, episode_index),
        "index": first + k,
        "task_index": np.full(frames, task),
    }
    return {name: value.astype(INDEX[name].dtype) for name, value in found.items()}


def arrow_table(
    columns: Mapping[str, np.ndarray], scalars: Sequence[str], fixed_size: bool = False
) -> pa.Table:
    """Rows ``[N, D]`` as Arrow lists; those of ``scalars``, ``[N]`` or ``[N, 1]``, as plain numbers.

    With ``fixed_size``, lists are of a type that has their length.
    """
    found = {}
    for name, value in columns.items():
        flat = pa.array(value.reshape(-1))
        if name in scalars:
            found[name] = flat
        elif fixed_size:
            found[name] = pa.FixedSizeListArray.from_arrays(flat, value.shape[1])
        else:
            offsets = np.arange(value.shape[0] + 1, dtype=np.int32) * value.shape[1]
            found[name] = pa.ListArray.from_arrays(offsets, flat)
    return pa.table(found)


def feature_entries(features: Mapping[str, Feature]) -> dict[str, dict[str, Any]]:
    """``info.json``'s description of numeric columns."""
    return {
        name: {"dtype": f.dtype, "shape": list(f.shape), "names": list(f.names) if f.names else None}
        for name, f in features.items()
    }


def video_entry(path: Path, size: tuple[int, int]) -> dict[str, Any]:
    """``info.json``'s description of a video column, from one of its files."""
    return {
        "dtype": "video",
        "shape": [size[1], size[0], 3],
        "names": ["height", "width", "channels"],
        "info": information(path),
    }


def whole_or_float(fps: float) -> int | float:
    """A rate as readers expect it: a whole number where it is one."""
    return int(fps) if float(fps).is_integer() else fps


def task_data(episode: DatasetEpisode) -> dict[str, Any]:
    """What an episode's line says beyond LeRobot's own: InternVLA-M1's ``task_data``, and what that lacks.

    Poses: position [m] and quaternion w x y z with w >= 0, in the robot base frame but for ``base_pose``, which is the
    base in the frame of the table. A camera's pose is that of its first frame: every frame's is in the columns.
    ``command_lag`` are the rows after which commanded targets followed what was sent, by action space; see
    `workbench.data.validation.checks.motion.lag`.
    """
    return {
        "original_episode_name": episode.name,
        "render": episode.render,
        "task": episode.record["task"],
        "seed": episode.record["seed"],
        "success": episode.record["success"],
        **{name: episode.record[name] for name in ("split", "held_out") if name in episode.record},
        "command_lag": command_lags(frame_actions(episode)),
        "control_hz": episode.control_hz,
        "base_pose": _pose(episode.base_pose),
        "bodies": [
            {"slot": b.slot, "role": b.role, "label": b.label, "extents": list(b.extents)}
            for b in episode.bodies
        ],
        "camera_data": {view(name): _camera(episode, name) for name in episode.cameras},
        "frame_status": frame_status(episode),
        "grasp": {"position": episode.grasp[0].tolist(), "closing_direction": episode.grasp[1].tolist()}
        if np.isfinite(episode.grasp).all()
        else None,
        "contact_points": episode.contact.tolist() if np.isfinite(episode.contact).all() else None,
        "place_point": episode.place.tolist(),
        "rewritten_instruction": list(episode.paraphrases),
        "factors": dict(episode.factors),
    }


def frame_status(episode: DatasetEpisode) -> dict[str, int]:
    """First frame of each phase, keyed ``<goal>/<phase>`` as InternVLA-M1's data does; there is one goal, 0."""
    phase = episode.phase[episode.frame_steps]
    return {f"0/{name}": int(np.argmax(phase == k)) for k, name in enumerate(PHASES) if (phase == k).any()}


def _camera(episode: DatasetEpisode, name: str) -> dict[str, Any]:
    camera = episode.cameras[name]
    k = camera.intrinsics.astype(float)
    pose = Rotation.from_matrix(camera.rotation[:1].astype(float))
    return {
        "name": name,
        "camera_params": [k[0, 0], k[1, 1], k[0, 2], k[1, 2], camera.width, camera.height],
        "intrinsics": k.tolist(),
        "distortion": float(camera.distortion),
        "position": camera.position[0].tolist(),
        "orientation": quaternion_wxyz(pose)[0].tolist(),
        "thumbnails": _thumbnails(camera),
        "moves": any(np.ptp(v, axis=0).max() > 1e-6 for v in (camera.position, camera.rotation)),
    }


def _thumbnails(camera: CameraFrames) -> dict[str, list[Any]]:
    """Mean colours of a few of an episode's pictures, as they were drawn."""
    frames = moments(len(camera.jpeg))
    kept = camera.thumbnails
    colors = [kept[f] if kept is not None else thumbnail(decode(camera.jpeg[f])) for f in frames]
    return {"frames": frames, "colors": [color.ravel().tolist() for color in colors]}


def _pose(pose: np.ndarray) -> dict[str, list[float]]:
    orientation = np.roll(of_one_sign(pose[None, 3:], Rotation.identity()), 1, -1)[0]
    return {"position": pose[:3].tolist(), "orientation": orientation.tolist()}


def exported_space(survey: Survey, space: str) -> ActionSpec:
    """What ``action`` holds; ArchiveError for a robot that is not known here, or that is not simulated."""
    own = survey.action_spec.robot
    if not is_known(own):
        if own in arm_names():
            raise ArchiveError(
                f"this archive's robot is {own}, which only the bridge knows: exports are of robots that are simulated"
            )
        raise ArchiveError(
            f"this archive's robot is {own}, which is not installed: its joints and tool are not known here"
        )
    return action_specs(own)[space]


def conventions(survey: Survey, space: str, of: Mapping[str, Feature]) -> dict[str, Any]:
    """What the numbers mean, for people and for checks: ``meta/conventions.json``.

    Args:
        survey: of the archive.
        space: what the column ``action`` holds.
        of: the columns of numbers.
    """
    spaces = action_specs(survey.action_spec.robot)
    return {
        "action_spec": survey.action_spec.to_dict(),
        "action": {
            "space": space,
            "spec": frame_spec(spaces[space], survey.control_hz, survey.stride).to_dict(),
        },
        "frame_action_specs": {
            name: frame_spec(spec, survey.control_hz, survey.stride).to_dict()
            for name, spec in spaces.items()
        },
        "delta_reference": "previous_command",
        "delta_source": sources(survey.action_spec),
        "delta_frame": "base: translation of the tool point; rotation multiplied from the left",
        "delta_span": "from this frame to the next",
        "gripper_close": {"open": -1, "closed": 1},
        "gripper_width": "distance between the fingertips [m]",
        "quaternion": "w x y z, continuous along an episode; first one of eef_quaternion: x >= 0 (hand down: 0 1 0 0); "
        "others: w >= 0",
        "eef_rotation_6d": "x axis, then y axis of the tool in the robot base frame",
        "eef_rotation_vector": "axis times angle [rad] from the hand that points down: R = exp(v) diag(1, -1, -1)",
        "delta_eef_rotation": "Euler angles about fixed x, y, z [rad]: R = Rz Ry Rx",
        "delta_eef_rotation_vector": "axis times angle [rad]",
        "frame": "robot base: x forward, z up [m]; end effector: the point between the fingertips",
        "camera": "OpenCV axes (x right, y down, z forward) as columns of camera_rotation, in the robot base frame",
        "distortion": "radial k: a point at normalised radius r appears at r (1 + k r^2)",
        "pixels": "(u, v) of the stored picture from its top-left corner",
        "nowhere": "annotations of what is not there are infinite",
        "boxes": "outer edges of a body's visible pixels; rows as in task_data.bodies",
        "visibility": "visible pixels as a share of those that the body would cover alone",
        "picture_age": "how much older than its frame the picture is [s]: annotations are of the picture's instant",
        "trace": "path of the tool from the picture's instant to the end of its sub-task, evenly spaced in length",
        "tables": {name: list(f.layout) for name, f in of.items() if f.layout},
        "phases": list(PHASES),
        "subtasks": SUBTASKS,
        "state": "what the robot reported at the frame; joints_velocity is the true one",
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """A JSON file; ValueError for numbers that JSON does not have."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def append(path: Path, content: Mapping[str, Any]) -> None:
    """Add a line to a JSON-lines file; ValueError for numbers that JSON does not have."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n")
