"""From a server's actions to the task's, and back: the conversions that `WireActions` names, and no others.

Everything that is relative is taken along the path that it means, so that another rate, frame or reference is the same
motion. What a robot's bounds take away of a step toward a pose is asked for again in the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from policy.action import ActionSpec
from policy.serve.mapping.mapping import WireActions
from policy.serve.mapping.paths import (
    Pose,
    ToolPath,
    held,
    interpolated,
    interpolated_tool,
    times_at,
    tool_path,
    tool_steps,
)
from policy.serve.mapping.rotations import numbers_of, rotations_from

GREATEST_LEAD_M, GREATEST_LEAD_RAD = 0.1, 0.5
"""How far what was commanded may be from what is measured before the measured is believed [m], [rad]."""


@dataclass(frozen=True)
class Now:
    """What a robot measures at a decision."""

    ee_pose: np.ndarray
    """``[7]``: x y z [m], quaternion x y z w, in the robot base frame."""
    joint_pos: np.ndarray
    """``[J]`` [rad]"""


def kind_of(spec: ActionSpec) -> Literal["tool", "joints", "other"]:
    """What a task's actions are, if conversions to it are known: relative tool poses or relative joint positions."""
    arm = spec.channels[:-1]
    if spec.gripper_index != spec.dim - 1 or any(c.reference != "previous_command" for c in arm):
        return "other"
    if all((c.unit, c.frame) == ("rad", "joint") for c in arm):
        return "joints"
    units = [c.unit for c in arm]
    in_base = all(c.frame == "base" for c in arm)
    if spec.rotation == "rotation_vector" and units == ["m"] * 3 + ["rad"] * 3 and in_base:
        return "tool"
    return "other"


def problems(wire: WireActions, spec: ActionSpec) -> list[str]:
    """What of these actions cannot be made the task's, in plain sentences."""
    if wire.arm == "as_task":
        return []
    found = []
    kind, wanted = kind_of(spec), "joints" if wire.arm.startswith("joint") else "tool"
    if kind != wanted:
        space = {"joints": "action_space=delta_joints", "tool": "action_space=delta_eef"}[wanted]
        found.append(
            f"actions of {wire.arm} are for {space} of an arm of that kind, not for {spec.name} of {spec.robot}"
        )
    elif wire.arm.startswith("joint") and wire.joints != spec.dim - 1:
        found.append(f"actions are for {wire.joints} joints, and {spec.robot} has {spec.dim - 1}")
    return found


def conversions(wire: WireActions, spec: ActionSpec) -> list[str]:
    """What is done to a server's actions, a line each; empty for nothing."""
    if wire.arm == "as_task":
        return []
    found = [f"actions: un-normalised by {wire.normalisation.scheme}"] if wire.normalisation else []
    found.append(
        f"actions: {wire.arm} -> {spec.name}" + (", tool frame -> base" if wire.frame == "tool" else "")
    )
    if not wire.arm.startswith("joint") and wire.rotation != "rotation_vector":
        found.append(f"actions: {wire.rotation} -> rotation_vector")
    if wire.scale != 1 or wire.rotation_scale != 1:
        found.append(f"actions: scaled by {wire.scale:g}, turns by {wire.rotation_scale:g}")
    opens, closes = spec.gripper_command(closed=False), spec.gripper_command(closed=True)
    if (wire.gripper.open, wire.gripper.closed) != (opens, closes):
        found.append(
            f"gripper: {wire.gripper.open:g} open, {wire.gripper.closed:g} closed -> {opens:g} open, {closes:g} closed"
        )
    if wire.control_hz and wire.control_hz != spec.control_hz:
        found.append(f"actions: {wire.control_hz:g} -> {spec.control_hz:g} Hz, interpolated")
    if wire.ensemble:
        found.append(f"actions: the mean of the last {wire.ensemble.horizon} decisions")
    return [*found, "actions: clipped to the robot's bounds"]


def execute_steps(wire: WireActions, spec: ActionSpec) -> int:
    """How many of the task's steps are executed of a chunk."""
    return max(1, round(wire.execute_steps * spec.control_hz / (wire.control_hz or spec.control_hz)))


class ChunkReader:
    """Makes one environment's chunks the task's; keeps what it commanded last."""

    def __init__(self, wire: WireActions, spec: ActionSpec) -> None:
        self.wire, self.spec = wire, spec
        self._execute = execute_steps(wire, spec)
        self._tool: Pose | None = None
        self._joints: np.ndarray | None = None

    def reset(self) -> None:
        """An episode begins: nothing has been commanded."""
        self._tool = self._joints = None

    def read(self, chunk: np.ndarray, now: Now) -> np.ndarray:
        """A chunk ``[T, D]`` as the wire has it, un-normalised, as the task's ``[S, A]`` float32.

        Steps from the first on that is not finite, or no rotation, are NaN, and nothing is commanded by them.
        """
        if self.wire.arm == "as_task":
            return chunk.astype(np.float32)
        good = np.isfinite(chunk).all(1)
        whole = len(chunk) if good.all() else int(np.argmin(good))
        try:
            made = self._read(chunk[:whole].astype(float), now) if whole else np.zeros((0, self.spec.dim))
        except ValueError:  # numbers that are no rotation
            made = np.zeros((0, self.spec.dim))
        if whole < len(chunk) or not len(made):
            made = np.concatenate((made, np.full((1, self.spec.dim), np.nan)))
        return made.astype(np.float32)

    def _read(self, chunk: np.ndarray, now: Now) -> np.ndarray:
        wire, spec = self.wire, self.spec
        times = times_at(wire.control_hz or spec.control_hz, spec.control_hz, len(chunk))
        opens = np.abs(chunk[:, -1] - wire.gripper.open) < np.abs(chunk[:, -1] - wire.gripper.closed)
        commands = np.where(opens, spec.gripper_command(closed=False), spec.gripper_command(closed=True))
        steps = self._joint_steps if wire.arm.startswith("joint") else self._tool_steps
        return np.concatenate((steps(chunk[:, :-1], times, now), held(commands, times)[:, None]), 1)

    def _joint_steps(self, values: np.ndarray, times: np.ndarray, now: Now) -> np.ndarray:
        start = np.asarray(now.joint_pos, float)
        last = self._joints
        if last is not None and np.abs(last - start).max() <= GREATEST_LEAD_RAD and self._from_command:
            start = last
        targets = values * self.wire.scale
        if self.wire.arm == "joint_delta":
            targets = start + np.cumsum(targets, 0)
        targets = interpolated(start, targets, times)
        low, high = self.spec.low[:-1], self.spec.high[:-1]
        made, at = [], start
        relative = np.diff(np.concatenate((start[None], targets)), axis=0)
        for step, target in enumerate(targets):
            delta = relative[step] if self.wire.arm == "joint_delta" else target - at
            made.append(np.clip(delta, low, high))
            at = at + made[-1]
            if step + 1 == min(self._execute, len(targets)):
                self._joints = at
        return np.stack(made)

    def _tool_steps(self, values: np.ndarray, times: np.ndarray, now: Now) -> np.ndarray:
        wire, measured = self.wire, Pose.of(now.ee_pose)
        start = measured
        if self._tool is not None and self._from_command and _is_near(self._tool, measured):
            start = self._tool
        positions = values[:, :3] * wire.scale
        rotations = rotations_from(values[:, 3:] * self._turn_scale, wire.rotation)
        low, high = self.spec.low[:-1], self.spec.high[:-1]
        if wire.arm == "tool_delta":
            if wire.frame == "base" and np.array_equal(times, np.arange(1, len(values) + 1)):
                steps, turns = positions, rotations
            else:
                path = tool_path(start, positions, rotations, wire.frame == "tool")
                steps, turns = tool_steps(start, interpolated_tool(start, path, times))
            made = np.clip(np.concatenate((steps, turns.as_rotvec()), 1), low, high)
            self._tool = _after(start, made[: self._execute])
            return np.asarray(made)
        path = interpolated_tool(start, ToolPath(positions, rotations), times)
        rows, at = [], start
        for step, (position, rotation) in enumerate(zip(path.positions, path.rotations, strict=True)):
            turn = (rotation * at.rotation.inv()).as_rotvec()
            rows.append(np.clip(np.concatenate((position - at.position, turn)), low, high))
            at = _after(at, rows[-1][None])
            if step + 1 == min(self._execute, len(path.positions)):
                self._tool = at
        return np.stack(rows)

    @property
    def _from_command(self) -> bool:
        return self.wire.arm.endswith("delta") or self.wire.reference == "previous_command"

    @property
    def _turn_scale(self) -> float:
        return self.wire.rotation_scale if self.wire.arm == "tool_delta" else 1.0


def written(wire: WireActions, spec: ActionSpec, actions: np.ndarray, now: Now) -> np.ndarray:
    """The task's actions ``[S, A]`` as a chunk ``[T, D]`` on the wire, before normalisation: for servers."""
    if wire.arm == "as_task":
        return actions
    actions = np.asarray(actions, float)
    times = times_at(spec.control_hz, wire.control_hz or spec.control_hz, len(actions))
    closes = spec.gripper_closes(held(actions[:, -1], times))
    gripper = np.where(closes, wire.gripper.closed, wire.gripper.open)[:, None]
    if wire.arm.startswith("joint"):
        start = np.asarray(now.joint_pos, float)
        path = interpolated(start, start + np.cumsum(actions[:, :-1], 0), times)
        if wire.arm == "joint_delta":
            path = np.diff(np.concatenate((start[None], path)), axis=0)
        return np.concatenate((path / wire.scale, gripper), 1)
    pose = Pose.of(now.ee_pose)
    turns = Rotation.from_rotvec(actions[:, 3:6])
    moved = interpolated_tool(pose, tool_path(pose, actions[:, :3], turns, False), times)
    if wire.arm == "tool_pose":
        places, rotations, scale = moved.positions, moved.rotations, 1.0
    else:
        places, rotations = tool_steps(pose, moved, wire.frame == "tool")
        scale = wire.rotation_scale
    return np.concatenate((places / wire.scale, numbers_of(rotations, wire.rotation) / scale, gripper), 1)


def _after(pose: Pose, steps: np.ndarray) -> Pose:
    path = tool_path(pose, steps[:, :3], Rotation.from_rotvec(steps[:, 3:6]), False)
    return Pose(path.positions[-1], path.rotations[-1])


def _is_near(a: Pose, b: Pose) -> bool:
    apart = float(np.linalg.norm(a.position - b.position))
    return (
        apart <= GREATEST_LEAD_M and float((a.rotation * b.rotation.inv()).magnitude()) <= GREATEST_LEAD_RAD
    )
