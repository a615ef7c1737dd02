"""Chunks of actions as paths: where the arm is to be after each step, whatever the numbers were relative to.

Between rates a path is interpolated: places and joints on straight lines, rotations along the shortest arc, and the
hand does what it was told last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation, Slerp


@dataclass(frozen=True)
class Pose:
    """A tool's pose in the robot base frame."""

    position: np.ndarray
    """``[3]`` [m]"""
    rotation: Rotation

    @classmethod
    def of(cls, pose: np.ndarray) -> Pose:
        """From ``[7]``: x y z [m], quaternion x y z w."""
        return cls(np.asarray(pose[:3], float), Rotation.from_quat(np.asarray(pose[3:], float)))


@dataclass(frozen=True)
class ToolPath:
    """Poses of a tool after each of ``T`` steps."""

    positions: np.ndarray
    """``[T, 3]`` [m]"""
    rotations: Rotation
    """``T`` of them."""


def tool_path(start: Pose, steps: np.ndarray, turns: Rotation, in_tool_frame: bool) -> ToolPath:
    """Relative steps ``[T, 3]`` [m] and turns, one after the other, from a pose; in axes of the base or of the tool."""
    position, rotation = start.position, start.rotation
    positions, rotations = [], []
    for step, turn in zip(steps, turns, strict=True):
        position = position + (rotation.apply(step) if in_tool_frame else step)
        rotation = rotation * turn if in_tool_frame else turn * rotation
        positions.append(position)
        rotations.append(rotation)
    return ToolPath(np.stack(positions), Rotation.concatenate(rotations))


def tool_steps(start: Pose, path: ToolPath, in_tool_frame: bool = False) -> tuple[np.ndarray, Rotation]:
    """The inverse of `tool_path`: relative steps ``[T, 3]`` [m] and turns."""
    before = (
        Rotation.concatenate([start.rotation, *path.rotations[:-1]])
        if len(path.positions) > 1
        else start.rotation
    )
    steps = np.diff(np.concatenate((start.position[None], path.positions)), axis=0)
    if in_tool_frame:
        return before.inv().apply(steps).reshape(-1, 3), _many(before.inv() * path.rotations)
    return steps, _many(path.rotations * before.inv())


def _many(rotation: Rotation) -> Rotation:
    return Rotation.concatenate([rotation]) if rotation.single else rotation


def times_at(rate_from: float, rate_to: float, steps: int) -> np.ndarray:
    """When steps at one rate end, in steps of another of which there are so many: 1-based, none after the last."""
    count = int(np.floor(steps * rate_to / rate_from + 1e-9))
    return np.minimum(np.arange(1, max(count, 1) + 1) * rate_from / rate_to, steps)


def interpolated(start: np.ndarray, path: np.ndarray, times: np.ndarray) -> np.ndarray:
    """A path ``[T, D]`` of numbers that begins at ``start [D]``, at times in its own steps ``[S]``: ``[S, D]``."""
    whole = np.concatenate((start[None], path))
    at = np.arange(len(whole))
    return np.stack([np.interp(times, at, column) for column in whole.T], 1)


def interpolated_tool(start: Pose, path: ToolPath, times: np.ndarray) -> ToolPath:
    """A tool's path at times in its own steps ``[S]``."""
    rotations = Rotation.concatenate([start.rotation, *path.rotations])
    turned = Slerp(np.arange(len(rotations)), rotations)(times)
    return ToolPath(interpolated(start.position, path.positions, times), turned)


def held(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Values ``[T]`` of steps at times within them ``[S]``: what was told last."""
    return values[np.clip(np.ceil(times - 1e-9).astype(int) - 1, 0, len(values) - 1)]
