"""Stacking as a `TaskSpec`."""

from __future__ import annotations

from tasks.language import StackPhrasing
from tasks.shapes import OBJECTS
from tasks.stack.expert import StackExpert
from tasks.stack.failures import FAILURE_REASONS
from tasks.stack.judge import StackJudge
from tasks.tabletop.carry_grounding import true_grounding
from tasks.tabletop.held_out_things import HELD_OUT
from tasks.tabletop.scene import Scene
from tasks.tabletop.task import TaskSpec
from tasks.tabletop.workspace import pool

BASES = ("brick_large", "hexagon_large")
"""What an object may be put on: flat tops of at least 42 mm, as wide as what stands on them. Their shapes are no
targets, so that no two bodies share a name."""
_BASE_SHAPES = {name.rpartition("_")[0] for name in BASES}


def problems(scene: Scene) -> list[str]:
    """Objects go on bases."""
    if pool()[scene.target.slot].is_receptacle or scene.receptacle.slot not in BASES:
        return [f"the target must be an object and its base one of {', '.join(BASES)}"]
    return []


TASK = TaskSpec(
    name="stack",
    help="put a named object on another one",
    phrasing=StackPhrasing,
    choices={
        "scene.target_shape": tuple(shape for shape in OBJECTS if shape not in _BASE_SHAPES),
        "scene.receptacle": BASES,
    },
    held_out=HELD_OUT,
    problems=problems,
    judge=StackJudge,
    failure_reasons=FAILURE_REASONS,
    expert=StackExpert,
    true_grounding=true_grounding,
)
