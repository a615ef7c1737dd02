"""Relative or absolute: whether an answer is a step, or the pose itself that is to be reached."""

from __future__ import annotations

import numpy as np

from workbench.policy_check.examined import Examined
from workbench.policy_check.signed_rank import signed_rank
from workbench.policy_check.situations import TILT, YAW, beside, turned
from workbench.policy_check.tool_motion import Channels, Convention, turns_left
from workbench.policy_check.verdict import CONSISTENT, CONTRADICTORY, UNKNOWN, Verdict, tested

POSES = tuple(beside(axis, sign) for axis in range(3) for sign in (1, -1))
NEAR_POSITION, NEAR_ROTATION = 0.5, 0.6
"""How near to the tool's a pose is: in shares of the tool's distance from the base, and in rad."""
TURNED = tuple(turned(axis, sign, 3, TILT if axis < 2 else YAW) for axis in range(3) for sign in (1, -1))
"""Situations in which it is looked for: those that tell the axes."""


def examine_reference(
    examined: Examined, channels: Channels, move: Convention, turn: Convention
) -> list[Verdict]:
    """Whether the channels that move and turn the tool hold steps; fills in the conventions."""
    found = []
    if channels.move:
        found.append(_moves(examined, channels, move))
    if len(channels.turns) == 3:
        found.append(_turns(examined, channels, turn))
    return found


def _moves(examined: Examined, channels: Channels, convention: Convention) -> Verdict:
    index = list(channels.move)
    nearer, sizes = [], []
    for answers in map(examined.answers, POSES):
        told = answers.mean[:, index]
        sizes.append(np.linalg.norm(told, axis=1))
        # A target lies near the tool, which is far from the base; a step does not.
        off = np.linalg.norm(told - answers.position, axis=1)
        nearer.append(NEAR_POSITION * np.linalg.norm(answers.position, axis=1) - off)
    size = float(np.nanmedian(sizes))
    name = _names(examined, index)
    return _verdict(examined, name, channels.move[0], convention, np.nanmean(nearer, 0), size, "m")


def _turns(examined: Examined, channels: Channels, convention: Convention) -> Verdict:
    index = list(channels.turns)
    nearer, sizes = [], []
    for answers in map(examined.answers, TURNED):
        sizes.append(np.linalg.norm(answers.mean[:, index], axis=1))
        # A hand that points down is turned by pi from the base.
        nearer.append(NEAR_ROTATION - np.linalg.norm(turns_left(answers, channels), axis=2).mean(1))
    size = float(np.nanmedian(sizes))
    name = _names(examined, index)
    return _verdict(examined, name, index[0], convention, np.nanmean(nearer, 0), size, "rad")


def _verdict(
    examined: Examined,
    name: str,
    channel: int,
    convention: Convention,
    nearer: np.ndarray,
    size: float,
    unit: str,
) -> Verdict:
    wanted_absolute = examined.sides.needed.channels[channel].reference == "absolute"
    if not size > 0:
        return Verdict("action", name, "reference", UNKNOWN, "they are 0 in every situation")
    test = signed_rank(nearer)
    leans = test.leans(examined.test_level)
    if not leans:
        return tested("action", name, "reference", UNKNOWN, f"steps of {size:.3g} {unit} are neither", test)
    convention.absolute = leans > 0
    if convention.absolute:
        said = (
            f"they hold the pose to reach and not steps: the tool's own pose and a little ({size:.3g} {unit})"
        )
    else:
        said = f"steps of {1000 * size:.3g} m{unit} in the median, not poses"
    result = CONSISTENT if convention.absolute == wanted_absolute else CONTRADICTORY
    return tested("action", name, "reference", result, said, test, size=size)


def _names(examined: Examined, index: list[int]) -> str:
    names = [examined.sides.needed.channels[i].name for i in index]
    return f"{names[0]}..{names[-1][-1]}"
