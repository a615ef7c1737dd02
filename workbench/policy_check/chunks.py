"""Order and rate of the steps of a chunk.

From close by a chunk that reaches the goal spends its first steps on the way and its last ones there; from far away it
is under way until its end. So the share of the way that lies in the first half is greater from close by, whatever it
is; in a chunk that is told backwards it is smaller.
"""

from __future__ import annotations

import numpy as np

from workbench.policy_check.examined import Examined
from workbench.policy_check.signed_rank import signed_rank
from workbench.policy_check.situations import FAR, NEAR, beside
from workbench.policy_check.tool_motion import Channels, Convention, move_steps
from workbench.policy_check.verdict import CONSISTENT, CONTRADICTORY, UNKNOWN, Verdict, tested

LEAST = 4
"""Steps that a chunk needs for its order to be told."""
SIDES = (1, -1)


def examine_chunks(examined: Examined, channels: Channels, convention: Convention) -> list[Verdict]:
    """Verdicts on the length of chunks, the order of their steps, and their rate."""
    chunk = examined.answers(beside(1, 1)).chunk
    length, executed = chunk.shape[1], examined.sides.execute_steps
    found = []
    if executed > length:
        said = f"{executed} steps of each chunk are to be executed, and a chunk has {length}"
        found.append(Verdict("action", "chunk", "length", CONTRADICTORY, said))
    else:
        said = f"{executed} of {length} steps are executed"
        found.append(Verdict("action", "chunk", "length", CONSISTENT, said))
    if length < LEAST or not channels.move:
        why = f"a chunk of {length} has none" if length < LEAST else "the tool's motion is not told"
        return [*found, Verdict("action", "chunk", "order", UNKNOWN, why), _rate(examined, chunk)]
    contrasts = []
    for sign in SIDES:
        near, far = (examined.answers(beside(1, sign, way)) for way in (NEAR, FAR))
        contrasts.append(
            _lead(move_steps(near, channels, convention)) - _lead(move_steps(far, channels, convention))
        )
    test = signed_rank(np.mean(contrasts, 0))
    leans = test.leans(examined.test_level)
    said = f"from {1000 * NEAR:.0f} mm more of the way lies in the first half than from {1000 * FAR:.0f}: "
    said += f"{test.above} of {test.count} scenes"
    result = CONSISTENT if leans > 0 else UNKNOWN
    if leans < 0:
        result = CONTRADICTORY
        said = (
            f"its steps stand in the opposite order: the way comes last, {test.below} of {test.count} scenes"
        )
    elif not leans:
        said = "its steps are alike" if not test.count else f"{said}, which is no clear lean"
    return [*found, tested("action", "chunk", "order", result, said, test), _rate(examined, chunk)]


def _lead(steps: np.ndarray) -> np.ndarray:
    """How much more of the motion along y lies in the first half of chunks ``[S, C, 3]``, in shares of all."""
    along = steps[:, :, 1]
    half = along.shape[1] // 2
    total = np.abs(along).sum(1)
    lead = np.abs(along[:, :half].sum(1)) - np.abs(along[:, -half:].sum(1))
    return np.divide(lead, total, out=np.zeros_like(lead), where=total > 0)


def _rate(examined: Examined, chunk: np.ndarray) -> Verdict:
    hz = examined.sides.needed.control_hz
    usable = chunk[np.isfinite(chunk).all((1, 2))]
    for times in (2, 3, 4, 5):
        steps = usable.shape[1]
        if steps < 2 * times or steps % times or not len(usable):
            continue
        groups = usable.reshape(len(usable), steps // times, times, -1)
        repeated = np.ptp(groups, axis=2).max((1, 2)) == 0
        varies = np.ptp(usable, axis=1).max(1) > 0
        if varies.any() and (repeated == varies)[varies].all():
            said = (
                f"every step stands {times} times: made at {hz / times:g} Hz and held, or repeated on the way"
            )
            return Verdict(
                "action", "chunk", "rate", CONTRADICTORY, said, {"times": times}, int(varies.sum())
            )
    return Verdict(
        "action", "chunk", "rate", UNKNOWN, f"steps do not say how long they last; both sides say {hz:g} Hz"
    )
