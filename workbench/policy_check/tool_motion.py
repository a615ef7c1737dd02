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
    index = list(channels.turns)
    if len(index) != 3:
        return answers.mean[:, index]
    told = turns_left(answers, channels).mean(1) if convention.absolute else answers.mean[:, index]
    return _in_base(told, answers, convention)


def turns_left(answers: Answers, channels: Channels) -> np.ndarray:
    """What is left to turn in each step ``[S, T, 3]`` [rad], base frame, where three channels hold rotations to reach.

    Step by step: rotation vectors of hands that point down are about pi long, and two of almost the same rotation may
    point opposite ways, so that their mean means nothing.
    """
    told = answers.steps[:, :, list(channels.turns)]
    left = np.full(told.shape, np.nan)
    known = answers.reached[:, None] & np.isfinite(told).all(2)
    if known.any():
        now = np.broadcast_to(answers.rotation[:, None], (*told.shape, 3))[known]
        left[known] = (Rotation.from_rotvec(told[known]) * Rotation.from_matrix(now).inv()).as_rotvec()
    return left


def _in_base(told: np.ndarray, answers: Answers, convention: Convention) -> np.ndarray:
    ordered = told @ convention.order.T
    return np.einsum("nij,nj->ni", answers.rotation, ordered) if convention.in_tool_frame else ordered
