"""The columns of exported datasets: their names, shapes and conventions, and what they were called before.

Every row is flat: one number, or a list of them, which is all that LeRobot's own tools write back. `Feature.names` say
what each number is, and `arranged` gives a table its shape again. Four kinds are told apart by how they begin:

* ``action`` and ``observation.state`` are what LeRobot's policies train on: exactly one of each, since those take
  whatever begins so for an output or an input;
* ``state.`` is what the robot reported at the frame (joint velocities are true: it reports none);
* ``command.`` is what was commanded from there to the next frame, in every form that somebody trains on;
* ``annotation.`` describes the scene; nothing is normalised by it, and public loaders leave it alone.

Conventions, which are not all the project's own:

* quaternions are ``w x y z`` (the project: ``x y z w``) and change continuously along an episode. The tool's begin in
  the hemisphere of a hand that points down, the others with w >= 0;
* ``eef_rotation_6d`` and ``eef_rotation_vector`` are `six_numbers` and `vector_from_down` of
  `workbench.data.rotations`;
* ``delta_eef_rotation`` are Euler angles about the fixed axes x, y, z [rad], ``R = Rz Ry Rx``: from frame to frame they
  are small. ``delta_eef_rotation_vector`` is the same turn as a vector, which is what
  `tasks.tabletop.action_spaces.DELTA_EEF` means by a rotation;
* ``gripper_close`` is -1 for open and +1 for closed; in ``action``, +1 opens, as the environments take it;
* ``delta_eef_turn`` is the same turn in the numbers of the robot's own tool motion, as the SO-ARM's pitch and roll;
  where those are a rotation vector there is no such column;
* deltas lie between commanded targets, and a translation is that of the tool itself. (In InternVLA-M1's own files the
  translation is that of the transform ``T[t] T[t-1]^-1``, which turns the tool about the robot's base: 3 mm apart at
  their rates.)

Pixels are ``(u, v)`` of the stored picture. All bodies of a dataset have a place in a row. What is not there, as the
box of a body that is not seen, or a place that an episode has no body for, is infinite: `NOWHERE`. It would be NaN, but
LeRobot's merge turns a NaN in a list into a null, which its own reader cannot read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from policy.action import ActionSpec
from robots.registry import DEFAULT, robot
from tasks.tabletop.action_spaces import DELTA_EEF, action_specs
from workbench.data.episode import TRACE_POINTS
from workbench.data.frame_actions import turn_channels

ACTION, STATE = "action", "observation.state"
"""What LeRobot's policies train on."""
ANNOTATION = "annotation."
"""How columns begin that describe the scene."""
NOWHERE = float("inf")
"""In the columns of annotations, what is not there."""
VIDEO = "observation.images."
"""How the columns of pictures begin."""
VIEWS = {"front": "base_view", "wrist": "ego_view"}
"""Names of our cameras in InternVLA-M1's data; others keep theirs."""
_XYZ, _RPY, _WXYZ, _UV = ("x", "y", "z"), ("roll", "pitch", "yaw"), ("w", "x", "y", "z"), ("u", "v")
_JOINTS = tuple(f"joint_{i + 1}" for i in range(len(robot().spec.arm_joints)))
"""Names of the default robot's joints, as in InternVLA-M1's data."""


@dataclass(frozen=True)
class Feature:
    """What one row of a column is."""

    shape: tuple[int]
    """How many numbers: every row is flat."""
    names: tuple[str, ...] | None = None
    """Of each number."""
    dtype: str = "float32"
    layout: tuple[int, ...] = ()
    """The shape of the table that the numbers are of, row by row; empty where they are none."""

    @classmethod
    def of(cls, *axes: tuple[str, ...]) -> Feature:
        """A row of numbers that are named along each axis of their table."""
        names = tuple("_".join(words) for words in product(*axes))
        return cls((len(names),), names, layout=tuple(map(len, axes)) if len(axes) > 1 else ())


INDEX = {
    "timestamp": Feature((1,)),
    "frame_index": Feature((1,), dtype="int64"),
    "episode_index": Feature((1,), dtype="int64"),
    "index": Feature((1,), dtype="int64"),
    "task_index": Feature((1,), dtype="int64"),
}
"""Columns that every LeRobot dataset has."""
_POSE = {
    "joints": Feature.of(_JOINTS),
    "eef_position": Feature.of(_XYZ),
    "eef_rotation_6d": Feature.of(("x_axis", "y_axis"), _XYZ),
    "eef_rotation_vector": Feature.of(_XYZ),
    "eef_quaternion": Feature.of(_WXYZ),
}
_REPORTED = _POSE | {"joints_velocity": Feature.of(_JOINTS), "gripper_width": Feature.of(("width",))}
_COMMANDED = _POSE | {
    "delta_joints": Feature.of(_JOINTS),
    "delta_eef_position": Feature.of(_XYZ),
    "delta_eef_rotation": Feature.of(_RPY),
    "delta_eef_quaternion": Feature.of(_WXYZ),
    "delta_eef_rotation_vector": Feature.of(_XYZ),
    "gripper_close": Feature.of(("gripper_close",)),
}
TURN = "delta_eef_turn"
"""Column of a tool's turn as its robot says it, where that is no rotation vector."""
_SAME = ("joints", "eef_position", "eef_quaternion", *(n for n in _COMMANDED if n not in _POSE))
OLD_NAMES = {f"command.{name}": f"action.{name}" for name in _SAME}
"""What columns were called before, and are in InternVLA-M1's data: ``command.`` was ``action.``.

Of those exports, ``action`` and ``observation.state`` were in v3.0 alone, annotations were tables in a row, videos of
v2.1 ``video.<view>``, and `EULER` in the place of ``eef_rotation_6d`` and ``eef_rotation_vector``.
"""
EULER = ("state.eef_rotation", "action.eef_rotation")
"""Columns of earlier exports and of InternVLA-M1's data that are not written any more: Euler angles about the fixed
axes x, y, z [rad], ``R = Rz Ry Rx``, which jump by 2 pi where the hand points down."""


def joint_names(robot_name: str) -> tuple[str, ...]:
    """What the numbers of a robot's joints are called: by its description, but for the default robot."""
    return _JOINTS if robot_name == DEFAULT else robot(robot_name).spec.arm_joints


def _of_robot(kinds: dict[str, Feature], spec: ActionSpec) -> dict[str, Feature]:
    """The same columns for the robot of an action spec."""
    joints = Feature.of(joint_names(spec.robot))
    return {name: joints if kind == _POSE["joints"] else kind for name, kind in kinds.items()}


def view(camera: str) -> str:
    """A camera's name in the exports."""
    return VIEWS.get(camera, camera)


def video_key(camera: str) -> str:
    """The column of a camera's pictures."""
    return VIDEO + view(camera)


def features(
    cameras: tuple[str, ...], bodies: int, spec: ActionSpec, annotations: bool = True
) -> dict[str, Feature]:
    """The columns of numbers without the index.

    Args:
        cameras: the project's names.
        bodies: places in the annotations about bodies.
        spec: what ``action`` holds, and of which robot.
        annotations: whether to have those.
    """
    found = {
        STATE: Feature.of((*joint_names(spec.robot), "gripper_width")),
        ACTION: Feature.of(tuple(c.name for c in spec.channels)),
    }
    found |= {f"state.{name}": f for name, f in _of_robot(_REPORTED, spec).items()}
    found |= {f"command.{name}": f for name, f in _of_robot(_COMMANDED, spec).items()}
    eef = action_specs(spec.robot)[DELTA_EEF.name]
    if eef.rotation != DELTA_EEF.rotation:
        found[f"command.{TURN}"] = Feature.of(turn_channels(eef))
    if not annotations:
        return found
    each_body = tuple(f"body{k}" for k in range(bodies))
    points = tuple(f"point{k}" for k in range(TRACE_POINTS))
    found |= {
        "annotation.phase": Feature((1,), dtype="int64"),
        "annotation.picture_age": Feature.of(("seconds",)),
        "annotation.trace": Feature.of(points, _XYZ),
        "annotation.body_position": Feature.of(each_body, _XYZ),
        "annotation.body_quaternion": Feature.of(each_body, _WXYZ),
    }
    for camera in cameras:
        each = {
            "camera_position": Feature.of(_XYZ),
            "camera_rotation": Feature.of(_XYZ, ("x_axis", "y_axis", "z_axis")),
            "boxes": Feature.of(each_body, ("u_min", "v_min", "u_max", "v_max")),
            "visibility": Feature.of(each_body),
            "grasp": Feature.of(_UV),
            "contact": Feature.of(("finger0", "finger1"), _UV),
            "place": Feature.of(_UV),
            "trace": Feature.of(points, _UV),
        }
        found |= {f"annotation.{view(camera)}.{name}": f for name, f in each.items()}
    return found


def arranged(name: str, rows: np.ndarray) -> np.ndarray:
    """Rows ``[N, D]`` of a column as the tables that they are ``[N, R, C]``, what is not there NaN; others as they are.

    ``[N, 3]`` of a camera's position stay, ``[N, 72]`` of a path become ``[N, 24, 3]``. Rows of earlier exports, which
    are tables already and hold NaN, are taken too.
    """
    if not name.startswith(ANNOTATION):
        return rows
    if np.issubdtype(rows.dtype, np.floating):
        rows = np.where(np.isinf(rows), np.nan, rows).astype(rows.dtype)
    of_camera, column = name.count(".") == 2, name.rpartition(".")[2]
    widths = {
        "trace": 2 if of_camera else 3,
        "contact": 2,
        "body_position": 3,
        "body_quaternion": 4,
        "boxes": 4,
        "camera_rotation": 3,
    }
    return rows.reshape(len(rows), -1, widths[column]) if column in widths else rows
