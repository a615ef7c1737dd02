"""Whether actions are what moved the arm and the hand: their size, sign, row and source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from tasks.tabletop.action_spaces import DELTA_EEF, DELTA_JOINTS
from workbench.data.validation.checks.evidence import Evidence, Finding, Gripper, Motion
from workbench.data.validation.checks.lag import SEARCHED, lag, rows_late

DERIVED_TOLERANCE = 1e-5
"""Between deltas that were derived from targets, and the targets' differences [m or rad]. Clean data: 5e-7."""
RATIO = (0.5, 2.0)
"""Least and greatest ratio of what was sent to what targets did, root mean squares over an episode; of turns, the
greatest alone. Clean data: 0.90 to 1.10 (lost and repeated commands, and the arm's speed limits)."""
OPPOSED = -0.3
"""Correlation of what was sent with what targets did, at the best lag, from which on the sign is wrong. Clean data: at
least 0.72."""
LATENESS = 0.25
"""How far the lag between actions and targets may be from the delay that the dataset states [rows]; see `lag`. Clean
data: 0.02 where the way of each command can be gone again, as in archives."""
LAG_TOLERANCE = 0.05
"""How far it may be from what it was when the numbers were written [rows]. Clean data: 1e-4 (rounding to float32)."""
LEAST_PATH = 1e-3
"""Targets that hardly move tell nothing [m or rad a row, root mean square]."""
SAME = 1e-5
"""Two fields that repeat each other agree to this, relative to their size. Clean data: 0."""
OPEN_FROM = 0.2
"""Share of the fingers' travel by which hands told to be open and told to be closed must differ on the average. Clean
data: 0.31."""
ACTIONS, GRIPPER, REPEATS = (
    "actions are what the arm's targets did",
    "the hand does what it is told",
    "columns that repeat others are equal to them",
)


def actions(evidence: Evidence) -> Iterator[Finding] | None:
    """`ACTIONS`."""
    return (f for motion in evidence.motion for f in _motion(motion)) if evidence.motion else None


def _motion(motion: Motion) -> Iterator[Finding]:
    name = ", ".join(motion.fields)
    sent, reached = motion.sent, motion.reached
    known = np.isfinite(reached).all(1)
    if motion.exact:
        off = np.abs(sent - reached)[known].max(1, initial=0)
        if not (off > DERIVED_TOLERANCE).any():
            return
    moving = float(np.sqrt((reached[known] ** 2).mean())) if known.any() else 0.0
    if moving < LEAST_PATH:
        return
    if not np.abs(sent).max(initial=0) > 0:
        yield Finding(name, "is zero in every row, and the arm's targets move")
        return
    shift = _lag(sent, reached)
    for part, columns in _parts(sent.shape[1]):
        ratio = _ratio(sent[:, columns], reached[:, columns], round(shift))
        # A turn may lie in the one row of which it is not known what the targets did.
        least = RATIO[0] if part != "rotation" else OPPOSED
        if ratio is not None and not least <= ratio <= RATIO[1]:
            yield Finding(name, _ratio_words(part, ratio))
            return
    if (rows := rows_late(motion, _parts(sent.shape[1])[0][1])) != 0:
        yield Finding(
            name,
            f"lies {abs(rows)} row{'s' * (abs(rows) > 1)} {'late' if rows > 0 else 'early'}: so many rows "
            f"{'earlier' if rows > 0 else 'later'}, delayed and lost as the factors say, it is what the targets did",
        )
        return
    stated = motion.delay if motion.known_lag is None else motion.known_lag
    late = shift - (shift if stated is None else stated)
    if abs(late) > (LATENESS if motion.known_lag is None else LAG_TOLERANCE):
        was = "the dataset's factors say" if motion.known_lag is None else "it was when they were written:"
        yield Finding(
            name,
            f"lies {abs(late):.2g} rows {'early' if late > 0 else 'late'}: the arm's targets follow after "
            f"{shift:.2f} rows, {was} {stated:.2f}",
        )
    elif motion.exact:
        gap = np.nan_to_num(np.abs(sent - reached).max(1))
        share = f"{int((gap > DERIVED_TOLERANCE).sum())} of {len(gap)} rows"
        yield Finding(
            name, f"is not the difference of the arm's targets in {share}, by up to {gap.max():.3g}"
        )


def _parts(size: int) -> list[tuple[str, slice]]:
    """Numbers of one unit."""
    return [("translation", slice(0, 3)), ("rotation", slice(3, 6))] if size == 6 else [("", slice(0, size))]


def tool_steps(position: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """What the target did from each row to the next ``[N, 6]`` [m, rad].

    Args:
        position: of the target that is reached at the end of each row ``[N, 3]`` [m].
        rotation: its rotation matrices ``[N, 3, 3]``.

    Returns:
        NaN in the first row: where the target was before is not in it.
    """
    turned = Rotation.from_matrix(rotation[1:] @ rotation[:-1].transpose(0, 2, 1)).as_rotvec()
    steps = np.concatenate((np.diff(position, axis=0), turned), 1)
    return np.concatenate((np.full((1, 6), np.nan), steps))


def joint_steps(joints: np.ndarray) -> np.ndarray:
    """The same of joints ``[N, 7]`` [rad]."""
    return np.concatenate((np.full((1, joints.shape[1]), np.nan), np.diff(joints, axis=0)))


def command_lags(actions: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Of what `workbench.data.frame_actions.frame_actions` gave, the `lag` in each action space, to 1e-4 rows.

    Kept with an episode when it is written, it tells later whether rows have been shifted against each other.
    """
    if len(actions["joints"]) < 4:
        return {}
    sent = np.concatenate((actions["delta_eef_position"], actions["delta_eef_rotation_vector"]), 1)
    found = {
        DELTA_EEF.name: _lag(sent, tool_steps(actions["eef_position"], actions["eef_rotation_matrix"])),
        DELTA_JOINTS.name: _lag(actions["delta_joints"], joint_steps(actions["joints"])),
    }
    return {name: round(value, 4) for name, value in found.items()}


def _lag(sent: np.ndarray, reached: np.ndarray) -> float:
    """The `lag` of one part: of the tool's translation, since fast turns run into the arm's limits of speed."""
    part = _parts(sent.shape[1])[0][1]
    return lag(sent[:, part], reached[:, part])


def _ratio_words(part: str, ratio: float) -> str:
    """``ratio`` is what was sent over what came of it."""
    what = f"{part} " if part else ""
    if ratio == 0:
        return f"{what}is zero in every row, and the arm's targets move"
    if 0 > ratio > -RATIO[1]:
        return f"{what}has the wrong sign: the arm's targets moved the other way"
    unit = " (millimetres instead of metres)" if 500 < ratio < 2000 and part != "rotation" else ""
    return f"{what}is {ratio:.3g} times what the arm's targets did{unit}"


def _ratio(sent: np.ndarray, reached: np.ndarray, late: int) -> float | None:
    """Root mean square of what was sent over that of what targets did, negative if one went against the other.

    None where little moves.
    """
    n = len(sent)
    known = np.isfinite(reached).all(1)
    size = np.sqrt((reached[known] ** 2).mean())
    if size < LEAST_PATH:
        return None
    ratio = float(np.sqrt((sent[known] ** 2).mean()) / size)
    a = sent[max(0, -late) : n - max(0, late)]
    b = np.nan_to_num(reached[max(0, late) : n - max(0, -late)])
    power = np.sqrt((a**2).sum() * (b**2).sum())
    return -ratio if power and (a * b).sum() / power < OPPOSED else ratio


def gripper(evidence: Evidence) -> Iterator[Finding] | None:
    """`GRIPPER`: its sign and its rows, against the fingers' distance and the phase."""
    return _gripper(evidence.gripper) if evidence.gripper else None


def _gripper(hand: Gripper) -> Iterator[Finding]:
    closed, width = hand.closed, hand.width
    n = len(closed)
    travel = float(np.ptp(width)) if len(width) else 0.0
    if width.max(initial=0) > 0.5:
        scale = " (millimetres instead of metres)" if width.max() > 5 else ""
        yield Finding(hand.width_field, f"is up to {width.max():.3g} m, wider than any hand{scale}")
        return
    if not closed.any() or closed.all() or travel < 0.005:
        if not closed.any() or closed.all():
            # Whichever way the hand goes to where it stays is right; to come back from there is not.
            told, against = ("closed", "opens") if closed.any() else ("open", "closes")
            back = _most_way_back(width if closed.any() else -width)
            if back >= 0.02:
                said = f"says {told} in every row, and {hand.width_field} {against} by {back:.3f} m"
                yield Finding(hand.command_field, said)
        elif travel < 0.005:
            yield Finding(
                hand.width_field, f"hardly changes, and {hand.command_field} opens and closes the hand"
            )
        return
    lags = [k for k in range(-SEARCHED, SEARCHED + 1) if abs(k) < n // 3]
    apart = {k: _apart(closed, width, k) / travel for k in lags}
    now = apart[round(hand.late)] if round(hand.late) in apart else apart[0]
    agrees = _phase_lag(hand)
    if now < -OPEN_FROM or (agrees is None and now < 0):
        yield Finding(
            hand.command_field,
            f"has the wrong sign: it says open where {hand.width_field} shows the fingers closing, and closed where "
            "they open",
        )
    elif agrees is not None and agrees != 0:
        yield Finding(
            hand.command_field,
            f"lies {abs(agrees)} rows {'late' if agrees > 0 else 'early'} against the phases, which begin and end "
            "where the hand is told to close and to open: its rows or those of the phase are shifted",
        )


def _most_way_back(width: np.ndarray) -> float:
    """How far numbers ``[T]`` rise at most above the least before."""
    return float((width - np.minimum.accumulate(width)).max(initial=0.0))


def _apart(closed: np.ndarray, width: np.ndarray, late: int) -> float:
    """How much wider the fingers are apart where the hand was told to be open ``late`` rows before [m]."""
    n = min(len(closed), len(width) - late) if late >= 0 else len(closed) + late
    told = closed[max(0, -late) : max(0, -late) + n]
    seen = width[max(0, late) : max(0, late) + n]
    n = min(len(told), len(seen))
    told, seen = told[:n], seen[:n]
    return float(seen[~told].mean() - seen[told].mean()) if told.any() and not told.all() else 0.0


def _phase_lag(hand: Gripper) -> int | None:
    """Rows by which the command comes after the phases; None if it fits at no lag or phases are not known."""
    if hand.holding is None:
        return 0
    # A state's phase follows from the command that led to it.
    closed, holding = hand.closed, hand.holding[1:]
    n = min(len(closed), len(holding))
    closed, holding = closed[:n], holding[:n]
    for k in sorted(range(-SEARCHED, SEARCHED + 1), key=abs):
        a = closed[max(0, k) : n - max(0, -k)]
        b = holding[max(0, -k) : n - max(0, k)]
        if (a == b).all():
            return k
    return None


def repeats(evidence: Evidence) -> Iterator[Finding] | None:
    """`REPEATS`."""
    return _repeats(evidence) if evidence.repeats else None


def _repeats(evidence: Evidence) -> Iterator[Finding]:
    for name, values, other, truth in evidence.repeats:
        if values.shape != truth.shape:
            yield Finding(name, f"has rows of {values.shape[1:]} numbers, {other} gives {truth.shape[1:]}")
            continue
        values, truth = (rows.reshape(len(rows), -1) for rows in (values, truth))
        size = np.abs(truth).max(initial=1e-6)
        wrong = np.abs(values - truth) > SAME * size
        if not wrong.any():
            continue
        rows, columns = wrong.any(1), np.flatnonzero(wrong.any(0))
        where = (
            f"in {int(rows.sum())} of {len(rows)} rows, numbers {', '.join(map(str, columns[:8].tolist()))}"
        )
        yield Finding(name, f"is not what {other} says, {where}: {_relation(values, truth, columns)}")


def _relation(values: np.ndarray, truth: np.ndarray, columns: np.ndarray) -> str:
    a, b = values[:, columns], truth[:, columns]
    if not np.abs(a).max() > 0:
        return "it is zero in every row"
    if np.allclose(a, -b, atol=SAME):
        return "it has the wrong sign"
    ratio = float((a * b).sum() / max(float((b**2).sum()), 1e-12))
    if abs(ratio) > 1e-9 and np.abs(a - ratio * b).max() < 1e-3 * np.abs(a).max():
        if f"{ratio:.4g}" == "1":
            return f"they differ by up to {np.abs(a - b).max():.3g}"
        unit = " (millimetres instead of metres)" if abs(ratio / 1000 - 1) < 0.01 else ""
        return f"it is {ratio:.4g} times as large{unit}"
    for k, words in ((1, "late"), (-1, "early")):
        late, early = (a[1:], b[:-1]) if k > 0 else (a[:-1], b[1:])
        if np.abs(late - early).max() <= SAME * np.abs(b).max():
            return f"its rows are one row {words}"
    return f"they differ by up to {np.abs(a - b).max():.3g}"
