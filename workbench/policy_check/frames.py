"""Base or tool frame: whether an answer turns with the hand.

The same goal is shown to a hand that is turned by 60 degrees to either side. What is told in the base's frame stays the
same; what is told in the tool's turns by 120 degrees from the one to the other, whatever the order and the signs of its
channels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.policy_check.answers import Answers
from workbench.policy_check.examined import Examined
from workbench.policy_check.signed_rank import SignedRank, signed_rank
from workbench.policy_check.situations import HEADING, TILT, YAW, Situation, beside, turned
from workbench.policy_check.tool_motion import Channels, Convention, moves, turns
from workbench.policy_check.verdict import CONSISTENT, CONTRADICTORY, UNKNOWN, Verdict, tested


def examine_move_frame(examined: Examined, channels: Channels, convention: Convention) -> list[Verdict]:
    """The frame of the channels that move the tool; fills in the convention."""
    if not channels.move:
        return []
    wanted = examined.sides.needed.channels[channels.move[0]].frame

    def at(heading: float) -> tuple[Situation, Situation]:
        return beside(1, 1, heading=heading), beside(1, -1, heading=heading)

    return [_verdict(examined, "dx..z", wanted, convention, at, lambda a: moves(a, channels, convention))]


def examine_turn_frame(examined: Examined, channels: Channels, convention: Convention) -> list[Verdict]:
    """The frame of the channels that turn the tool, where there are three; fills in the convention.

    Hands that grasp differently in each scene are tilted about the base's axes. In which frame do all scenes agree on
    what the channels mean? Each is compared with what the others say in either.
    """
    if len(channels.turns) != 3:
        return []
    wanted = examined.sides.needed.channels[channels.turns[0]].frame
    responses, summed = [], np.zeros((examined.asker.scenes, 3, 3))
    for axis, angle in enumerate((TILT, TILT, YAW)):
        one, other = (examined.answers(turned(axis, sign, 3, angle)) for sign in (1, -1))
        responses.append(turns(one, channels, convention) - turns(other, channels, convention))
        summed = summed + one.rotation + other.rotation
    answered = np.stack(responses, 1)  # [S, 3 axes, 3 channels]
    size = np.linalg.norm(answered, axis=(1, 2))
    if not np.nanmax(size, initial=0.0) > 1e-9:
        return [Verdict("action", "drot_x..z", "frame", UNKNOWN, "turning the hand changes nothing")]
    answered = answered / np.where(size > 0, size, np.nan)[:, None, None]
    base = np.broadcast_to(np.eye(3), answered.shape)
    u, _, v = np.linalg.svd(summed)  # u v is the mean rotation: that of a hand that is not turned
    test = signed_rank(_agreement(answered, base) - _agreement(answered, u @ v))
    leans = test.leans(examined.test_level)
    if not leans:
        said = "its answers to a turned hand fit neither frame better"
        return [tested("action", "drot_x..z", "frame", UNKNOWN, said, test)]
    convention.in_tool_frame = leans < 0
    said = f"all scenes agree on what the channels mean in the {'tool' if leans < 0 else 'base'}'s frame"
    return [_decided("drot_x..z", wanted, convention, said, test)]


def _agreement(answered: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """How well each scene's answers ``[S, 3, 3]`` to ``shown`` directions ``[S, 3, 3]`` follow from the others'."""
    each = np.einsum("saj,sai->sji", answered, shown)  # what channels j say of directions i
    known = np.isfinite(each).all((1, 2))
    others = np.where(known[:, None, None], each, 0.0).sum(0) - each
    return np.einsum("sji,sji->s", each, others)


def _verdict(
    examined: Examined,
    name: str,
    wanted: str,
    convention: Convention,
    at: Callable[[float], tuple[Situation, Situation]],
    answer: Callable[[Answers], np.ndarray],
) -> Verdict:
    responses, rotations = [], []
    for heading in (HEADING, -HEADING):
        one, other = map(examined.answers, at(heading))
        responses.append(answer(one) - answer(other))
        rotations.append(one.rotation)
    one, other = responses
    size = np.linalg.norm(one, axis=1) + np.linalg.norm(other, axis=1)
    if not np.nanmax(size, initial=0.0) > 1e-9:
        return Verdict("action", name, "frame", UNKNOWN, "its answer is the same wherever the goal is")
    turn = np.einsum("nji,njk->nik", rotations[0], rotations[1])
    tests = [_test(one, other, turned, size) for turned in (turn, turn.transpose(0, 2, 1))]
    in_base = all(test.leans(examined.test_level) > 0 for test in tests)
    in_tool = any(test.leans(examined.test_level) < 0 for test in tests)
    if in_base == in_tool:
        return tested(
            "action",
            name,
            "frame",
            UNKNOWN,
            "its answers to a turned hand fit neither frame better",
            tests[0],
        )
    convention.in_tool_frame = in_tool
    decided = next(test for test in tests if test.leans(examined.test_level) == (-1 if in_tool else 1))
    said = (
        "its answer turns with the hand: it is in the tool's frame"
        if in_tool
        else "its answer is the same with the hand turned by 120 degrees: the base's frame"
    )
    return _decided(name, wanted, convention, said, decided)


def _decided(name: str, wanted: str, convention: Convention, said: str, test: SignedRank) -> Verdict:
    found = "end_effector" if convention.in_tool_frame else "base"
    if found == wanted:
        return tested("action", name, "frame", CONSISTENT, said, test)
    said += f", and the task's is the {'base' if wanted == 'base' else 'tool'}'s"
    return tested("action", name, "frame", CONTRADICTORY, said, test)


def _test(one: np.ndarray, other: np.ndarray, turn: np.ndarray, size: np.ndarray) -> SignedRank:
    """Above 0 where the answers agree as they are better than turned."""
    as_it_is = np.linalg.norm(one - other, axis=1)
    with_hand = np.linalg.norm(one - np.einsum("nij,nj->ni", turn, other), axis=1)
    return signed_rank((with_hand - as_it_is) / np.where(size > 0, size, np.nan))
