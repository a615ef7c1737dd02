"""From lines to a verdict: go, go with restrictions, no-go.

A requirement that is not met, or not evaluated, forbids, or restricts in the way that it names. Nothing else does, and
nothing is ever allowed for lack of evidence: every requirement has a line, and one without evidence counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from workbench.verdict.line import FAIL, NOT_EVALUATED, PASS, Line

Word = Literal["go", "go with restrictions", "no-go"]
GO: Word = "go"
RESTRICTED: Word = "go with restrictions"
NO_GO: Word = "no-go"

FORBIDS, RESTRICTS = "no_go", "restrict"
"""What a requirement may do that is not met."""
SPEED, WORKSPACE, OBJECTS = "speed", "workspace", "objects"
RESTRICTIONS = (SPEED, WORKSPACE, OBJECTS)
"""Share of the arm's limits at most; box of the tool, low and high corner in the base frame [m]; shapes by name."""


@dataclass(frozen=True)
class Consequence:
    """What follows where a requirement is not met, or where nothing is known."""

    does: str = FORBIDS
    to: Mapping[str, Any] = field(default_factory=dict)
    """What it restricts to, by name from `RESTRICTIONS`."""


@dataclass(frozen=True)
class Demand:
    """A requirement, as far as the verdict is concerned."""

    name: str
    failed: Consequence = Consequence()
    not_evaluated: Consequence = Consequence()


@dataclass(frozen=True)
class Decision:
    """The verdict."""

    word: Word
    reasons: tuple[str, ...]
    """Sentences, the cause first; empty for a go."""
    restrictions: Mapping[str, Any]
    """By name from `RESTRICTIONS`."""
    first: str | None
    """Name of the line that the first reason is about."""


def decide(lines: Sequence[Line], demands: Sequence[Demand]) -> Decision:
    """The verdict of lines on demands, which stand in the order of causes: what explains others stands before them.

    ValueError for a demand without a line: it would count as met.
    """
    found = {line.name: line for line in lines}
    if missing := [demand.name for demand in demands if demand.name not in found]:
        raise ValueError(f"there is no line on {', '.join(missing)}")
    forbidding: list[Line] = []
    restricting: list[tuple[Line, Mapping[str, Any]]] = []
    for state in (FAIL, NOT_EVALUATED):
        for demand in demands:
            line = found[demand.name]
            if line.state != state:
                continue
            then = demand.failed if state == FAIL else demand.not_evaluated
            # A line that knows what it restricts to, as objects that were never met, says so itself.
            to = {
                name: line.details[f"restrict_{name}"]
                for name in RESTRICTIONS
                if f"restrict_{name}" in line.details
            }
            to = {**then.to, **to}
            if then.does == RESTRICTS and to:
                restricting.append((line, to))
            else:
                forbidding.append(line)
    if forbidding:
        failed = [line for line in forbidding if line.state == FAIL]
        told = failed or forbidding
        return Decision(NO_GO, tuple(f"{x.name}: {x.sentence}" for x in told), {}, told[0].name)
    narrowest = _narrowest([to for _, to in restricting])
    if restricting and _leaves_nothing(narrowest):
        said = tuple(f"{line.name}: {line.sentence} ({shown(to)})" for line, to in restricting)
        return Decision(NO_GO, said, {}, restricting[0][0].name)
    if restricting:
        reasons = tuple(f"{line.name}: {line.sentence} ({shown(to)})" for line, to in restricting)
        return Decision(RESTRICTED, reasons, narrowest, restricting[0][0].name)
    return Decision(GO, (), {}, None)


def _narrowest(many: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in many:
        if SPEED in one:
            found[SPEED] = min(float(one[SPEED]), found.get(SPEED, 1.0))
        if OBJECTS in one:
            allowed = list(one[OBJECTS])
            found[OBJECTS] = [x for x in found.get(OBJECTS, allowed) if x in allowed]
        if WORKSPACE in one:
            low, high = one[WORKSPACE]
            before = found.get(WORKSPACE, (low, high))
            found[WORKSPACE] = [
                [max(a, b) for a, b in zip(low, before[0], strict=True)],
                [min(a, b) for a, b in zip(high, before[1], strict=True)],
            ]
    return found


def _leaves_nothing(restrictions: Mapping[str, Any]) -> bool:
    """Whether nothing at all may be done within restrictions: no object, no speed, an empty box."""
    low, high = restrictions.get(WORKSPACE, ((), ()))
    return (
        restrictions.get(OBJECTS) == []
        or float(restrictions.get(SPEED, 1.0)) <= 0
        or any(a >= b for a, b in zip(low, high, strict=True))
    )


def shown(restrictions: Mapping[str, Any]) -> str:
    """Restrictions in words; empty for none."""
    said = []
    if SPEED in restrictions:
        said.append(f"at most {100 * float(restrictions[SPEED]):g} % of the arm's limits")
    if OBJECTS in restrictions:
        said.append("objects: " + (", ".join(restrictions[OBJECTS]) or "none"))
    if WORKSPACE in restrictions:
        low, high = restrictions[WORKSPACE]
        said.append(f"the tool within {[round(x, 3) for x in low]} to {[round(x, 3) for x in high]} m")
    return "; ".join(said)


def counts(lines: Sequence[Line]) -> dict[str, int]:
    """How many lines are in each state."""
    return {state: sum(line.state == state for line in lines) for state in (PASS, FAIL, NOT_EVALUATED)}
