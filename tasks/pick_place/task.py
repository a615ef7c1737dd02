"""Pick and place as a `TaskSpec`: what its scenes are, how they are asked for, and what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tasks.language import Phrasing, phrase
from tasks.pick_place.expert import Expert
from tasks.pick_place.expert_grounding import true_grounding
from tasks.pick_place.paraphrases import paraphrases
from tasks.pick_place.progress import FAILURE_REASONS, Progress
from tasks.tabletop.composition import placements, scene_facts
from tasks.tabletop.scene import Scene
from tasks.tabletop.task import TaskSpec
from tasks.tabletop.workspace import pool


def compose(values: Mapping[str, Any]) -> Scene:
    """See `TaskSpec.compose`."""
    target, receptacle, *rest = placements(values)
    scene = Scene(target, receptacle, tuple(rest), task=TASK.name)
    phrasing = Phrasing.of(values)
    if phrasing == Phrasing():
        return scene
    return replace(scene, instruction=phrase(scene_facts(scene), phrasing))


def instruction(scene: Scene) -> str:
    """The nominal text: "put the red cube on the blue plate"."""
    slots = pool()
    word = "on" if scene.receptacle.slot == "plate" else "in"
    return f"put the {scene.target.describe(slots)} {word} the {scene.receptacle.describe(slots)}"


def problems(scene: Scene) -> list[str]:
    """Objects go to receptacles."""
    slots = pool()
    if slots[scene.target.slot].is_receptacle or not slots[scene.receptacle.slot].is_receptacle:
        return ["the target must be an object and the receptacle a receptacle"]
    return []


TASK = TaskSpec(
    name="pick_place",
    help="put a named object on or in a named receptacle",
    compose=compose,
    instruction=instruction,
    problems=problems,
    judge=Progress,
    failure_reasons=FAILURE_REASONS,
    expert=Expert,
    true_grounding=true_grounding,
    paraphrases=paraphrases,
)
