"""`Chain`: the kinematics of a serial arm, read from its URDF. NumPy; `robots.batched_chain` is the same in torch.

A chain is a row of joints, each of which turns about, or moves along, the z axis of its own frame. Whatever stands
still between two of them (fixed joints, axes in other directions) is worked into constant transforms once, so that a
pose is one matrix product a joint, and the next robot needs numbers and no code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy

from robots.urdf import UrdfError, UrdfJoint, read_urdf

AngularRows = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From the tool's rotation ``[N, 3, 3]`` and the Jacobian ``[N, 6, J]``, base frame, to the unit vectors ``[N, R, 3]``
about which an arm with fewer than six joints shall turn as asked; it gives up the rest."""


@dataclass(frozen=True, eq=False)
class Chain:
    """A serial chain of ``J`` joints from a base link to a tool."""

    joints: tuple[str, ...]
    """Names of the joints that move, base to tip."""
    offset: np.ndarray
    """Origin of each joint in the frame of the one before ``[J, 3]`` [m]."""
    turn: np.ndarray
    """Axes of each joint's frame in the frame of the one before, as columns ``[J, 3, 3]``; z is the joint's axis."""
    prismatic: tuple[bool, ...]
    """Whether a joint moves along its axis instead of turning about it ``[J]``."""
    tool_offset: np.ndarray
    """The tool in the frame of the last joint ``[3]`` [m]."""
    tool_turn: np.ndarray
    """Axes of the tool in the frame of the last joint, as columns ``[3, 3]``."""
    low: np.ndarray
    """Lower limits ``[J]`` [rad or m]."""
    high: np.ndarray
    """Upper limits ``[J]`` [rad or m]."""

    def pose(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Position ``[N, 3]`` [m] and rotation matrix ``[N, 3, 3]`` of the tool in the base frame, float64.

        Args:
            q: joint positions ``[N, J]`` [rad or m].
        """
        position, rotation, _, _ = self._tool(q)
        return position, rotation

    def forward(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tool pose and geometric Jacobian in the base frame, float64.

        Args:
            q: joint positions ``[N, J]`` [rad or m].

        Returns:
            position ``[N, 3]`` [m], rotation matrix ``[N, 3, 3]``, Jacobian ``[N, 6, J]`` (linear rows first).
        """
        position, rotation, axes, origins = self._tool(q)
        axis = np.stack(axes, -1)  # [N, 3, J]
        slides = np.array(self.prismatic)
        linear = np.cross(axis, position[:, :, None] - np.stack(origins, -1), axis=1)
        jacobian = np.concatenate((np.where(slides, axis, linear), np.where(slides, 0.0, axis)), 1)
        return position, rotation, jacobian

    def skeleton(self, q: np.ndarray) -> np.ndarray:
        """Base, origins of all joints and tool ``[N, J + 2, 3]`` [m], base frame: a line to draw an arm by."""
        position, _, _, origins = self._tool(q)
        return np.stack((np.zeros_like(position), *origins, position), 1)

    def _tool(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]:
        """The tool's position and rotation, and axis and origin ``[N, 3]`` of every joint, base frame."""
        q = np.asarray(q, np.float64)
        position, rotation = np.zeros((len(q), 3)), np.tile(np.eye(3), (len(q), 1, 1))
        axes, origins = [], []
        for i, prismatic in enumerate(self.prismatic):
            position = position + rotation @ self.offset[i]
            rotation = rotation @ (self.turn[i] if prismatic else _turned(self.turn[i], q[:, i]))
            axes.append(rotation[:, :, 2])
            if prismatic:
                position = position + q[:, i, None] * rotation[:, :, 2]
            origins.append(position)
        return position + rotation @ self.tool_offset, rotation @ self.tool_turn, axes, origins

    def inverse(
        self,
        position: np.ndarray,
        rotation: np.ndarray,
        q: np.ndarray,
        iterations: int = 3,
        damping: float = 0.02,
        posture: np.ndarray | None = None,
        posture_gain: float = 0.05,
        angular_rows: AngularRows | None = None,
    ) -> np.ndarray:
        """Joint positions that bring the tool to a pose, by damped least squares from ``q``.

        A weak pull toward a posture acts in the null space of the pose, so that the elbow of a redundant arm does not
        wander (Siciliano et al., "Robotics", section 3.5.1).

        Args:
            position: wanted tool position ``[N, 3]`` [m], base frame.
            rotation: wanted tool rotation ``[N, 3, 3]``, base frame.
            q: where to start ``[N, J]`` [rad or m]; the nearest solution is found.
            iterations: Gauss-Newton steps.
            damping: of the least squares [m or rad per rad]; larger is slower and calmer near singularities.
            posture: joint positions to be near to ``[J]`` [rad or m]; None: no pull.
            posture_gain: share of the distance to it removed at each call.
            angular_rows: the rotations that count; None: all three.

        Returns:
            joint positions ``[N, J]`` [rad or m], inside the limits.
        """
        q = np.asarray(q, np.float64)
        for iteration in range(iterations):
            at, turned, jacobian = self.forward(q)
            turn = scipy.spatial.transform.Rotation.from_matrix(
                rotation @ turned.transpose(0, 2, 1)
            ).as_rotvec()
            if angular_rows is not None:
                rows = angular_rows(turned, jacobian)
                turn = (rows @ turn[:, :, None])[:, :, 0]
                jacobian = np.concatenate((jacobian[:, :3], rows @ jacobian[:, 3:]), 1)
            error = np.concatenate((position - at, turn), 1)
            transposed = jacobian.transpose(0, 2, 1)
            gram = jacobian @ transposed + damping**2 * np.eye(error.shape[1])
            # Damping lets a little of the posture's pull through to the tool; the later steps take it back.
            pull = np.zeros_like(q) if posture is None or iteration else posture_gain * (posture - q)
            correction = error - (jacobian @ pull[:, :, None])[:, :, 0]
            solved = np.linalg.solve(gram, correction[:, :, None])
            q = np.clip(q + pull + (transposed @ solved)[:, :, 0], self.low, self.high)
        return q


def chain_from_urdf(
    path: Path | str,
    tip: str,
    base: str | None = None,
    tool_offset: Sequence[float] = (0.0, 0.0, 0.0),
    tool_rotation: Sequence[float] = (0.0, 0.0, 0.0, 1.0),
) -> Chain:
    """The chain from the link ``base`` (the root, if None) of a URDF to a tool on its link ``tip``.

    Args:
        path: of the URDF file.
        tip: name of the link that carries the tool.
        base: name of the link that poses are told in.
        tool_offset: the tool's origin in the frame of ``tip`` [m].
        tool_rotation: the tool's axes in the frame of ``tip``, a quaternion (x, y, z, w).

    FileNotFoundError when there is no such file; `UrdfError` when there is no such chain in it.
    """
    found = read_urdf(path).path_to(tip, base)
    if all(joint.kind == "fixed" for joint in found):
        raise UrdfError(f"{path}: no joint between {base or 'the root'!r} and {tip!r} moves")
    return chain_of(found, tool_offset, scipy.spatial.transform.Rotation.from_quat(tool_rotation).as_matrix())


def chain_of(joints: Sequence[UrdfJoint], tool_offset: Sequence[float], tool_turn: np.ndarray) -> Chain:
    """The chain of joints that hang on each other, in the order given, at least one of which moves.

    Args:
        joints: base to tip.
        tool_offset: the tool's origin in the frame of the last link ``[3]`` [m].
        tool_turn: the tool's axes in that frame, as columns ``[3, 3]``.
    """
    moving: list[UrdfJoint] = []
    offsets, turns = [], []
    offset, turn = np.zeros(3), np.eye(3)  # since the last joint that moves
    for joint in joints:
        offset, turn = offset + turn @ joint.position, turn @ joint.rotation
        if joint.kind == "fixed":
            continue
        to_axis = _z_along(joint.axis)
        moving.append(joint)
        offsets.append(offset)
        turns.append(turn @ to_axis)
        offset, turn = np.zeros(3), to_axis.T
    return Chain(
        joints=tuple(joint.name for joint in moving),
        offset=np.stack(offsets),
        turn=np.stack(turns),
        prismatic=tuple(joint.kind == "prismatic" for joint in moving),
        tool_offset=offset + turn @ np.asarray(tool_offset, np.float64),
        tool_turn=turn @ tool_turn,
        low=np.array([joint.low for joint in moving]),
        high=np.array([joint.high for joint in moving]),
    )


def _turned(turn: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """A constant rotation ``[3, 3]`` followed by turns ``[N]`` [rad] about its z axis ``[N, 3, 3]``."""
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y, z = turn.T
    return np.stack((c * x + s * y, c * y - s * x, np.broadcast_to(z, (len(angle), 3))), -1)


def _z_along(axis: np.ndarray) -> np.ndarray:
    """A rotation ``[3, 3]`` whose z axis is this unit vector; the identity for z itself, to the last digit."""
    if np.array_equal(axis, (0.0, 0.0, 1.0)):
        return np.eye(3)
    x = np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))])
    x = x / math.sqrt(x @ x)
    return np.stack((x, np.cross(axis, x), axis), 1)
