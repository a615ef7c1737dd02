"""In which order a policy is examined."""

from __future__ import annotations

import numpy as np

from workbench.policy_check.axes import examine_moves, examine_turns
from workbench.policy_check.chunks import examine_chunks
from workbench.policy_check.conventions import Judgement, judge_conventions
from workbench.policy_check.examined import Examined
from workbench.policy_check.frames import examine_move_frame, examine_turn_frame
from workbench.policy_check.gripper import examine_gripper
from workbench.policy_check.memory import examine_memory
from workbench.policy_check.reading import examine_reading
from workbench.policy_check.reference import examine_reference
from workbench.policy_check.size import examine_size
from workbench.policy_check.tool_motion import Channels, Convention
from workbench.policy_check.verdict import CONTRADICTORY, Verdict

MOST_CORRECTIONS = 3
"""Conventions of what is seen that may be found wrong, one after the other."""


def examine(examined: Examined) -> list[Verdict]:
    """All verdicts.

    What a policy sees wrongly makes it act wrongly, so a convention of what is seen that is found wrong is put right,
    and all else is examined anew with that.
    """
    wrong: list[Verdict] = []
    while True:
        found, judged = _examined(examined)
        named = {(v.channel, v.about) for v in wrong}
        better = [j for j in judged if j.correction and (j.verdict.channel, j.verdict.about) not in named]
        best = max(better, key=lambda j: j.gain, default=None)
        if best is None or best.correction is None or len(wrong) == MOST_CORRECTIONS:
            rest = [j.verdict for j in judged if (j.verdict.channel, j.verdict.about) not in named]
            return [*found, *wrong, *rest]
        wrong.append(best.verdict)
        examined.correct(best.correction)


def _examined(examined: Examined) -> tuple[list[Verdict], list[Judgement]]:
    """Verdicts on actions and on what is read, and judgements of what is seen.

    Each convention of actions is told once those that it depends on are: reference, then frame, then axes.
    """
    examined.wait_for_an_answer()
    if broken := _finite(examined):
        return broken, []
    channels = Channels.of(examined.sides.needed)
    move, turn = Convention(), Convention()
    found = examine_reference(examined, channels, move, turn)
    found += examine_move_frame(examined, channels, move)
    found += examine_moves(examined, channels, move)
    found += examine_turn_frame(examined, channels, turn)
    found += examine_turns(examined, channels, turn)
    found += examine_size(examined, channels, move, turn)
    found += examine_memory(examined, channels, move)
    found += examine_gripper(examined, channels)
    found += examine_chunks(examined, channels, move)
    found += examine_reading(examined)
    judged = judge_conventions(examined, channels, move, found)
    return _finite(examined) + found, judged


def _finite(examined: Examined) -> list[Verdict]:
    """Whether any answer holds what is no number."""
    for answers in examined.remembered():
        bad = ~np.isfinite(answers.steps[answers.reached]).all((0, 1))
        if bad.any():
            name = examined.sides.needed.channels[int(bad.argmax())].name
            said = f"{name} is not finite in an answer: an episode ends there"
            return [Verdict("action", name, "finite", CONTRADICTORY, said)]
    return []
