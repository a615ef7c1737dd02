"""Command or measured: what steps are added to, as far as a policy that is shown an arm that does not move betrays it.

A policy that adds its steps to its previous command has told all of the way after a while, and stops. One that commands
in the same way but takes its steps from the measured pose asks for more and more, until each step is the whole way.
One without a memory answers the same again and again.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from workbench.policy_check.answers import Answers
from workbench.policy_check.examined import Examined
from workbench.policy_check.signed_rank import signed_rank
from workbench.policy_check.situations import SIDE, beside
from workbench.policy_check.tool_motion import Channels, Convention, moves
from workbench.policy_check.verdict import CONSISTENT, CONTRADICTORY, UNKNOWN, Verdict, tested

STEPS = 40
"""For which the arm does not move."""


def examine_memory(examined: Examined, channels: Channels, convention: Convention) -> list[Verdict]:
    """The verdict on what steps are added to; none where nothing is added."""
    if not channels.move or convention.absolute:
        return []
    name, about = "dx..z", "added to"
    executed = examined.sides.execute_steps
    count = max(math.ceil(STEPS / executed), 4)
    answers = examined.walk((beside(1, 1),) * count)
    per_step = [moves(_only(answers, t), channels, convention)[:, 1] for t in range(answers.steps.shape[1])]
    toward = -np.stack(per_step, 1)  # [S, T]; the goal lies at -y
    way = SIDE * examined.sides.scale
    size = np.abs(toward)
    peak = np.nanmax(size, axis=1, initial=0.0)
    if not np.nanmax(peak, initial=0.0) > 0:
        return [Verdict("action", name, about, UNKNOWN, "they are 0 in every situation")]
    first = np.array([next((x for x in row if x > 1e-9), np.nan) for row in size])
    late = toward[:, -max(toward.shape[1] // 4, 1) :].mean(1)
    level = examined.test_level
    grown, small = signed_rank(late - way / 2), signed_rank(way / 5 - first)
    if grown.leans(level) > 0 and small.leans(level) > 0:
        said = (
            f"its steps grow while the arm stands, from {1000 * np.nanmedian(first):.2g} to "
            f"{1000 * np.nanmedian(late):.3g} mm: it takes them from the measured pose"
        )
        return [_against(examined, tested("action", name, about, CONTRADICTORY, said, grown), "measured")]
    stops = signed_rank(0.3 * peak - np.abs(late))
    told = float(np.nanmedian(toward.sum(1)))
    if stops.leans(level) > 0 and 0.5 * way < told < 3 * way:
        said = f"shown an arm that does not move, it stops after {1000 * told:.0f} mm: it counts what it commanded"
        return [
            _against(examined, tested("action", name, about, CONSISTENT, said, stops), "previous_command")
        ]
    said = "shown an arm that does not move, it goes on: it keeps no count of what it commanded"
    return [tested("action", name, about, UNKNOWN, said, stops)]


def _against(examined: Examined, verdict: Verdict, found: str) -> Verdict:
    """The verdict, by what the task says."""
    wanted = examined.sides.needed.channels[Channels.of(examined.sides.needed).move[0]].reference
    result = CONSISTENT if wanted == found else CONTRADICTORY
    return Verdict(**{**vars(verdict), "result": result})


def _only(answers: Answers, step: int) -> Answers:
    """One of the steps."""
    return replace(answers, steps=answers.steps[:, step : step + 1])
