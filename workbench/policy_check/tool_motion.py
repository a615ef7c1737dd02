"""Which channels move and turn the tool, and what an answer means once its conventions are known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from policy.action import ActionSpec
from workbench.policy_check.answers import Answers

AXES = "xyz"


@dataclass(frozen=True)
class Channels:
    """Positions of channels in an action vector."""

    move: tuple[int, ...]
    """``dx``, ``dy``, ``dz``; empty where tool motion is not told."""
    turns: tuple[int, ...]
    """Those that turn the tool."""
    joints: tuple[int, ...]
    """Those of joints, the hand's left out."""
    gripper: int | None

    @classmethod
    def of(cls, spec: ActionSpec) -> Channels:
        """The channels of a spec, by unit and frame."""
        arm = [(i, c) for i, c in enumerate(spec.channels) if i != spec.gripper_index]
        move = tuple(i for i, c in arm if c.unit == "m" and c.frame != "joint")
        turns = tuple(i for i, c in arm if c.unit == "rad" and c.frame != "joint")
        joints = tuple(i for i, c in arm if c.frame == "joint")
        return cls(move if len(move) == 3 else (), turns, joints, spec.gripper_index)


@dataclass
class Convention:
    """What is found of a group of channels, filled in as it is found; what is not known is as the task has it."""

    absolute: bool = False
    in_tool_frame: bool = False
    order: np.ndarray = field(default_factory=lambda: np.eye(3))
    """Signed permutation ``[3, 3]`` that makes x, y, z of the three channels."""


def moves(answers: Answers, channels: Channels, convention: Convention) -> np.ndarray:
    """Mean step ``[S, 3]`` of the tool in the base frame [m], by this convention."""
    told = answers.mean[:, list(channels.move)]
    return _in_base(told - answers.position if convention.absolute else told, answers, convention)


def move_steps(answers: Answers, channels: Channels, convention: Convention) -> np.ndarray:
    """Every step of the last chunk ``[S, C, 3]`` in the base frame [m], by this convention."""
    told = answers.chunk[:, :, list(channels.move)]
    if convention.absolute:
        told = np.diff(told, axis=1, prepend=answers.position[:, None])
    steps = [_in_base(told[:, t], answers, convention) for t in range(told.shape[1])]
    return np.where(answers.reached[:, None, None], np.stack(steps, 1), np.nan)


def turns(answers: Answers, channels: Channels, convention: Convention) -> np.ndarray:
    """Mean turn ``[S, R]`` of a step [rad]; of three channels as a rotation vector in the base frame."""
    told = answers.mean[:, list(channels.turns)]
    if len(channels.turns) != 3:
        return told
    if convention.absolute:
        told = rotation_left(told, answers.rotation)
    return _in_base(told, answers, convention)


def rotation_left(target: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Rotation vectors ``[S, 3]`` in the base frame from rotations ``[S, 3, 3]`` to target rotation vectors."""
    known = np.isfinite(target).all(1)
    left = np.full(target.shape, np.nan)
    if known.any():
        now = Rotation.from_matrix(rotation[known])
        left[known] = (Rotation.from_rotvec(target[known]) * now.inv()).as_rotvec()
    return left


def _in_base(told: np.ndarray, answers: Answers, convention: Convention) -> np.ndarray:
    ordered = told @ convention.order.T
    return np.einsum("nij,nj->ni", answers.rotation, ordered) if convention.in_tool_frame else ordered
