"""Sign and range of the channel that moves the hand: open on the way, closed around the object."""

from __future__ import annotations

import math

import numpy as np

from workbench.policy_check.examined import Examined
from workbench.policy_check.signed_rank import SignedRank, signed_rank
from workbench.policy_check.situations import AT_GRASP, HOLDING, OPEN, Situation
from workbench.policy_check.tool_motion import Channels
from workbench.policy_check.verdict import CONSISTENT, CONTRADICTORY, UNKNOWN, Verdict, tested

OVER_IT, AROUND_IT, LAST = 10, 50, 8
"""Steps of a walk for policies with a memory: over the object, then around it, longer than any patience; and those at
its end that are looked at."""


def examine_gripper(examined: Examined, channels: Channels) -> list[Verdict]:
    """Verdicts on sign and range."""
    if channels.gripper is None:
        return []
    k, name = channels.gripper, examined.sides.needed.gripper
    opened, closed = (examined.answers(s).mean[:, k] for s in (OPEN, HOLDING))
    where = "the object held against an open hand over it"
    test = signed_rank(closed - opened)
    if not test.leans(examined.test_level):
        walked = examined.walk(_walk(examined.sides.execute_steps))
        values = np.where(walked.reached[:, None], walked.steps[:, :, k], np.nan)
        before, after = values[:, 0], values[:, -LAST:].mean(1)
        if (other := signed_rank(after - before)).count >= test.count:
            opened, closed, test = before, after, other
            where = "kept around the object against on the way to it"
    return _verdicts(examined, name, opened, closed, test, where)


def _walk(executed: int) -> tuple[Situation, ...]:
    return (OPEN,) * math.ceil(OVER_IT / executed) + (AT_GRASP,) * math.ceil(AROUND_IT / executed)


def _verdicts(
    examined: Examined, name: str, opened: np.ndarray, closed: np.ndarray, test: SignedRank, where: str
) -> list[Verdict]:
    spec = examined.sides.needed
    leans = test.leans(examined.test_level)
    middle = [float(np.nanmedian(values)) for values in (opened, closed)]
    if not leans:
        why = (
            f"it stays at {middle[0]:.3g}, hand open or around the object"
            if not test.count
            else f"{where}: up in {test.above}, down in {test.below} of {examined.asker.scenes} scenes"
        )
        return [Verdict("action", name, "sign", UNKNOWN, why)]
    rises = spec.gripper_sign == "+1 closes"
    count = max(test.above, test.below)
    said = f"{where}: {middle[1]:+.2f} against {middle[0]:+.2f}, in {count} of {test.count} scenes"
    right = (leans > 0) == rises
    if not right:
        said = f"{name} opens where the hand must close: {said}, and {spec.gripper_sign}"
    sign = tested("action", name, "sign", CONSISTENT if right else CONTRADICTORY, said, test)
    return [sign, _range(examined, name, middle, right)]


def _range(examined: Examined, name: str, middle: list[float], right: bool) -> Verdict:
    spec = examined.sides.needed
    channel = spec.channels[spec.index(name)]
    measured = {"open": middle[0], "closed": middle[1]}
    sides = [value > 0 for value in middle]
    span = f"{min(middle):.2f} to {max(middle):.2f}"
    if sides[0] == sides[1]:
        does = "closes" if spec.gripper_closes(np.array(middle)).any() else "opens"
        said = f"it runs from {span} and never crosses 0, where the channel turns: the hand always {does}"
        return Verdict("action", name, "range", CONTRADICTORY, said, measured, examined.asker.scenes)
    beyond = max(abs(value) for value in middle) > 1.5 * max(abs(channel.low), abs(channel.high))
    if beyond:
        said = f"it runs from {span}, the channel from {channel.low:g} to {channel.high:g}"
        return Verdict("action", name, "range", CONTRADICTORY, said, measured, examined.asker.scenes)
    said = f"it runs from {span}, on both sides of 0"
    return Verdict("action", name, "range", CONSISTENT, said, measured, examined.asker.scenes)
