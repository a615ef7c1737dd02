"""May this policy move this arm now? What the bridge asks a verdict before `mode=live`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.verdict.decide import NO_GO, OBJECTS, SPEED, WORKSPACE
from workbench.verdict.document import VerdictError, VerdictFile
from workbench.verdict.scope import INSTRUCTION, outside, words_of
from workbench.verdict.signature import SignatureError, check_signature, read_key

OFF, WARN, STRICT = "off", "warn", "strict"
LEVELS = (OFF, WARN, STRICT)


@dataclass(frozen=True)
class Wish:
    """What somebody wants to do with an arm."""

    policy: str
    """Its name, as the bridge knows it."""
    fingerprint: str | None
    """See `workbench.verdict.identity`; None where nobody says which policy it is."""
    robot: str
    task: str
    action_space: str
    execution: Mapping[str, Any]
    """How chunks are carried out: see `workbench.rollout.chunk_options.chosen_ways`."""
    speed: float
    """Share of the arm's limits."""
    workspace: tuple[tuple[float, ...], tuple[float, ...]]
    """Box that the gate keeps the tool in: low and high corner [m], base frame."""
    instruction: str = ""
    """What is asked; empty where the task says it."""


@dataclass(frozen=True)
class Permission:
    """The answer."""

    problems: tuple[str, ...]
    """Why not, a sentence each; empty where all is well."""
    most_speed: float = 1.0
    """Share of the arm's limits that the verdict allows at most."""


def permission(path: str, key: str, wish: Wish, now: datetime | None = None) -> Permission:
    """Whether the verdict in a file allows a wish.

    Args:
        path: of ``verdict.json``; empty where there is none.
        key: file with the key that it must be signed with; empty where there is none.
        wish: what is wanted.
        now: time of the question; the clock's by default.
    """
    if not path:
        return Permission(("no verdict says that this policy may act: workbench validate makes one",))
    try:
        verdict = VerdictFile.read(Path(path))
        unsigned = _signature(verdict, key)
    except VerdictError as problem:
        return Permission((str(problem),))
    restrictions = verdict.restrictions
    problems = [*unsigned, *_other(verdict, wish)]
    if (now or datetime.now(UTC)) >= verdict.expires:
        problems.append(f"the verdict expired on {verdict.expires:%Y-%m-%d}: validate again")
    if verdict.word == NO_GO:
        problems.append(f"the verdict is no-go: {(verdict.reasons or ['it says no more'])[0]}")
    problems += _beyond(restrictions, verdict.scope, wish)
    return Permission(tuple(problems), min(float(restrictions.get(SPEED, 1.0)), float(verdict.scope[SPEED])))


def _signature(verdict: VerdictFile, key: str) -> list[str]:
    if not key:
        return ["verdict_key= is missing: without it nobody knows whether the verdict was changed"]
    try:
        check_signature(verdict.content, read_key(Path(key)))
    except SignatureError as problem:
        return [str(problem)]
    return []


def _other(verdict: VerdictFile, wish: Wish) -> list[str]:
    """What the verdict is about and the wish is not."""
    bound, found = verdict.bound, []
    if wish.fingerprint is None:
        found.append(
            f"policy={wish.policy} does not say which policy it is, and the verdict is about {bound.policy} with the "
            f"fingerprint {bound.policy_fingerprint[:12]}"
        )
    elif wish.fingerprint != bound.policy_fingerprint:
        found.append(
            f"the verdict is about another policy: {bound.policy} with the fingerprint "
            f"{bound.policy_fingerprint[:12]}, and this one has {wish.fingerprint[:12]}"
        )
    for name in ("robot", "task", "action_space"):
        if getattr(bound, name) != getattr(wish, name):
            found.append(f"the verdict is about {name}={getattr(bound, name)}, not {getattr(wish, name)}")
    if dict(bound.execution) != dict(wish.execution):
        found.append(
            f"the verdict is about chunks carried out with {_ways(bound.execution)}, not with {_ways(wish.execution)}"
        )
    return found


def _ways(execution: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(execution.items())) or "the policy's own way"


def _beyond(restrictions: Mapping[str, Any], scope: Mapping[str, Any], wish: Wish) -> list[str]:
    """What the wish asks for beyond restrictions and evidence."""
    found = []
    if SPEED in restrictions and wish.speed > float(restrictions[SPEED]) + 1e-9:
        found.append(
            f"scale={wish.speed:g} is beyond what the verdict allows: {float(restrictions[SPEED]):g} of the limits"
        )
    else:
        found += outside(scope, {SPEED: wish.speed})
    if WORKSPACE in restrictions:
        low, high = restrictions[WORKSPACE]
        lower = any(a < b - 1e-9 for a, b in zip(wish.workspace[0], low, strict=True))
        if lower or any(a > b + 1e-9 for a, b in zip(wish.workspace[1], high, strict=True)):
            found.append(
                f"the workspace of place= is larger than the verdict allows: {list(low)} to {list(high)} m"
            )
    if wish.instruction:
        found += outside(scope, {INSTRUCTION: wish.instruction})
        if OBJECTS in restrictions and not words_of(wish.instruction) & _nouns(restrictions[OBJECTS]):
            found.append(
                f"instruction={wish.instruction!r} names none of the objects that the verdict allows: "
                f"{', '.join(restrictions[OBJECTS])}"
            )
    return found


def _nouns(objects: Sequence[str]) -> set[str]:
    """Words for shapes: ``l_block`` is said as "l-block"."""
    return {word for name in objects for word in (name, name.replace("_", "-"))}
