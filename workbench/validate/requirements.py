"""`Requirements`: what is asked of a policy, and what follows where it is not met; from a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.cli.options import OptionError
from workbench.cli.yaml_file import read_mapping
from workbench.verdict.decide import (
    FORBIDS,
    OBJECTS,
    RESTRICTIONS,
    RESTRICTS,
    SPEED,
    WORKSPACE,
    Consequence,
    Demand,
)

SHIPPED = Path(__file__).with_name("requirements.yaml")
TOP = ("confidence", "valid_days", "checks")
MET = "met"
"""``objects: met``: those that were evaluated."""


@dataclass(frozen=True)
class Kind:
    """A check that there is."""

    what: str
    unit: str = ""
    at_least: bool = True
    keys: Mapping[str, type] = field(default_factory=dict)
    """Further keys of its entry -> their type."""


EPISODES = {"episodes": int}
KINDS: dict[str, Kind] = {
    "contract": Kind("contradictory conventions", at_least=False),
    "latency": Kind("99th percentile of a decision, of the time that its actions last", at_least=False),
    "memory": Kind("peak memory", "MiB", at_least=False),
    "workspace": Kind("share of time with the tool outside of the gate's workspace", at_least=False),
    "velocity": Kind("greatest joint velocity, of its limit", at_least=False),
    "acceleration": Kind("greatest joint acceleration, of its limit", at_least=False),
    "limiter": Kind("share of commands that limits changed", at_least=False),
    "stopping": Kind("way of the hand after the policy died", "m", at_least=False),
    "grounding": Kind("share of claims that are right, lower bound"),
    "delay": Kind("success with the delay that the policy needs, lower bound", keys=EPISODES),
    "time": Kind("time that nine of ten successes take, of the time limit", at_least=False),
    "factors": Kind(
        "success under the worst factor, lower bound",
        keys=EPISODES | {"set": str, "severities": int, "names": list},
    ),
    "disturbed": Kind(
        "success with lost frames and commands, lower bound", keys=EPISODES | {"factors": dict}
    ),
    "engine": Kind("success under another engine, lower bound", keys=EPISODES | {"physics": str}),
    "success": Kind("success, lower bound", keys=EPISODES),
    "objects": Kind("episodes of the shape that was met least"),
    "calibration": Kind("a factor set that was calibrated to this robot"),
    "shadow": Kind("share of decisions that agree with a person's motion, lower bound"),
}
"""By name, causes before what they explain: the order of reasons."""


@dataclass(frozen=True)
class Requirement:
    """One check that is asked for."""

    name: str
    threshold: float | None
    why: str
    failed: Consequence
    not_evaluated: Consequence
    given: Mapping[str, Any] = field(default_factory=dict)
    """Its further keys."""

    @property
    def kind(self) -> Kind:
        """What check it is."""
        return KINDS[self.name]

    @property
    def demand(self) -> Demand:
        """As the verdict sees it."""
        return Demand(self.name, self.failed, self.not_evaluated)

    @property
    def episodes(self) -> int:
        """Of the evaluation that it needs; 0 for none."""
        return int(self.given.get("episodes", 0))


@dataclass(frozen=True)
class Requirements:
    """Everything that is asked."""

    confidence: float
    """Of every bound, one-sided."""
    valid_days: float
    all: tuple[Requirement, ...]
    """In the order of `KINDS`."""

    def __contains__(self, name: str) -> bool:
        return any(one.name == name for one in self.all)

    def __getitem__(self, name: str) -> Requirement:
        """By name; KeyError for one that is not asked for."""
        return {one.name: one for one in self.all}[name]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, complete."""
        return {
            "confidence": self.confidence,
            "valid_days": self.valid_days,
            "checks": {
                one.name: {
                    "threshold": one.threshold,
                    "why": one.why,
                    **{
                        k: [c.does, dict(c.to)]
                        for k, c in (("failed", one.failed), ("not_evaluated", one.not_evaluated))
                    },
                    **one.given,
                }
                for one in self.all
            },
        }


def load_requirements(file: str) -> Requirements:
    """The requirements in a YAML file, those that ship for an empty name; OptionError says what is wrong in it.

    A file asks for the checks that it names and for no others; of these, what it does not say is as shipped.
    """
    shipped = read_mapping("requirements", SHIPPED)
    given = read_mapping(f"requirements={file}", file) if file else shipped
    where = f"requirements={file}" if file else "requirements"
    _known(where, given, TOP)
    checks = given.get("checks", {})
    if not isinstance(checks, dict) or "success" not in checks:
        raise OptionError(f"{where}: checks must hold success: nothing else says that a policy does its job")
    _known(f"{where}: checks", checks, tuple(KINDS))
    confidence = _number(where, given.get("confidence", shipped["confidence"]), "confidence")
    days = _number(where, given.get("valid_days", shipped["valid_days"]), "valid_days")
    if not 0.5 < confidence < 1:
        raise OptionError(f"{where}: confidence must lie between 0.5 and 1, not {confidence:g}")
    if not 0 < days <= 3650:
        raise OptionError(f"{where}: valid_days must be above 0 and at most 3650, not {days:g}")
    found = [
        _requirement(f"{where}: {name}", name, checks[name] or {}, shipped["checks"][name])
        for name in KINDS
        if name in checks
    ]
    return Requirements(confidence, days, tuple(found))


def _requirement(where: str, name: str, given: Any, shipped: Mapping[str, Any]) -> Requirement:
    kind = KINDS[name]
    if not isinstance(given, dict):
        raise OptionError(f"{where} must hold keys and values")
    bound = "least" if kind.at_least else "most"
    _known(where, given, (bound, "why", "failed", "not_evaluated", *kind.keys))
    entry = {**shipped, **given}
    threshold = None if bound not in entry else _number(where, entry[bound], bound)
    extra = {}
    for key, wanted in kind.keys.items():
        value = entry[key]
        if not isinstance(value, wanted) or isinstance(value, bool) or (isinstance(value, int) and value < 1):
            raise OptionError(f"{where}: {key} must be {_SAID[wanted]}, not {value!r}")
        extra[key] = value
    return Requirement(
        name,
        threshold,
        str(entry["why"]),
        _consequence(f"{where}: failed", entry.get("failed")),
        _consequence(f"{where}: not_evaluated", entry.get("not_evaluated")),
        extra,
    )


_SAID = {int: "a whole number above 0", str: "a name", list: "a list of names", dict: "factors with values"}


def _consequence(where: str, given: Any) -> Consequence:
    if given in (None, FORBIDS):
        return Consequence()
    if not isinstance(given, dict) or not given:
        raise OptionError(
            f"{where} must be {FORBIDS}, or restrict one of {', '.join(RESTRICTIONS)}, not {given!r}"
        )
    _known(where, given, RESTRICTIONS)
    if SPEED in given and not 0.1 <= _number(where, given[SPEED], SPEED) <= 1:
        raise OptionError(f"{where}: {SPEED} must be from 0.1 to 1, not {given[SPEED]}")
    if OBJECTS in given and given[OBJECTS] != MET and not isinstance(given[OBJECTS], list):
        raise OptionError(f"{where}: {OBJECTS} must be a list of shapes, or {MET}, not {given[OBJECTS]!r}")
    if WORKSPACE in given:
        try:
            low, high = ([float(x) for x in corner] for corner in given[WORKSPACE])
        except (TypeError, ValueError):
            low, high = [], []
        if len(low) != 3 or len(high) != 3 or any(a >= b for a, b in zip(low, high, strict=True)):
            raise OptionError(
                f"{where}: {WORKSPACE} must be two corners [[x, y, z], [x, y, z]], low and high"
            )
    # What was met is known to the check alone, which says it (see `workbench.verdict.decide`).
    return Consequence(RESTRICTS, {name: value for name, value in given.items() if value != MET})


def _known(where: str, given: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    if odd := [key for key in given if key not in keys]:
        raise OptionError(f"{where}: there is no key {odd[0]!r}; there are {', '.join(keys)}")


def _number(where: str, value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OptionError(f"{where}: {key} must be a number, not {value!r}")
    return float(value)
