"""Pushing as a `TaskSpec`."""

from __future__ import annotations

from dataclasses import replace

from tasks.language import PushPhrasing
from tasks.push.arrangement import draw_poses, problems
from tasks.push.expert import PushExpert
from tasks.push.failures import FAILURE_REASONS
from tasks.push.grounding import true_grounding
from tasks.push.judge import PushJudge
from tasks.tabletop.held_out_things import HELD_OUT
from tasks.tabletop.task import TaskSpec

TASK = TaskSpec(
    name="push",
    help="push a named object over the table until it is beside a named receptacle, and never lift it",
    phrasing=PushPhrasing,
    held_out=replace(HELD_OUT, wording=HELD_OUT.wording | {"language.verb": ("shove",)}),
    grasps=False,
    problems=problems,
    draw_poses=draw_poses,
    judge=PushJudge,
    failure_reasons=FAILURE_REASONS,
    expert=PushExpert,
    true_grounding=true_grounding,
)
