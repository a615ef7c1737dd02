"""Pictures of a calibration, each with the arm's posture: from a folder, or from a run of the bridge.

A folder holds pictures and ``captures.jsonl``, a line each:

    {"picture": "00.png", "joints": [0.0, -0.5, ...]}          joint positions [rad], or instead of them
    {"picture": "00.png", "tool_pose": [x, y, z, x, y, z, w]}  the tool in the base frame [m], quaternion
    ..., "depth": "00.npy"}                                    metres, as the picture; 0 where unknown

A run of the bridge (``pictures=true``, driven by hand) holds the same in its log: taken are pictures for which the arm
stood, in postures that differ.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from robots.registry import arm, arm_names
from workbench.bridge.ticks import read_ticks
from workbench.calibration.poses import from_seven, matrix
from workbench.cli.options import OptionError

LINES = "captures.jsonl"
STILL = 0.01
"""Joints slower than this stand [rad/s]."""
DIFFERENT = 0.05
"""A posture is another where a joint has moved by this [rad]."""


@dataclass(frozen=True)
class Capture:
    """One picture."""

    name: str
    picture: np.ndarray
    """``[H, W, 3]`` uint8"""
    base_from_tool: np.ndarray
    """``[4, 4]``"""
    joints: np.ndarray | None = None
    """``[n]`` [rad]"""
    depth: np.ndarray | None = None
    """``[H, W]`` [m]; 0 where unknown."""


def captures(place: Path, robot_name: str, camera: str) -> list[Capture]:
    """All pictures of a folder or of a camera of a run; OptionError, in a sentence, for what cannot be used."""
    if robot_name not in arm_names():
        raise OptionError(f"robot={robot_name}: choose one of {', '.join(arm_names())}")
    if (place / LINES).is_file():
        found = list(_of_folder(place, robot_name))
    elif (place / "ticks").is_dir():
        found = list(_of_run(place, robot_name, camera))
    else:
        raise OptionError(
            f"{place} holds neither {LINES} with its pictures nor ticks/ of a run of the bridge: docs/calibration.md"
        )
    if not found:
        raise OptionError(f"{place} holds no picture of the camera {camera!r} for which the arm stood")
    sizes = {capture.picture.shape[:2] for capture in found}
    if len(sizes) > 1:
        raise OptionError(f"{place}: pictures have different sizes: {sorted(sizes)}")
    return found


def _of_folder(place: Path, robot_name: str) -> Iterator[Capture]:
    for number, line in enumerate((place / LINES).read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
            picture = np.asarray(Image.open(place / said["picture"]).convert("RGB"))
            depth = np.load(place / said["depth"]).astype(np.float32) if "depth" in said else None
            pose, joints = _posture(said, robot_name)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            reason = f"there is no {problem}" if isinstance(problem, KeyError) else str(problem)
            raise OptionError(f"{place / LINES}, line {number}: {reason}") from None
        if depth is not None and depth.shape != picture.shape[:2]:
            raise OptionError(f"{place / LINES}, line {number}: depth and picture have different sizes")
        yield Capture(str(said["picture"]), picture, pose, joints, depth)


def _posture(said: dict[str, Any], robot_name: str) -> tuple[np.ndarray, np.ndarray | None]:
    if "joints" not in said:
        pose = np.asarray(said["tool_pose"], np.float64)
        if pose.shape != (7,) or not np.isfinite(pose).all():
            raise ValueError("tool_pose must be seven numbers: x y z, quaternion x y z w")
        return from_seven(pose), None
    joints = np.asarray(said["joints"], np.float64)
    count = len(arm(robot_name).spec.home)
    if joints.shape != (count,) or not np.isfinite(joints).all():
        raise ValueError(f"joints must be {count} numbers for robot={robot_name}")
    return tool_of(robot_name, joints), joints


def tool_of(robot_name: str, joints: np.ndarray) -> np.ndarray:
    """``base_from_tool`` ``[4, 4]`` of joint positions ``[n]`` [rad]."""
    position, rotation = arm(robot_name).chain.pose(joints[None])
    return matrix(position[0], rotation[0])


def _of_run(run: Path, robot_name: str, camera: str) -> Iterator[Capture]:
    last: np.ndarray | None = None
    for path in sorted((run / "ticks").glob("*.mcap")):
        joints, still = None, False
        for topic, message in read_ticks(path, "/tick", f"/picture/{camera}"):
            if topic == "/tick":
                if "state" in message:
                    joints = np.array(message["state"]["joint_pos"]["value"], np.float64)
                    still = bool(np.abs(message["state"]["joint_vel"]["value"]).max() < STILL)
                continue
            if joints is None or not still:
                continue
            if last is not None and np.abs(joints - last).max() < DIFFERENT:
                continue
            last = joints
            data = io.BytesIO(base64.b64decode(message["data"]))
            picture = np.asarray(Image.open(data).convert("RGB"))
            yield Capture(f"{path.name}:{camera}", picture, tool_of(robot_name, joints), joints)
