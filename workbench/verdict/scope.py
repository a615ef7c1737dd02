"""Where a verdict applies: what its evidence covers, and whether something asked for lies within.

    scope = scope_of(records, robot="franka", task="push", speed=1.0)
    outside(scope, {"camera.exposure": 3.0})      # ["camera.exposure=3 was not evaluated: 0.61 to 1.58 was"]

Evidence covers the values of factors that were met in the episodes, and the words of their instructions. A factor that
kept its nominal value everywhere covers that value alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.runs.records import EpisodeRecord

ROBOT, TASK, SPEED, INSTRUCTION = "robot", "task", "speed", "instruction"
WITHIN = 1e-9
UNTOLD = ("episode.noise_seed", "episode.policy_seed")
"""Factors that are numbers and no quantities."""
MOST_WORDS = 40
"""Different words of a factor that are kept: more is a composition and no choice."""


def scope_of(
    records: Sequence[EpisodeRecord],
    nominal: Mapping[str, Any],
    *,
    robot: str,
    task: str,
    speed: float = 1.0,
) -> dict[str, Any]:
    """What episodes cover, in plain JSON types.

    Args:
        records: of all evidence, under whatever conditions.
        nominal: values of factors that episodes do not name, because nothing varied them.
        robot: what acted.
        task: what was asked.
        speed: greatest share of the arm's limits that was in use.
    """
    factors: dict[str, dict[str, Any]] = {}
    for name in sorted({name for record in records for name in record.factors} - set(UNTOLD)):
        values = [record.factors[name] for record in records if name in record.factors]
        if any(name not in record.factors for record in records) and nominal.get(name) is not None:
            values.append(nominal[name])
        if (held := _covered(values)) is not None:
            factors[name] = held
    kept = {name: value for name, value in nominal.items() if name not in factors and value is not None}
    for name in sorted(set(kept) - {name for record in records for name in record.factors}):
        if (held := _covered([kept[name]])) is not None:
            factors[name] = held
    return {
        "episodes": len(records),
        ROBOT: robot,
        TASK: task,
        SPEED: speed,
        "factors": factors,
        "words": sorted({word for record in records for word in words_of(record.instruction)}),
    }


def words_of(instruction: str) -> set[str]:
    """Words of an instruction, without case and punctuation."""
    return set(re.findall(r"[\w'-]+", instruction.lower()))


def outside(scope: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """What of a question the evidence does not cover, a sentence each; empty where it covers all.

    ``asked``: ``robot``, ``task``, ``speed`` (share of the limits), ``instruction``, and factors by name.
    """
    found = []
    for name, value in asked.items():
        if name in (ROBOT, TASK):
            if value != scope[name]:
                found.append(f"{name}={value} was not evaluated: {scope[name]} was")
        elif name == SPEED:
            if float(value) > float(scope[SPEED]) + WITHIN:
                found.append(f"speed={float(value):g} was not evaluated: up to {float(scope[SPEED]):g} was")
        elif name == INSTRUCTION:
            known = set(scope["words"])
            if odd := [word for word in _ordered(str(value)) if word not in known]:
                found.append(f"instruction={value!r} was not evaluated: no instruction says {', '.join(odd)}")
        else:
            found += _outside_factor(scope["factors"], name, value)
    return found


def _ordered(instruction: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"[\w'-]+", instruction.lower())))


def _outside_factor(factors: Mapping[str, Any], name: str, value: Any) -> list[str]:
    if name not in factors:
        return [f"{name}={value} was not evaluated: nothing is known of {name}"]
    held = factors[name]
    if "values" in held:
        met = [str(word) for word in held["values"]]
        good, said = str(value) in met, ", ".join(met)
    else:
        low, high = held["low"], held["high"]
        numbers = value if isinstance(value, list | tuple) else [value]
        good = all(_is_number(x) and low - WITHIN <= float(x) <= high + WITHIN for x in numbers)
        said = f"{low:.4g} to {high:.4g}" if high > low else f"{low:.4g} alone"
    shown = f"{value:g}" if isinstance(value, float) else value
    return [] if good else [f"{name}={shown} was not evaluated: {said} was"]


def _covered(values: Sequence[Any]) -> dict[str, Any] | None:
    """Range of numbers, or the words that were met; None for compositions of both."""
    flat = list(_flat(values))
    if flat and all(_is_number(x) for x in flat):
        return {"low": float(min(flat)), "high": float(max(flat))}
    if any(isinstance(value, list | tuple) for value in values):
        return None
    words = sorted({str(value) for value in values})
    return {"values": words} if len(words) <= MOST_WORDS else None


def _flat(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _flat(value)
        else:
            yield value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
