"""Units: whether steps have the size that the task's channels accept, and get anywhere within an episode."""

from __future__ import annotations

import math

import numpy as np

from workbench.policy_check.answers import Answers
from workbench.policy_check.examined import Examined
from workbench.policy_check.signed_rank import signed_rank
from workbench.policy_check.situations import FAR, YAW, Situation, turned
from workbench.policy_check.tool_motion import Channels, Convention, moves
from workbench.policy_check.verdict import CONSISTENT, CONTRADICTORY, UNKNOWN, Verdict, tested

BEYOND = 2.0
"""Steps of more than so many times what a channel accepts are no clipping but another unit."""
LEAST_STEPS = 8
"""Steps over which the greatest is looked for: an arm that begins at rest begins slowly."""
FAR_AWAY = Situation((0.0, FAR, 0.0))


def examine_size(examined: Examined, channels: Channels, move: Convention, turn: Convention) -> list[Verdict]:
    """Verdicts on the units of the channels that move and turn the tool."""
    found = []
    long = math.ceil(LEAST_STEPS / examined.sides.execute_steps)
    decisions = max(examined.decisions, long)
    if channels.move and not move.absolute:
        answers = examined.answers(FAR_AWAY, decisions=decisions)
        found.append(_move_unit(examined, answers, channels, move))
    if channels.turns and not turn.absolute:
        count = len(channels.turns)
        answers = examined.answers(turned(count - 1, 1, count, YAW), decisions=decisions)
        found.append(_turn_unit(examined, answers, channels))
    return found


def _greatest(examined: Examined, answers: Answers, index: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Greatest number of each scene ``[S]``, and in multiples of what its channel accepts."""
    spec = examined.sides.needed
    bound = np.maximum(np.abs(spec.low), np.abs(spec.high))[index]
    size = np.abs(np.where(answers.reached[:, None, None], answers.steps[:, :, index], np.nan))
    return size.max((1, 2)), (size / bound).max((1, 2))


def _move_unit(examined: Examined, answers: Answers, channels: Channels, move: Convention) -> Verdict:
    index = list(channels.move)
    names = "dx..z"
    greatest, multiple = _greatest(examined, answers, index)
    accepted = float(examined.sides.needed.high[index].max())
    peak = float(np.nanmedian(greatest))
    if not peak > 0:
        return Verdict("action", names, "unit", UNKNOWN, "they are 0 in every step")
    too_much = signed_rank(np.log(np.maximum(multiple, 1e-12) / BEYOND))
    if too_much.leans(examined.test_level) > 0:
        guess = "normalised to -1..1" if peak <= 1.05 else "in centimetres or millimetres"
        said = f"steps of up to {peak:.3g} where at most {accepted:.3g} m is accepted: they look {guess}"
        return tested("action", names, "unit", CONTRADICTORY, said, too_much, greatest=peak)
    way = answers.goal - answers.position
    far = np.linalg.norm(way, axis=1)
    pace = (moves(answers, channels, move) * way).sum(1) / far  # m a step, toward the goal
    hz, limit = examined.sides.needed.control_hz, examined.sides.time_limit_s
    toward = signed_rank(pace)
    if toward.leans(examined.test_level) <= 0:
        return tested("action", names, "unit", UNKNOWN, "it does not clearly move toward the goal", toward)
    needed = far / np.where(pace > 0, pace, np.nan) / hz
    too_slow = signed_rank(np.log(needed / limit))
    middle = float(np.nanmedian(needed))
    if too_slow.leans(examined.test_level) > 0:
        said = (
            f"{1000 * toward.median:.2g} mm a step toward the goal: {1000 * np.nanmedian(far):.0f} mm take "
            f"{middle:.3g} s, and an episode has {limit:g}"
        )
        return tested("action", names, "unit", CONTRADICTORY, said, too_slow, greatest=peak)
    if too_slow.leans(examined.test_level) == 0:
        return tested(
            "action", names, "unit", UNKNOWN, f"the way to the goal takes about {middle:.3g} s", too_slow
        )
    said = f"steps of up to {1000 * peak:.3g} mm where {1000 * accepted:.3g} are accepted: metres"
    return tested("action", names, "unit", CONSISTENT, said, too_much, greatest=peak)


def _turn_unit(examined: Examined, answers: Answers, channels: Channels) -> Verdict:
    index = list(channels.turns)
    greatest, multiple = _greatest(examined, answers, index)
    accepted = float(examined.sides.needed.high[index].max())
    peak = float(np.nanmedian(greatest))
    if not peak > 0:
        return Verdict("action", "drot", "unit", UNKNOWN, "they are 0 in every step")
    too_much = signed_rank(np.log(np.maximum(multiple, 1e-12) / BEYOND))
    leans = too_much.leans(examined.test_level)
    if leans > 0:
        guess = "normalised to -1..1" if peak <= 1.05 else "in degrees"
        said = f"steps of up to {peak:.3g} where at most {accepted:.3g} rad is accepted: they look {guess}"
        return tested("action", "drot", "unit", CONTRADICTORY, said, too_much, greatest=peak)
    said = f"steps of up to {peak:.2g} rad where {accepted:.3g} are accepted"
    # A number that is accepted may still be in another unit: small turns in degrees are large ones in radians.
    return tested("action", "drot", "unit", CONSISTENT if leans else UNKNOWN, said, too_much, greatest=peak)
