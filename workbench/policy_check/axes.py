"""Order and sign of axes: which channel answers to which side of the goal, and which way.

Pairs of situations that differ in the sign of one displacement give each channel's response to it; a sound policy's own
response opposes the displacement, and leads all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from workbench.policy_check.answers import Answers
from workbench.policy_check.examined import Examined
from workbench.policy_check.signed_rank import SignedRank, signed_rank
from workbench.policy_check.situations import TILT, YAW, Situation, beside, turned
from workbench.policy_check.tool_motion import AXES, Channels, Convention, moves, turns
from workbench.policy_check.verdict import CONSISTENT, CONTRADICTORY, UNKNOWN, Result, Verdict, tested

LEADS = 0.5
"""A channel's own response is at least this share of its response to any other axis; less than the half of that is
none."""


def examine_moves(examined: Examined, channels: Channels, convention: Convention) -> list[Verdict]:
    """Verdicts on ``dx``, ``dy``, ``dz``; fills in the order of the convention."""
    if not channels.move:
        return []
    pairs = [(beside(axis, 1), beside(axis, -1)) for axis in range(3)]
    names = [examined.sides.needed.channels[i].name for i in channels.move]
    asked = [f"the goal on either side along {axis}" for axis in AXES]
    found, order = _examine(
        examined, names, pairs, lambda a: moves(a, channels, convention), asked, "mm", "toward it", AXES
    )
    convention.order = order @ convention.order
    return found


def examine_turns(examined: Examined, channels: Channels, convention: Convention) -> list[Verdict]:
    """Verdicts on the channels that turn the hand; fills in the order of the convention."""
    count = len(channels.turns)
    angles = [TILT, TILT, YAW] if count == 3 else [TILT, YAW]
    pairs = [(turned(k, 1, count, angles[k]), turned(k, -1, count, angles[k])) for k in range(count)]
    names = [examined.sides.needed.channels[i].name for i in channels.turns]
    axes = AXES if count == 3 else [name.removeprefix("drot_") for name in names]
    asked = [f"the hand turned either way about {axis}" for axis in axes]
    found, order = _examine(
        examined, names, pairs, lambda a: turns(a, channels, convention), asked, "mrad", "back", axes
    )
    if count == 3:
        convention.order = order @ convention.order
    return found


def _examine(
    examined: Examined,
    names: Sequence[str],
    pairs: Sequence[tuple[Situation, Situation]],
    answer: Callable[[Answers], np.ndarray],
    asked: Sequence[str],
    unit: str,
    right: str,
    axes: Sequence[str],
) -> tuple[list[Verdict], np.ndarray]:
    """Verdicts by channel, and the signed permutation that puts their answers right."""
    count = len(names)
    responses = [answer(examined.answers(one)) - answer(examined.answers(other)) for one, other in pairs]
    tests = [[signed_rank(response[:, j]) for response in responses] for j in range(count)]
    order = np.eye(count)
    verdicts = []
    for j, name in enumerate(names):
        verdict, axis, sign = _channel(examined, name, j, tests[j], asked, unit, right, axes)
        verdicts.append(verdict)
        if verdict.result == CONTRADICTORY:
            order[:, j] = 0.0
            order[axis, j] = sign
    # Rows that two channels claim cannot be put right.
    claimed = (order != 0).sum(1)
    return verdicts, order if (claimed == 1).all() else np.eye(count)


def _channel(
    examined: Examined,
    name: str,
    j: int,
    tests: Sequence[SignedRank],
    asked: Sequence[str],
    unit: str,
    right: str,
    axes: Sequence[str],
) -> tuple[Verdict, int, int]:
    """The verdict on channel ``j``, and to which axis it answers with which sign."""
    level = examined.test_level
    sizes = [abs(test.median) for test in tests]
    own, most = tests[j], max(sizes)
    shown = 1000 * most

    def verdict(result: Result, sentence: str, test: SignedRank, **numbers: float) -> Verdict:
        return tested(
            "action", name, "axis and sign", result, sentence, test, step=test.median / 2, **numbers
        )

    if not any(test.count for test in tests):
        why = f"{asked[j]} changes nothing in its answer"
        return Verdict("action", name, "axis and sign", UNKNOWN, why), j, 1
    if own.leans(level) and sizes[j] >= LEADS * most:
        step = 1000 * sizes[j] / 2
        if own.leans(level) < 0:
            said = f"{asked[j]}: {step:.2g} {unit} a step {right}, {own.below} of {own.count} scenes"
            return verdict(CONSISTENT, said, own), j, 1
        said = (
            f"{name} answers with the sign of the opposite direction: {asked[j]}, {step:.2g} {unit} a step the other "
            f"way, {own.above} of {own.count} scenes"
        )
        return verdict(CONTRADICTORY, said, own), j, -1
    other = int(np.argmax(sizes))
    test = tests[other]
    if other != j and test.leans(level) and sizes[j] < LEADS / 2 * most:
        turned_round = " with the opposite sign" if test.leans(level) > 0 else ""
        said = (
            f"{name} answers to {axes[other]} and not to {axes[j]}{turned_round}: {asked[other]} changes it by "
            f"{shown:.2g} {unit} a step, along {axes[j]} by {1000 * sizes[j]:.2g}"
        )
        return verdict(CONTRADICTORY, said, test, axis=other), other, -test.leans(level)
    said = (
        f"{asked[j]}: {right} in {own.below}, the other way in {own.above} of {examined.asker.scenes} scenes, which "
        "is no clear lean"
    )
    return verdict(UNKNOWN, said, own), j, 1
