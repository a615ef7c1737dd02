"""What one episode looks like and asks for: `Scene`, complete and free of chance.

A scene names every body in it. How scenes are drawn is elsewhere; here is what makes one valid: apart from each
other, inside the region, and with an instruction that fits exactly one object and one receptacle. Its task adds to
that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.registry import DEFAULT, find
from tasks.tabletop.workspace import LEAST_CLEARANCE, OBJECT_REGION, Slot, pool

COLORS: dict[str, tuple[float, float, float]] = {
    "red": (0.80, 0.08, 0.08),
    "green": (0.10, 0.60, 0.15),
    "blue": (0.08, 0.20, 0.80),
    "yellow": (0.90, 0.78, 0.08),
    "purple": (0.50, 0.12, 0.62),
    "orange": (0.95, 0.42, 0.04),
}
"""Colour names of the instructions, as sRGB in [0, 1]."""


@dataclass(frozen=True)
class Placement:
    """One body on the table."""

    slot: str
    """Name of the body in the pool."""
    color: str
    """Colour name, a key of `COLORS`."""
    x: float
    """[m], robot base frame."""
    y: float
    """[m]"""
    yaw: float
    """[rad]"""

    def describe(self, slots: Mapping[str, Slot]) -> str:
        """The words of an instruction for this body: "red cube"."""
        return f"{self.color} {slots[self.slot].body.noun}"


@dataclass(frozen=True)
class Scene:
    """The initial state and the instruction of an episode."""

    target: Placement
    receptacle: Placement
    distractors: tuple[Placement, ...] = ()
    instruction: str = ""
    """Filled in when empty, with the words of the task: "put the red cube on the blue plate"."""
    task: str = DEFAULT
    """Name of the task that it is a scene of."""

    def __post_init__(self) -> None:
        slots = pool()
        named = all(p.slot in slots and p.color in COLORS for p in (self.target, self.receptacle))
        if not self.instruction and named:
            object.__setattr__(self, "instruction", find(self.task).instruction(self))
        problems = self.problems(slots)
        if problems:
            raise ValueError("this scene is not valid: " + "; ".join(problems))

    @property
    def placements(self) -> tuple[Placement, ...]:
        """Every body on the table: target, receptacle, distractors."""
        return (self.target, self.receptacle, *self.distractors)

    def problems(self, slots: Mapping[str, Slot]) -> list[str]:
        """What is wrong with this scene, in plain sentences."""
        found = [f"there is no body {p.slot!r}" for p in self.placements if p.slot not in slots]
        found += [f"there is no colour {p.color!r}" for p in self.placements if p.color not in COLORS]
        if found:
            return found
        found += find(self.task).problems(self)
        names = [p.slot for p in self.placements]
        if len(set(names)) < len(names):
            found.append(f"a body is used twice: {names}")
        words = [p.describe(slots) for p in self.placements]
        for named in (self.target, self.receptacle):
            if words.count(named.describe(slots)) > 1:
                found.append(f"the instruction is ambiguous: more than one {named.describe(slots)}")
        (x0, x1), (y0, y1) = OBJECT_REGION
        for i, p in enumerate(self.placements):
            if not (x0 <= p.x <= x1 and y0 <= p.y <= y1):
                found.append(f"{p.slot} at ({p.x:.3f}, {p.y:.3f}) is outside the region")
            for q in self.placements[:i]:
                gap = (
                    ((p.x - q.x) ** 2 + (p.y - q.y) ** 2) ** 0.5 - slots[p.slot].radius - slots[q.slot].radius
                )
                if gap < LEAST_CLEARANCE - 1e-9:
                    found.append(
                        f"{p.slot} and {q.slot} are {gap:.3f} m apart, less than {LEAST_CLEARANCE} m"
                    )
        return found
