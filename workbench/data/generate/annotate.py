"""What a demonstration means: its phases, how the object was held, where it was put, and the way that lay ahead.

All of it is read off what happened, not off what the demonstrator planned, so that it holds for any policy. Pure numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from workbench.data.episode import PHASES, SUBTASKS, TRACE_POINTS

REACH, GRASP, CARRY, PLACE, RETREAT = range(len(PHASES))
MOVED = 0.01
"""An object that is this far from where the fingers closed on it is being carried [m]."""
OVER = 0.03
"""Horizontal distance of the object from where it comes to rest below which it is being put down [m]."""

ARRIVED = 0.002
"""Distance of a pushed object from where it comes to rest below which it is there [m]."""


class NotADemonstration(ValueError):
    """The states show no object that was grasped, carried and let go; one sentence says what is missing."""


@dataclass(frozen=True)
class Demonstration:
    """What one successful episode of ``T`` control steps shows."""

    phase: np.ndarray
    """Row of `PHASES` at each state ``[T + 1]`` uint8."""
    grasp: np.ndarray
    """In the object's frame: tool position [m], and the direction in which the fingers close ``[2, 3]``; NaN where
    nothing is grasped."""
    contact: np.ndarray
    """Inner faces of the two fingers at the tool's height, in the object's frame ``[2, 3]`` [m]."""
    place: np.ndarray
    """Where the object's middle rests at the end, in the receptacle's frame ``[3]`` [m]."""


def demonstration(
    closed: np.ndarray, tool: np.ndarray, width: np.ndarray, target: np.ndarray, receptacle: np.ndarray
) -> Demonstration:
    """What an episode shows; NotADemonstration if the object was not carried and let go.

    An attempt that failed counts as reaching and grasping; what is carried is what is held when it is let go for the
    last time.

    Args:
        closed: whether the hand was told to be closed when each state came about ``[T + 1]``; the first is False.
        tool: tool poses ``[T + 1, 7]``.
        width: distances between the fingertips ``[T + 1]`` [m].
        target: poses of the object ``[T + 1, 7]``.
        receptacle: poses of the receptacle ``[T + 1, 7]``.
    """
    runs = _runs(closed)
    if not runs:
        raise NotADemonstration("the hand never closed")
    phase = np.full(len(closed), REACH, np.uint8)
    for first, last in runs:
        phase[first:last] = GRASP
    first, last = runs[-1]
    if last == len(closed):
        raise NotADemonstration("the hand was still closed at the end")
    away = np.linalg.norm(target[first:last, :3] - target[first, :3], axis=1) > MOVED
    if not away[-1]:
        raise NotADemonstration("the hand let go where it had closed")
    # From here to the end of the run the object is away: the last time it began to be.
    begins = first + int(np.flatnonzero(~away)[-1]) + 1
    phase[begins:last] = CARRY
    near = np.linalg.norm(target[begins:last, :2] - target[-1, :2], axis=1) < OVER
    if near[-1]:
        far = np.flatnonzero(~near)
        phase[begins + (int(far[-1]) + 1 if len(far) else 0) : last] = PLACE
    phase[last:] = RETREAT

    held = begins - 1
    grasp, across = _in_frame(target[held], tool[held])
    half = 0.5 * float(width[held]) * across
    place, _ = _in_frame(receptacle[-1], target[-1])
    return Demonstration(
        phase=phase,
        grasp=np.stack((grasp, across)).astype(np.float32),
        contact=np.stack((grasp + half, grasp - half)).astype(np.float32),
        place=place.astype(np.float32),
    )


def pushed(target: np.ndarray, receptacle: np.ndarray) -> Demonstration:
    """What an episode shows in which the object was moved without being grasped; NotADemonstration if it stayed.

    It is carried, as the phases call it, from the first time that it is away from where it began until it is where it
    ends; there is no grasp, and no contact of fingers with its sides.

    Args:
        target: poses of the object ``[T + 1, 7]``.
        receptacle: poses of the receptacle ``[T + 1, 7]``.
    """
    spot = target[:, :3]
    away = np.flatnonzero(np.linalg.norm(spot - spot[0], axis=1) > MOVED)
    if not len(away):
        raise NotADemonstration("the object stayed where it was")
    phase = np.full(len(target), REACH, np.uint8)
    left = np.linalg.norm(spot - spot[-1], axis=1)
    arrived = int(np.flatnonzero(left > ARRIVED)[-1]) + 1
    phase[away[0] :] = CARRY
    phase[max(int(np.flatnonzero(left > OVER)[-1]) + 1 if (left > OVER).any() else 0, away[0]) :] = PLACE
    phase[arrived:] = RETREAT
    place, _ = _in_frame(receptacle[-1], target[-1])
    nothing = np.full((2, 3), np.nan, np.float32)
    return Demonstration(phase, nothing, nothing.copy(), place.astype(np.float32))


def ways_ahead(tool: np.ndarray, phase: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The tool's path from the states at ``steps`` ``[F]`` to the end of their sub-tasks ``[F, K, 3]`` [m].

    Points are evenly spaced in length; a path without length repeats its point.

    Args:
        tool: tool positions ``[T + 1, 3]`` [m].
        phase: rows of `PHASES` ``[T + 1]``.
        steps: where each path begins.
    """
    subtask = np.array([list(SUBTASKS.values()).index(SUBTASKS[name]) for name in PHASES])[phase]
    ends = np.empty(len(phase), np.int64)
    end = len(phase) - 1
    for t in range(len(phase) - 1, -1, -1):
        # A sub-task ends in the state in which the next begins.
        end = t + 1 if t + 1 < len(phase) and subtask[t + 1] != subtask[t] else end
        ends[t] = end
    return np.stack([_evenly(tool[t : ends[t] + 1]) for t in steps]) if len(steps) else np.zeros(
        (0, TRACE_POINTS, 3), np.float32
    )  # fmt: skip


def _evenly(path: np.ndarray) -> np.ndarray:
    """``K`` points evenly spaced along a polyline ``[n >= 1, 3]``."""
    along = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))))
    at = np.linspace(0.0, along[-1], TRACE_POINTS)
    return np.stack([np.interp(at, along, path[:, axis]) for axis in range(3)], 1).astype(np.float32)


def _runs(closed: np.ndarray) -> list[tuple[int, int]]:
    """First state and one past the last of each stretch in which the hand is closed."""
    padded = np.concatenate(([False], closed.astype(bool), [False]))
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _in_frame(frame: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position and y axis, along which fingers move, of a hand's pose ``[7]`` as seen from ``frame`` ``[7]``."""
    back = Rotation.from_quat(frame[3:]).inv()
    position = back.apply(pose[:3] - frame[:3])
    return position, (back * Rotation.from_quat(pose[3:])).apply((0.0, 1.0, 0.0))


def points_on(pose: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points ``[F, Q, 3]`` [m] that are fixed on a moving body.

    Args:
        pose: its poses ``[F, 7]``.
        points: in its frame ``[Q, 3]`` [m].
    """
    turned = np.stack([Rotation.from_quat(pose[:, 3:]).apply(point) for point in points], 1)
    return pose[:, None, :3] + turned
