"""`DatasetEpisode`: one annotated episode as plain arrays, whatever file it came from or goes to.

``T`` control steps, so ``T + 1`` states; ``F`` frames, each an instant that the cameras drew; ``P`` bodies on the
table: the named object first, then the named receptacle, then distractors. Poses are in the robot base frame.

What a frame's annotations describe is what its picture shows. A camera whose images come late shows the past: the
boxes, points and trace of the frame are then those of the instant shown, in the pixels of that picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from policy.action import ActionSpec
from robots.registry import is_known, robot
from workbench.data.thumbnails import PARTS

TRACE_POINTS = 24
"""Points ``K`` of the end effector's future trace."""
PHASES = ("reach", "grasp", "carry", "place", "retreat")
"""What the arm is about, by the number in `DatasetEpisode.phase`."""
SUBTASKS = {"reach": "pick", "grasp": "pick", "carry": "place", "place": "place", "retreat": "retreat"}
"""Sub-task that a phase belongs to."""


@dataclass(frozen=True)
class Body:
    """One body on the table."""

    slot: str
    """Its place in the task's pool, as ``cube_large``."""
    role: str
    """``target``, ``receptacle`` or ``distractor``."""
    label: str
    """What the instruction would call it, as ``red cube``."""
    extents: tuple[float, float, float]
    """Size of its axis-aligned box in its own frame [m]; the box is centred on the frame's origin."""


@dataclass(frozen=True)
class CameraFrames:
    """What one camera saw in ``F`` frames, and where things are in its pictures.

    Pixels are continuous ``(u, v)`` of the stored image, (0, 0) its top-left corner. NaN stands for what is not there:
    the box of a body of which no pixel is visible, a point behind the camera.
    """

    width: int
    """[px]"""
    height: int
    """[px]"""
    jpeg: tuple[bytes, ...]
    """Pictures ``[F]``, RGB."""
    intrinsics: np.ndarray
    """``[3, 3]`` [px]"""
    distortion: float
    """Radial distortion k: a point at normalised radius r appears at r (1 + k r^2)."""
    position: np.ndarray
    """``[F, 3]`` [m]"""
    rotation: np.ndarray
    """``[F, 3, 3]``: columns are the OpenCV camera's axes."""
    boxes: np.ndarray
    """``[F, P, 4]`` u_min, v_min, u_max, v_max around a body's visible pixels: their outer edges."""
    visibility: np.ndarray
    """``[F, P]`` in [0, 1]: visible pixels as a share of those that the body would cover if nothing hid it and the
    picture had no edges."""
    grasp: np.ndarray
    """``[F, 2]``: where the hand holds the object, or will: the tool's place on it, moving with the object."""
    contact: np.ndarray
    """``[F, 2, 2]``: where the inner faces of the two fingers are, at the tool's height."""
    place: np.ndarray
    """``[F, 2]``: where the middle of the object comes to rest, moving with the receptacle."""
    trace: np.ndarray
    """``[F, K, 2]``: `DatasetEpisode.trace` in this camera's pixels."""
    depth: np.ndarray | None = None
    """``[F, H, W]`` uint16 in `DEPTH_UNIT`; 0 is unknown. None if not asked for."""
    mask: np.ndarray | None = None
    """``[F, H, W]`` uint8: 1 + row of the body in `DatasetEpisode.bodies`, `ROBOT` or 0 for the rest."""
    thumbnails: np.ndarray | None = None
    """``[F, 4, 4, 3]`` uint8: each picture's mean colours when it was drawn (`workbench.data.thumbnails`)."""


DEPTH_UNIT = 1e-4
"""What a depth of 1 means [m]."""
ROBOT = 255
"""Mark of the robot in a mask."""


@dataclass(frozen=True)
class DatasetEpisode:
    """One episode as demonstrated, and drawn ``F`` times by each camera."""

    name: str
    """``<index>-<render>``, as ``000017-01``, or ``<index>`` before it is rendered: unique in its dataset.
    Where several seeds were merged, ``-seed<seed>`` may follow."""
    record: Mapping[str, Any]
    """The planned episode's line: index, task, seed, instruction, factors, success, steps (`EpisodeRecord`)."""
    render: int | None
    """Which of the episode's renderings this is, from 0; None before it is rendered."""
    factors: Mapping[str, Any]
    """Every factor of this rendering as drawn: the physical ones are the record's."""
    paraphrases: tuple[str, ...]
    """Other ways to say the instruction, all unambiguous in this scene."""
    control_hz: float
    """Rate of the control steps [Hz]."""
    action_spec: ActionSpec
    """What the numbers in `actions` mean."""
    base_pose: np.ndarray
    """Robot base in the table's frame ``[7]``: position [m], quaternion x y z w."""
    bodies: tuple[Body, ...]
    """``[P]``"""
    actions: np.ndarray
    """``[T, A]`` float32 in the units of `action_spec`."""
    joint_pos: np.ndarray
    """True arm joint positions ``[T + 1, J]`` [rad]."""
    joint_vel: np.ndarray
    """``[T + 1, J]`` [rad/s]"""
    gripper_width: np.ndarray
    """True distance between the fingertips ``[T + 1]`` [m]."""
    ee_pose: np.ndarray
    """True tool pose ``[T + 1, 7]``: position [m], quaternion x y z w."""
    commanded_joints: np.ndarray
    """Joint positions that the arm was told to take ``[T + 1, J]`` [rad]; row 0 before the first action."""
    measured_joint_pos: np.ndarray
    """What the robot reported ``[T + 1, J]`` [rad]: with the sensing factors' errors."""
    measured_ee_pose: np.ndarray
    """``[T + 1, 7]``"""
    measured_gripper_width: np.ndarray
    """``[T + 1]`` [m]"""
    body_pose: np.ndarray
    """``[T + 1, P, 7]``: position [m], quaternion x y z w."""
    phase: np.ndarray
    """Row of `PHASES` at each state ``[T + 1]`` uint8."""
    grasp: np.ndarray
    """The grasp in the object's frame: tool position [m] and the direction in which the fingers close ``[2, 3]``.
    NaN in tasks that grasp nothing."""
    contact: np.ndarray
    """Inner faces of the two fingers at the tool's height, in the object's frame ``[2, 3]`` [m]."""
    place: np.ndarray
    """Where the middle of the object rests at the end, in the receptacle's frame ``[3]`` [m]."""
    frame_steps: np.ndarray
    """Control step of each frame ``[F]`` int64, increasing; frame f belongs to the state before that step's action."""
    shown_steps: np.ndarray
    """Control step of the state that each frame's pictures show ``[F]``: earlier than the frame's if they come late."""
    trace: np.ndarray
    """Path of the tool from the state shown to the end of its sub-task, evenly spaced in length ``[F, K, 3]`` [m]."""
    cameras: Mapping[str, CameraFrames] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Control steps ``T``."""
        return len(self.actions)

    @property
    def demonstration(self) -> tuple[int, int]:
        """Seed and index: what was demonstrated, for ever; all renderings of it share them."""
        return int(self.record["seed"]), int(self.record["index"])

    @property
    def instruction(self) -> str:
        """What was asked."""
        return self.record["instruction"]

    @property
    def frame_hz(self) -> float:
        """Frames a second [Hz]; frames are evenly spaced."""
        stride = int(self.frame_steps[1] - self.frame_steps[0]) if len(self.frame_steps) > 1 else 1
        return self.control_hz / stride

    def problems(self) -> list[str]:
        """What does not fit together, in plain sentences that name the field; empty when all does."""
        found = []
        t, p, f = self.steps, len(self.bodies), len(self.frame_steps)
        name = self.action_spec.robot
        joints = len(robot(name).spec.arm_joints) if is_known(name) else self.joint_pos.shape[-1]
        shapes = dict.fromkeys(STATES, (t + 1, joints)) | {
            "ee_pose": (t + 1, 7),
            "measured_ee_pose": (t + 1, 7),
            "actions": (t, self.action_spec.dim),
            "gripper_width": (t + 1,),
            "measured_gripper_width": (t + 1,),
            "body_pose": (t + 1, p, 7),
            "phase": (t + 1,),
            "grasp": (2, 3),
            "contact": (2, 3),
            "place": (3,),
            "base_pose": (7,),
            "shown_steps": (f,),
            "trace": (f, TRACE_POINTS, 3),
        }
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value.shape != shape:
                found.append(f"{name} has shape {list(value.shape)}, not {list(shape)}")
            elif not np.isfinite(value).all() and not (name in HELD and np.isnan(value).all()):
                found.append(f"{name} holds numbers that are not finite")
        if t < 1:
            found.append("actions is empty")
        if f and (
            self.frame_steps[0] < 0 or self.frame_steps[-1] > t or (np.diff(self.frame_steps) <= 0).any()
        ):
            found.append(f"frame_steps must increase within 0 to {t}")
        if (
            self.shown_steps.shape == (f,)
            and ((self.shown_steps < 0) | (self.shown_steps > self.frame_steps)).any()
        ):
            found.append("shown_steps holds a step before the episode or after the frame's own")
        if self.phase.size and int(self.phase.max()) >= len(PHASES):
            found.append(f"phase holds {int(self.phase.max())}, known are 0 to {len(PHASES) - 1}")
        for name, camera in self.cameras.items():
            found += [f"cameras/{name}/{problem}" for problem in _camera_problems(camera, f, p)]
        return found


HELD = ("grasp", "contact")
"""Fields of `DatasetEpisode` that are all NaN where nothing is grasped."""
STATES = ("joint_pos", "joint_vel", "ee_pose", "commanded_joints", "measured_joint_pos", "measured_ee_pose")
"""Fields of `DatasetEpisode` with seven numbers a state."""


def _camera_problems(camera: CameraFrames, f: int, p: int) -> list[str]:
    found = []
    if len(camera.jpeg) != f:
        found.append(f"jpeg has {len(camera.jpeg)} pictures, not {f}")
    shapes: dict[str, tuple[int, ...]] = {
        "intrinsics": (3, 3),
        "position": (f, 3),
        "rotation": (f, 3, 3),
        "boxes": (f, p, 4),
        "visibility": (f, p),
        "grasp": (f, 2),
        "contact": (f, 2, 2),
        "place": (f, 2),
        "trace": (f, TRACE_POINTS, 2),
    }
    for name in ("depth", "mask"):
        if getattr(camera, name) is not None:
            shapes[name] = (f, camera.height, camera.width)
    if camera.thumbnails is not None:
        shapes["thumbnails"] = (f, PARTS, PARTS, 3)
    for name, shape in shapes.items():
        value = getattr(camera, name)
        if value.shape != shape:
            found.append(f"{name} has shape {list(value.shape)}, not {list(shape)}")
    for name in ("intrinsics", "position", "rotation", "visibility"):
        if not np.isfinite(getattr(camera, name)).all():
            found.append(f"{name} holds numbers that are not finite")
    boxes = camera.boxes
    if boxes.shape == (f, p, 4):
        seen = ~np.isnan(boxes).any(-1)
        inside = (boxes[..., :2] >= 0) & (boxes[..., 2:] <= (camera.width, camera.height))
        if not (inside.all(-1) & (boxes[..., :2] < boxes[..., 2:]).all(-1))[seen].all():
            found.append("boxes holds a box outside the picture or without area")
    return found
