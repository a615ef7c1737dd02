"""`Trajectory`: everything that happened in one recorded episode, as plain arrays in one ``.npz`` file.

States are enough to draw the episode again later, from any camera and at any time, so pictures are made after
the evaluation and never slow it down. Nothing is pickled: text travels as JSON, images as JPEG bytes.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from policy.grounding import Grounding
from robots.registry import DEFAULT as DEFAULT_ROBOT
from workbench.data.projection import project_frames
from workbench.runs.durable import naming

FORMAT = 1
"""Version of the file layout."""


@dataclass(frozen=True)
class CameraTrack:
    """Calibration of one camera over ``T + 1`` instants."""

    width: int
    """[px]"""
    height: int
    """[px]"""
    intrinsics: np.ndarray
    """``[3, 3]`` [px]"""
    position: np.ndarray
    """``[T + 1, 3]`` [m], robot base frame."""
    rotation: np.ndarray
    """``[T + 1, 3, 3]``: columns are the OpenCV camera's axes in the robot base frame."""
    distortion: float = 0.0
    """Radial distortion k: a point at normalised radius r appears at r (1 + k r^2)."""

    def project(self, points: np.ndarray, instant: int) -> np.ndarray:
        """Pixels ``[P, 2]`` of points ``[P, 3]`` [m, base frame] at one instant; NaN for points behind the camera."""
        at, axes = self.position[instant][None], self.rotation[instant][None]
        return project_frames(np.asarray(points)[None], at, axes, self.intrinsics, self.distortion)[0]


@dataclass(frozen=True)
class BodyTrack:
    """One body on the table."""

    name: str
    """Slot in the task's pool, as ``cube_large``."""
    role: str
    """``target``, ``receptacle`` or ``distractor``."""
    label: str
    """What the instruction would call it, as ``red cube``."""
    color: tuple[float, float, float]
    """sRGB in [0, 1]."""
    vertices: np.ndarray
    """Visible surface ``[V, 3]`` [m], body frame."""
    faces: np.ndarray
    """``[F, 3]`` rows of `vertices`."""
    pose: np.ndarray
    """``[T + 1, 7]``: position [m] and quaternion x y z w in the robot base frame."""


@dataclass(frozen=True)
class Trajectory:
    """One episode of ``T`` control steps; states have ``T + 1`` rows, the first before the first step."""

    record: Mapping[str, Any]
    """The episode's line of ``episodes.jsonl``: index, instruction, factors, outcome."""
    control_dt: float
    """Duration of a control step [s]."""
    joint_names: tuple[str, ...]
    joint_pos: np.ndarray
    """All robot joints, fingers included ``[T + 1, J]`` [rad or m]."""
    gripper_width: np.ndarray
    """``[T + 1]`` [m]"""
    tool_position: np.ndarray
    """``[T + 1, 3]`` [m], base frame."""
    tool_rotation: np.ndarray
    """``[T + 1, 3, 3]``"""
    action_channels: tuple[str, ...]
    """Name and unit of each action channel, as ``dx [m]``."""
    actions: np.ndarray
    """``[T, A]`` in those units."""
    bodies: tuple[BodyTrack, ...]
    cameras: Mapping[str, CameraTrack]
    decisions: tuple[tuple[int, Grounding | None], ...] = ()
    """What the policy claimed, with the step at which it did."""
    true_grounding: tuple[tuple[int, Grounding], ...] = ()
    """What was true at the same steps."""
    frame_steps: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """Instants that have images ``[F]``."""
    frames: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    """Camera name -> JPEG images ``[F]``."""
    robot: str = DEFAULT_ROBOT
    """Name of the robot."""

    @property
    def steps(self) -> int:
        """Number of control steps ``T``."""
        return len(self.actions)

    def body(self, role: str) -> BodyTrack:
        """The first body with a role; KeyError names the roles there are."""
        for body in self.bodies:
            if body.role == role:
                return body
        raise KeyError(f"no body with the role {role!r} among {[b.role for b in self.bodies]}")

    def save(self, path: Path) -> None:
        """Write the file; an interrupted write leaves no file behind under this name."""
        arrays: dict[str, np.ndarray] = {
            name: getattr(self, name)
            for name in (
                "joint_pos",
                "gripper_width",
                "tool_position",
                "tool_rotation",
                "actions",
                "frame_steps",
            )
        }
        for i, body in enumerate(self.bodies):
            arrays |= {f"body_{i}_{n}": getattr(body, n) for n in ("vertices", "faces", "pose")}
        for name, camera in self.cameras.items():
            arrays |= {
                f"camera_{name}_{n}": getattr(camera, n) for n in ("intrinsics", "position", "rotation")
            }
        for name, images in self.frames.items():
            arrays[f"frames_{name}_bytes"] = np.frombuffer(b"".join(images), np.uint8)
            arrays[f"frames_{name}_ends"] = np.cumsum([len(image) for image in images], dtype=np.int64)
        meta = {
            "format": FORMAT,
            "record": dict(self.record),
            "robot": self.robot,
            "control_dt": self.control_dt,
            "joint_names": self.joint_names,
            "action_channels": self.action_channels,
            "bodies": [{n: getattr(b, n) for n in ("name", "role", "label", "color")} for b in self.bodies],
            "cameras": {
                name: {"width": c.width, "height": c.height, "distortion": c.distortion}
                for name, c in self.cameras.items()
            },
            "decisions": [[step, g.to_dict() if g else None] for step, g in self.decisions],
            "true_grounding": [[step, g.to_dict()] for step, g in self.true_grounding],
            "frames": list(self.frames),
        }
        arrays["meta"] = np.frombuffer(json.dumps(meta, allow_nan=False).encode(), np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        try:
            with naming(path), partial.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **arrays)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Trajectory:
        """Read a file written by `save`; ValueError says which file is not one."""
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            meta = json.loads(arrays.pop("meta").tobytes())
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path} is not a recorded trajectory: {error}") from error
        if meta["format"] != FORMAT:
            raise ValueError(f"{path} has trajectory format {meta['format']}, this version reads {FORMAT}")
        bodies = tuple(
            BodyTrack(
                **{**b, "color": tuple(b["color"])},
                **{n: arrays[f"body_{i}_{n}"] for n in ("vertices", "faces", "pose")},
            )
            for i, b in enumerate(meta["bodies"])
        )
        cameras = {
            name: CameraTrack(
                **c, **{n: arrays[f"camera_{name}_{n}"] for n in ("intrinsics", "position", "rotation")}
            )
            for name, c in meta["cameras"].items()
        }
        frames = {}
        for name in meta["frames"]:
            data, ends = arrays[f"frames_{name}_bytes"].tobytes(), arrays[f"frames_{name}_ends"].tolist()
            frames[name] = tuple(data[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True))
        plain = {f.name for f in fields(cls)} & arrays.keys()
        return cls(
            record=meta["record"],
            robot=meta.get("robot", DEFAULT_ROBOT),  # not in files of older releases
            control_dt=meta["control_dt"],
            joint_names=tuple(meta["joint_names"]),
            action_channels=tuple(meta["action_channels"]),
            bodies=bodies,
            cameras=cameras,
            decisions=tuple((s, Grounding.from_dict(g) if g else None) for s, g in meta["decisions"]),
            true_grounding=tuple((s, Grounding.from_dict(g)) for s, g in meta["true_grounding"]),
            frames=frames,
            **{name: arrays[name] for name in plain},
        )
