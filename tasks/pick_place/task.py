"""Pick and place as a `TaskSpec`."""

from __future__ import annotations

from tasks.language import Phrasing
from tasks.pick_place.failures import FAILURE_REASONS
from tasks.pick_place.progress import Progress
from tasks.tabletop.carry_expert import CarryExpert
from tasks.tabletop.carry_grounding import true_grounding
from tasks.tabletop.held_out_things import HELD_OUT
from tasks.tabletop.scene import Scene
from tasks.tabletop.task import TaskSpec
from tasks.tabletop.workspace import pool


def problems(scene: Scene) -> list[str]:
    """Objects go to receptacles."""
    slots = pool()
    if slots[scene.target.slot].is_receptacle or not slots[scene.receptacle.slot].is_receptacle:
        return ["the target must be an object and the receptacle a receptacle"]
    return []


TASK = TaskSpec(
    name="pick_place",
    help="put a named object on or in a named receptacle",
    phrasing=Phrasing,
    held_out=HELD_OUT,
    problems=problems,
    judge=Progress,
    failure_reasons=FAILURE_REASONS,
    expert=CarryExpert,
    true_grounding=true_grounding,
)
