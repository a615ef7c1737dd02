"""What a drawn scene is like as a whole: where things stand, which way they face, what they have in common.

The ``scene.*`` factors hold lists whose length depends on other factors; a weakness of a policy ("fails far to the
left", "fails where the receptacle has the target's colour") is about what is said here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.tabletop.composition import placed_names

NEEDS = (
    "scene.target_shape",
    "scene.target_size",
    "scene.target_color",
    "scene.receptacle",
    "scene.receptacle_color",
    "scene.distractors",
    "scene.other_receptacle",
    "scene.poses",
)
"""Factors that the facts are about."""
COUNT, SIZE, RECEPTACLE = "scene.distractor_count", "scene.target_size", "scene.receptacle"
SAME_COLOR, SECOND = "layout.receptacle_has_target_color", "layout.second_receptacle"


@dataclass(frozen=True)
class LayoutFact:
    """One thing that is so in an episode."""

    value: float | str
    unit: str
    kind: str
    """``number``, ``angle`` [rad] or ``word``."""
    about: tuple[str, ...]
    """Factors that it follows from."""
    given: tuple[str, ...] = ()
    """Factors and facts on which its chances depend, though it is not about them."""


def layout_facts(values: Mapping[str, Any]) -> dict[str, LayoutFact]:
    """Facts by name, from the values of the factors in `NEEDS`; empty where one is missing."""
    if any(name not in values for name in NEEDS):
        return {}
    facts: dict[str, LayoutFact] = {}
    poses = [tuple(values["scene.poses"][k : k + 3]) for k in range(0, len(values["scene.poses"]), 3)]
    for name, (x, y, yaw) in zip(("target", "receptacle"), poses, strict=False):
        facts[f"layout.{name}_x"] = _number(x)
        facts[f"layout.{name}_y"] = _number(y)
        facts[f"layout.{name}_reach"] = _number(math.hypot(x, y))
        facts[f"layout.{name}_yaw"] = LayoutFact(yaw, "rad", "angle", ("scene.poses",))
    (tx, ty, _), (rx, ry, _), *_ = poses
    facts["layout.target_to_receptacle"] = _number(math.hypot(tx - rx, ty - ry), SIZE, RECEPTACLE)
    nearest = min(math.hypot(tx - x, ty - y) for x, y, _ in poses[1:])
    facts["layout.target_to_nearest"] = _number(nearest, COUNT, SIZE, SECOND)
    return facts | _shared(values)


def _number(value: float, *given: str) -> LayoutFact:
    return LayoutFact(float(value), "m", "number", ("scene.poses",), given)


def _shared(values: Mapping[str, Any]) -> dict[str, LayoutFact]:
    """Which bodies share colour or shape, as ``yes`` or ``no``."""
    target, receptacle = placed_names(values)[:2]
    color, shape = target.split(" ")[0], values["scene.target_shape"]
    paint = receptacle.split(" ")[0]
    distractors = list(values["scene.distractors"])
    other = values["scene.other_receptacle"]
    second = "none" if other == "none" else "same colour" if other.split(" ")[0] == paint else "other colour"

    def yes(true: bool, about: tuple[str, ...], *given: str) -> LayoutFact:
        return LayoutFact("yes" if true else "no", "name", "word", about, given)

    colors, about = [d.split(" ")[0] for d in distractors], ("scene.distractors",)
    shapes = [d.split(" ")[1].rpartition("_")[0] for d in distractors]
    return {
        SAME_COLOR: yes(color == paint, ("scene.target_color", "scene.receptacle_color")),
        "layout.distractor_has_target_color": yes(color in colors, about, COUNT),
        "layout.distractor_has_target_shape": yes(shape in shapes, about, COUNT),
        # The first distractor has the target's colour, so where the receptacle has it, too, this is always so.
        "layout.distractor_has_receptacle_color": yes(paint in colors, about, COUNT, SAME_COLOR),
        SECOND: LayoutFact(second, "name", "word", ("scene.other_receptacle",)),
    }
