"""Mistakes of convention, planted between a sound policy and whoever asks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from workbench.policy_check.changes import Seen
from workbench.policy_check.convention_changes import zoomed

Steps = Callable[[np.ndarray, Seen], np.ndarray]
"""Takes a chunk ``[S, T, 7]`` of delta_eef and what is seen; gives the mistaken chunk."""
MOVE, TURN, HAND = slice(0, 3), slice(3, 6), 6
BOUNDS = np.array([0.085] * 3 + [0.125] * 3 + [1.0])
"""Of the Panda's actions."""


@dataclass(frozen=True)
class Mistake:
    """What is done, and which verdicts must name it: (channel, convention)."""

    named: frozenset[tuple[str, str]]
    steps: Steps = lambda chunk, seen: chunk
    sees: Callable[[Seen], Seen] = lambda seen: seen


def mistake(*named: str, steps: Steps | None = None, sees: Callable[[Seen], Seen] | None = None) -> Mistake:
    """With channels written as ``"dx: axis and sign"``."""
    pairs = frozenset((channel, about) for channel, _, about in (name.partition(": ") for name in named))
    made = {key: value for key, value in (("steps", steps), ("sees", sees)) if value}
    return Mistake(pairs, **made)


def both(one: Mistake, other: Mistake) -> Mistake:
    """Two at once."""
    return Mistake(
        one.named | other.named,
        lambda chunk, seen: other.steps(one.steps(chunk, seen), seen),
        lambda seen: other.sees(one.sees(seen)),
    )


def _times(index, factor) -> Steps:
    def steps(chunk: np.ndarray, seen: Seen) -> np.ndarray:
        changed = chunk.copy()
        changed[..., index] *= factor
        return changed

    return steps


def _swapped(i: int, j: int) -> Steps:
    order = list(range(7))
    order[i], order[j] = j, i
    return lambda chunk, seen: chunk[..., order]


def _in_tool_frame(part: slice) -> Steps:
    def steps(chunk: np.ndarray, seen: Seen) -> np.ndarray:
        rotation = Rotation.from_quat(seen.ee_pose[:, 3:]).as_matrix()
        changed = chunk.copy()
        changed[..., part] = np.einsum("sji,stj->sti", rotation, chunk[..., part])
        return changed

    return steps


def _absolute(chunk: np.ndarray, seen: Seen) -> np.ndarray:
    changed = chunk.copy()
    changed[..., MOVE] = seen.ee_pose[:, None, :3] + np.cumsum(chunk[..., MOVE], 1)
    return changed


def _absolute_turns(chunk: np.ndarray, seen: Seen) -> np.ndarray:
    changed = chunk.copy()
    now = Rotation.from_quat(seen.ee_pose[:, 3:])
    for t in range(chunk.shape[1]):
        now = Rotation.from_rotvec(chunk[:, t, TURN]) * now
        changed[:, t, TURN] = now.as_rotvec()
    return changed


def _hand(make: Callable[[np.ndarray], np.ndarray]) -> Steps:
    def steps(chunk: np.ndarray, seen: Seen) -> np.ndarray:
        changed = chunk.copy()
        changed[..., HAND] = make(chunk[..., HAND])
        return changed

    return steps


def _picture(make: Callable[[np.ndarray], np.ndarray]) -> Callable[[Seen], Seen]:
    return lambda seen: replace(
        seen, images={**seen.images, "front": np.ascontiguousarray(make(seen.images["front"]))}
    )


def _pose(make: Callable[[np.ndarray], np.ndarray]) -> Callable[[Seen], Seen]:
    return lambda seen: replace(seen, ee_pose=make(seen.ee_pose).astype(seen.ee_pose.dtype))


ACTIONS = {
    "gripper flipped": mistake("gripper: sign", steps=_times(HAND, -1)),
    "gripper from 0.1 to 0.9": mistake("gripper: range", steps=_hand(lambda g: 0.5 + 0.4 * g)),
    "dx flipped": mistake("dx: axis and sign", steps=_times(0, -1)),
    "dy flipped": mistake("dy: axis and sign", steps=_times(1, -1)),
    "dz flipped": mistake("dz: axis and sign", steps=_times(2, -1)),
    "dx and dy exchanged": mistake("dx: axis and sign", "dy: axis and sign", steps=_swapped(0, 1)),
    "dy and dz exchanged": mistake("dy: axis and sign", "dz: axis and sign", steps=_swapped(1, 2)),
    "drot_x flipped": mistake("drot_x: axis and sign", steps=_times(3, -1)),
    "drot_z flipped": mistake("drot_z: axis and sign", steps=_times(5, -1)),
    "roll and pitch exchanged": mistake(
        "drot_x: axis and sign", "drot_y: axis and sign", steps=_swapped(3, 4)
    ),
    "moves in the tool's frame": mistake("dx..z: frame", steps=_in_tool_frame(MOVE)),
    "turns in the tool's frame": mistake("drot_x..z: frame", steps=_in_tool_frame(TURN)),
    "positions and not steps": mistake("dx..z: reference", steps=_absolute),
    "rotations and not turns": mistake("drot_x..z: reference", steps=_absolute_turns),
    "normalised moves": mistake("dx..z: unit", steps=_times(MOVE, 1 / 0.085)),
    "millimetres": mistake("dx..z: unit", steps=_times(MOVE, 1000.0)),
    "metres taken for millimetres": mistake("dx..z: unit", steps=_times(MOVE, 0.001)),
    "degrees": mistake("drot: unit", steps=_times(TURN, 180 / np.pi)),
}
"""On the way from a policy; for any that acts, whatever it sees."""
CHUNKS = {
    "backwards": mistake("chunk: order", steps=lambda chunk, seen: chunk[:, ::-1]),
    "at half the rate": mistake("chunk: rate", steps=lambda chunk, seen: np.repeat(chunk[:, ::2], 2, 1)),
}
"""For policies with chunks."""
PICTURES = {
    "red and blue exchanged": mistake("front picture: colour order", sees=_picture(lambda i: i[..., ::-1])),
    "mirrored": mistake("front picture: orientation", sees=_picture(lambda i: i[:, :, ::-1])),
    "upside down": mistake("front picture: orientation", sees=_picture(lambda i: i[:, ::-1, ::-1])),
    "cropped": mistake("front picture: crop", sees=_picture(lambda i: zoomed(i, 0.8))),
    "black": mistake("front picture: read", sees=_picture(np.zeros_like)),
}
"""On the way to a policy that looks."""
STATES = {
    "position in millimetres": mistake(
        "tool position: unit", sees=_pose(lambda p: p * np.array([1000.0] * 3 + [1.0] * 4))
    ),
    "quaternion w first": mistake(
        "tool rotation: form", sees=_pose(lambda p: np.concatenate([p[:, :3], np.roll(p[:, 3:], 1, 1)], 1))
    ),
    "width in millimetres": mistake(
        "gripper width: form", sees=lambda seen: replace(seen, gripper_width=1000 * seen.gripper_width)
    ),
}
"""On the way to a policy that is told where its hand is."""
TWO = {
    "gripper and dy flipped": both(ACTIONS["gripper flipped"], ACTIONS["dy flipped"]),
    "tool's frame and dz flipped": both(ACTIONS["dz flipped"], ACTIONS["moves in the tool's frame"]),
    "positions, and drot_z flipped": both(ACTIONS["positions and not steps"], ACTIONS["drot_z flipped"]),
}
TWO_SEEN = {
    "red for blue and dz flipped": both(PICTURES["red and blue exchanged"], ACTIONS["dz flipped"]),
    "mirrored, and gripper flipped": both(PICTURES["mirrored"], ACTIONS["gripper flipped"]),
}
