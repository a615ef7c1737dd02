"""Whether tool poses follow from the joints, and what the poses themselves must be: unit quaternions, one rotation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np
from scipy.spatial.transform import Rotation

from robots.registry import robot
from workbench.data.validation.checks.evidence import Evidence, Finding, ToolPoses

POSITION_TOLERANCE = 1e-4
"""Between forward kinematics of the stored joints and the stored position [m], beyond the noise that the dataset
states. Clean data: 2e-7 in archives and exports (rounding to float32)."""
ROTATION_TOLERANCE = 1e-3
"""The same for rotations, and between two ways in which one is stored [rad]. Clean data: 1e-6."""
NORM_TOLERANCE = 1e-4
"""Of a quaternion's length from 1. Clean data: 2e-7."""
SIGMAS = 6.0
"""Noise of as many standard deviations is none any more: once in 10^9 numbers."""
JUMP_SHARE = 1.5
"""Joints that move at more than so many times the arm's speed limit did not move, they were put there. Clean data: 0.92
(reported positions without their noise)."""
POSE, NORM, ROTATIONS, JUMPS, VELOCITY = (
    "tool poses follow from the joints",
    "quaternions have length 1, and keep their sign where that is promised",
    "all ways in which a rotation is stored are one rotation",
    "joints do not jump",
    "joint velocities are those of the joints",
)
TWICE = "no row is there twice"
MOVING = 0.02
"""Joints that are said to move faster than this are not where they were a row before, to the last bit [rad/s]."""
VELOCITY_RATIO = (0.6, 1.6)
"""Between differences of joint positions and stored velocities. Clean data: 0.80 to 0.87, in archives."""


def tool_poses(evidence: Evidence) -> Iterator[Finding] | None:
    """`POSE`: forward kinematics of the joints is the tool's pose."""
    tracks = [track for track in evidence.poses if track.joints is not None]
    return (finding for track in tracks for finding in _follows(track)) if tracks else None


def _follows(track: ToolPoses) -> Iterator[Finding]:
    assert track.joints is not None
    position, rotation = robot(track.robot).chain.pose(track.joints)
    expected = position + np.asarray(track.bias)
    allowed = POSITION_TOLERANCE + SIGMAS * track.noise
    far = np.abs(track.position - expected).max(1) > allowed
    turned = {name: angle_between(r, rotation) > ROTATION_TOLERANCE for name, r in track.rotations.items()}
    if far.any() and turned and all(wrong.any() for wrong in turned.values()):
        yield Finding(track.joints_field, _joints_cause(track, expected, rotation, allowed, far))
        return
    if far.any():
        yield Finding(track.position_field, _position_cause(track, expected, allowed, far))
    for name, wrong in turned.items():
        if wrong.any():
            yield Finding(name, _rotation_cause(track, name, rotation, wrong))


def _position_cause(track: ToolPoses, expected: np.ndarray, allowed: float, far: np.ndarray) -> str:
    found, of = track.position, f"where forward kinematics of {track.joints_field} puts the tool"
    scale = float((found * expected).sum() / (expected**2).sum())
    if abs(scale - 1) > 0.02 and np.abs(found / scale - expected).max() <= max(
        allowed, 0.01 * abs(1 / scale)
    ):
        unit = " (millimetres instead of metres)" if abs(scale / 1000 - 1) < 0.02 else ""
        return f"is {scale:.4g} times {of}{unit}"
    offset = np.median(found - expected, 0)
    if np.abs(found - expected - offset).max() <= allowed + 1e-3:
        return f"lies {_vector(offset)} m from {of}, in every row"
    for rows, words in ((1, "a row late"), (-1, "a row early")):
        if np.abs(_shifted(found, rows) - _shifted(expected, -rows)).max(initial=0) <= allowed:
            return f"is {words} against {track.joints_field}"
    worst = int(np.abs(found - expected).max(1).argmax())
    gap = np.linalg.norm(found[worst] - expected[worst])
    return f"lies up to {gap:.4g} m (row {worst}) from {of}, in {int(far.sum())} of {len(far)} rows"


def _joints_cause(
    track: ToolPoses, expected: np.ndarray, rotation: np.ndarray, allowed: float, far: np.ndarray
) -> str:
    assert track.joints is not None
    for factor, words in (
        (np.pi / 180, "degrees instead of radians"),
        (1e-3, "1/1000 rad instead of radians"),
    ):
        again, turned = robot(track.robot).chain.pose(track.joints * factor)
        fits = np.abs(track.position - again - np.asarray(track.bias)).max() <= allowed
        if fits and all(
            angle_between(r, turned).max() <= ROTATION_TOLERANCE for r in track.rotations.values()
        ):
            return f"is in {words}: so read, forward kinematics gives {track.position_field}"
    for rows, words in ((1, "a row early"), (-1, "a row late")):
        if np.abs(_shifted(track.position, rows) - _shifted(expected, -rows)).max(initial=0) <= allowed:
            return f"is {words} against {track.position_field} and rotations"
    share = f"{int(far.sum())} of {len(far)} rows"
    gap = np.abs(track.position - expected).max()
    return (
        f"does not lead to the tool's stored position and rotation in {share}, by up to {gap:.4g} m: "
        "either these joints or the whole pose is wrong"
    )


def _rotation_cause(track: ToolPoses, name: str, rotation: np.ndarray, wrong: np.ndarray) -> str:
    share = f"{int(wrong.sum())} of {len(wrong)} rows"
    if name in track.quaternions:
        quaternion = track.quaternions[name]
        for order, words in ((1, "w x y z where x y z w is meant"), (-1, "x y z w where w x y z is meant")):
            if _is(np.roll(quaternion, -order, -1), rotation):
                return f"is stored {words}: so read, it is the rotation of {track.joints_field}"
    if _is_matrix(track.rotations[name].transpose(0, 2, 1), rotation):
        return f"is the inverse of the rotation to which {track.joints_field} leads"
    worst = float(angle_between(track.rotations[name], rotation).max())
    return f"turns up to {worst:.3f} rad from where {track.joints_field} turns the tool, in {share}"


def quaternions(evidence: Evidence) -> Iterator[Finding] | None:
    """`NORM`."""
    named = [(track, n, q) for track in evidence.poses for n, q in track.quaternions.items()]
    return (f for track, n, q in named for f in _unit(n, q, track.one_hemisphere)) if named else None


def _unit(name: str, quaternion: np.ndarray, one_hemisphere: bool) -> Iterator[Finding]:
    length = np.linalg.norm(quaternion, axis=1)
    wrong = ~(np.abs(length - 1) <= NORM_TOLERANCE)
    if wrong.any():
        k = int(np.argmax(np.abs(length - 1)))
        yield Finding(name, f"has length {length[k]:.4g} in row {k}, not 1, as {int(wrong.sum())} rows have")
    elif one_hemisphere:
        turns = np.flatnonzero((quaternion[1:] * quaternion[:-1]).sum(1) < 0)
        if len(turns):
            yield Finding(
                name, f"changes its sign at row {turns[0] + 1} and {len(turns) - 1} more, without a turn"
            )


def one_rotation(evidence: Evidence) -> Iterator[Finding] | None:
    """`ROTATIONS`; where joints are known, forward kinematics has said which of them is wrong."""
    if not any(track.rotations for track in evidence.poses):
        return None
    tracks = [track.rotations for track in evidence.poses if track.joints is None]
    return (finding for rotations in tracks for finding in _agree(rotations))


def _agree(rotations: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    for (a, first), (b, second) in combinations(rotations.items(), 2):
        angle = angle_between(first, second)
        wrong = angle > ROTATION_TOLERANCE
        if wrong.any():
            said = f"and {a} are two rotations in {int(wrong.sum())} of {len(wrong)} rows, {angle.max():.3f} rad apart"
            yield Finding(b, f"{said}: the order or the unit of one of them is another than its convention")


def jumps(evidence: Evidence) -> Iterator[Finding] | None:
    """`JUMPS`."""
    tracks = [track for track in evidence.poses if track.joints is not None]
    return (finding for track in tracks for finding in _jumps(track, evidence)) if tracks else None


def _jumps(track: ToolPoses, evidence: Evidence) -> Iterator[Finding]:
    assert track.joints is not None
    noise = SIGMAS * 2**0.5 * float(evidence.factors.get("sensing.joint_noise") or 0.0)
    allowed = JUMP_SHARE * np.array(robot(track.robot).spec.limits.velocity) / evidence.rate_hz + noise
    step = np.abs(np.diff(track.joints, axis=0))
    wrong = (step > allowed).any(1)
    if wrong.any():
        k = int(np.argmax(wrong))
        joint = int(np.argmax(step[k] / allowed))
        yield Finding(
            track.joints_field,
            f"jumps by {step[k, joint]:.3g} rad in joint {joint + 1} at row {k + 1}, more than the arm can move "
            f"between two rows: rows are missing or out of order, or the unit is another ({int(wrong.sum())} jumps)",
        )


def twice(evidence: Evidence) -> Iterator[Finding] | None:
    """`TWICE`: rows that repeat the one before them, although the arm is said to move."""
    if evidence.velocities is None or not evidence.poses or evidence.poses[0].joints is None:
        return None
    return _twice(evidence.poses[0], evidence.poses[0].joints, evidence.velocities)


def _twice(track: ToolPoses, joints: np.ndarray, velocities: np.ndarray) -> Iterator[Finding]:
    same = (joints[1:] == joints[:-1]).all(1) & (track.position[1:] == track.position[:-1]).all(1)
    same &= (velocities[1:] == velocities[:-1]).all(1)
    rows = np.flatnonzero(same & (np.abs(velocities[1:]).max(1) > MOVING)) + 1
    if len(rows):
        more = f", and {len(rows) - 1} more rows repeat theirs" if len(rows) > 1 else ""
        said = f"row {rows[0]} repeats row {rows[0] - 1} while the joints are said to move{more}: rows are doubled"
        yield Finding(track.joints_field, said)


def velocities(evidence: Evidence) -> Iterator[Finding] | None:
    """`VELOCITY`: their scale and sign."""
    if evidence.velocities is None or not evidence.poses or evidence.poses[0].joints is None:
        return None
    return _velocities(evidence, evidence.poses[0].joints, evidence.velocities)


def _velocities(evidence: Evidence, joints: np.ndarray, said: np.ndarray) -> Iterator[Finding]:
    if len(joints) < 3:
        return
    seen = (joints[2:] - joints[:-2]) * evidence.rate_hz / 2
    between = said[1:-1]
    if np.sqrt((seen**2).mean()) * np.sqrt((between**2).mean()) < 1e-4:
        return  # hardly anything moves
    ratio = float((seen * between).sum() / max(float((seen**2).sum()), 1e-12))
    if not VELOCITY_RATIO[0] <= ratio <= VELOCITY_RATIO[1]:
        yield Finding(
            evidence.velocity_field,
            f"is {ratio:.3g} times as fast as {evidence.poses[0].joints_field} moves: its unit, sign or row is another",
        )


def angle_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angles ``[N]`` [rad] between rotation matrices ``[N, 3, 3]``, exact for small ones."""
    gap = np.linalg.norm(first - second, axis=(1, 2)) / 2**1.5
    return 2 * np.arcsin(np.clip(np.nan_to_num(gap, nan=1.0), 0, 1))


def matrices(quaternion: np.ndarray) -> np.ndarray:
    """Rotation matrices ``[N, 3, 3]`` of quaternions ``[N, 4]`` x y z w of any length but 0 (those become NaN)."""
    length = np.linalg.norm(quaternion, axis=1)
    found = np.full((len(quaternion), 3, 3), np.nan)
    good = np.isfinite(length) & (length > 1e-9)
    if good.any():
        found[good] = Rotation.from_quat(quaternion[good].astype(float)).as_matrix()
    return found


def _is(quaternion: np.ndarray, rotation: np.ndarray) -> bool:
    return _is_matrix(matrices(quaternion), rotation)


def _is_matrix(found: np.ndarray, rotation: np.ndarray) -> bool:
    return bool(angle_between(found, rotation).max() <= ROTATION_TOLERANCE)


def _shifted(values: np.ndarray, rows: int) -> np.ndarray:
    return values[rows:] if rows >= 0 else values[:rows]


def _vector(values: np.ndarray) -> str:
    return "(" + ", ".join(f"{v:+.3f}" for v in values) + ")"
