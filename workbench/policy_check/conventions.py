"""Conventions of what is seen: is a policy right with observations as they are, or with some other convention of them?

A policy that was trained on blue-green-red pictures goes right once red and blue are exchanged, and wrong as they are.
So every input that is read is also brought in the conventions that people confuse, and a verdict follows from which of
them the policy does better with, scene by scene: how well it points at the goal, from afar and from near by, turns its
hand back, and opens and closes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.policy_check.changes import Change
from workbench.policy_check.convention_changes import Family, families
from workbench.policy_check.examined import Examined
from workbench.policy_check.scores import Score, Scores
from workbench.policy_check.signed_rank import SignedRank, signed_rank
from workbench.policy_check.tool_motion import Channels, Convention
from workbench.policy_check.verdict import CONSISTENT, CONTRADICTORY, READ, UNKNOWN, Verdict, tested


@dataclass(frozen=True)
class Judgement:
    """A verdict, and the convention with which the policy is right where it contradicts."""

    verdict: Verdict
    correction: Change | None = None
    gain: float = 0.0
    """What the correction gains, in shares of what is to be gained."""


def judge_conventions(
    examined: Examined, channels: Channels, move: Convention, before: Sequence[Verdict]
) -> list[Judgement]:
    """One for each convention of each input that is read, by what ``before`` found.

    A policy that is led astray by one input may heed it no more, nor any other: where it does not do what it should,
    inputs that seem unread are tried as well.
    """
    read = {v.channel for v in before if v.about == "read" and v.result == READ}
    if not read:
        return []
    scores = Scores(examined, channels, move, _opens_with(examined, before)).available()
    if _is_one_mistake(before):
        scores.pop(
            "righting", None
        )  # a mistake of its turns says it all: no form of the state is to be blamed
    right = {name for name, score in scores.items() if score.is_right(score.of(None)[0], examined.test_level)}
    found = []
    for family in families(examined.sides):
        is_read = family.channel in read or family.channel == "state"
        if is_read or not right.issuperset(set(family.scores) & set(scores)):
            judged = _judged(examined, family, scores)
            if is_read or judged.correction:
                found.append(judged)
    return found


def _opens_with(examined: Examined, before: Sequence[Verdict]) -> int:
    """+1 or -1: the sign with which the hand's channel opens, as found, or as the task has it."""
    needed = 1 if examined.sides.needed.gripper_sign == "+1 opens" else -1
    is_wrong = any(v.about == "sign" and v.result == CONTRADICTORY for v in before)
    return -needed if is_wrong else needed


def _is_one_mistake(before: Sequence[Verdict]) -> bool:
    """Whether what is wrong with the turns is one thing: reference, frame, a sign, or two that are exchanged."""
    told = ("reference", "frame", "axis and sign")
    turns = [v for v in before if v.channel.startswith("drot") and v.about in told]
    wrong = [v for v in turns if v.result == CONTRADICTORY]
    exchanged = [v for v in wrong if v.measured.get("axis") is not None]
    return len(wrong) == 1 or (len(wrong) == len(exchanged) == 2)


def _judged(examined: Examined, family: Family, scores: Mapping[str, Score]) -> Judgement:
    reasons = []
    for kind in family.scores:
        if kind not in scores:
            reasons.append(f"{kind} cannot be measured")
            continue
        found = _by_score(examined, family, scores[kind])
        if isinstance(found, Judgement):
            return found
        reasons.append(found)
    why = "; ".join(reasons)
    return Judgement(Verdict("observation", family.channel, family.about, UNKNOWN, why))


def _by_score(examined: Examined, family: Family, score: Score) -> Judgement | str:
    """What one score tells, or why it tells nothing."""
    level = examined.test_level
    as_it_is, *others = score.of(None, *family.changes)
    worse: list[tuple[str, Change, SignedRank]] = []
    best: Judgement | None = None
    for change, changed in zip(family.changes, others, strict=True):
        better = signed_rank(changed - as_it_is)
        numbers = f"{score.name} {_short(changed)} against {_short(as_it_is)}"
        if better.leans(level) > 0 and score.is_better(changed, as_it_is, level):
            said = (
                f"it is right {change.says}, not as it is: {numbers}, {better.above} of {better.count} scenes"
            )
            verdict = tested("observation", family.channel, family.about, CONTRADICTORY, said, better)
            gain = score.gain(changed, as_it_is)
            best = (
                max(best, Judgement(verdict, change, gain), key=_gain)
                if best
                else Judgement(verdict, change, gain)
            )
        elif better.leans(level) < 0:
            worse.append((numbers, change, better))
    if best:
        return best
    if not score.is_right(as_it_is, level):
        return f"{score.name} is not clearly right as it is ({_short(as_it_is)})"
    if len(worse) < len(family.changes):
        rest = [change.says for change in family.changes if all(change is not other for _, other, _ in worse)]
        return f"{score.name} is no worse {' or '.join(rest)}"
    numbers, change, test = worse[0]
    said = f"worse {change.says}: {numbers}"
    if len(worse) > 1:
        said += f"; and {' or '.join(change.says for _, change, _ in worse[1:])}"
    return Judgement(tested("observation", family.channel, family.about, CONSISTENT, said, test))


def _gain(judgement: Judgement) -> float:
    return judgement.gain


def _short(values: np.ndarray) -> str:
    return f"{float(np.nanmedian(values)):.2g}"
