"""Factor sets: which factors vary and over what, as YAML files that a user can copy and change.

A file maps factor names to distributions::

    dynamics.object_friction: {lo: 0.3, hi: 1.1}
    dynamics.object_mass: default
    control.action_delay: {value: 2}
    control.arm_gain: nominal

``value`` gives every episode the same; a recorded episode's draws, written like that, are that episode again. A factor
that a file leaves out stays at its nominal value; scene factors always draw. Numbers are read as on the command line
(`domain_rand.notation`): ``010`` is ten, ``1e-1`` a number, and ``off`` a word.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import domain_rand.factors  # noqa: F401  fills the registry
from domain_rand.distributions import Choice, Distribution, Fixed
from domain_rand.factor import REGISTRY, Factor
from domain_rand.notation import NotationError
from domain_rand.pictures import possible
from domain_rand.yaml_notation import load
from tasks.registry import DEFAULT as DEFAULT_TASK
from tasks.registry import find

FOLDER = Path(__file__).parent
NOMINAL = "nominal"
DEFAULT = "default"


class FactorSetError(ValueError):
    """A factor set that cannot be used, in one sentence."""


@dataclass(frozen=True)
class FactorSet:
    """The factors that vary, in the order of the catalogue."""

    name: str
    factors: tuple[Factor, ...]
    split: str = ""
    """The split that its episodes belong to (`tasks.tabletop.held_out`); empty where everything is drawn."""

    def describe(self) -> dict[str, Any]:
        """Plain JSON types: factor name -> distribution; what provenance stores."""
        return {
            f.name: {"kind": f.distribution.kind, **vars(f.distribution), **f.content()}
            if f.distribution
            else {"kind": "composed"}
            for f in self.factors
        }

    def fingerprint(self) -> str:
        """Hash of what the set means, independent of its name."""
        return hashlib.sha256(json.dumps(self.describe(), sort_keys=True, default=list).encode()).hexdigest()[
            :16
        ]


def available_sets() -> list[str]:
    """Names of the sets that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_set(name: str, overrides: Mapping[str, Any] | None = None, task: str = DEFAULT_TASK) -> FactorSet:
    """A set by name, or from a YAML file of the user's; ``overrides`` as in a file, laid over it key by key.

    The task says which bodies there are to choose from. Raises FactorSetError, in one sentence, for an unknown set,
    factor, key, or an impossible range.
    """
    return build_set(name, _overlay(_read(name), overrides or {}), task)


def _overlay(content: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(content)
    for key, given in overrides.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(given, dict) and "value" not in {*below, *given}:
            merged[key] = {**below, **given}
        else:
            merged[key] = given
    return merged


def explicit_set(name: str, values: Mapping[str, Any], task: str = DEFAULT_TASK) -> FactorSet:
    """The set whose every episode has exactly these values, such as those recorded with an episode."""
    return build_set(name, {factor: {"value": value} for factor, value in values.items()}, task)


def check_supported(factor_set: FactorSet, physics: str, renderer: str) -> None:
    """FactorSetError if the engine or the renderer cannot apply a factor of the set."""
    for factor in factor_set.factors:
        for tool in (physics, renderer):
            if tool in factor.unsupported:
                raise FactorSetError(
                    f"factor set {factor_set.name!r}: {tool} cannot apply {factor.name}: {factor.unsupported[tool]}"
                )


def _read(name: str) -> dict[str, Any]:
    path = FOLDER / f"{name}.yaml" if name in available_sets() else Path(name)
    try:
        content = load(path.read_text("utf-8")) or {}
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise FactorSetError(
            f"there is no factor set {name!r}: choose one of {', '.join(available_sets())}, or give a YAML file"
        ) from None
    except OSError as problem:
        raise FactorSetError(f"the factor set {name} cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise FactorSetError(f"{path} is not a text file") from None
    except NotationError as error:
        raise FactorSetError(f"{path} is not YAML: {error}") from None
    if not isinstance(content, dict):
        raise FactorSetError(
            f"{path} must map factor names to distributions, not hold a {type(content).__name__}"
        )
    return content


def build_set(name: str, content: Mapping[str, Any], task: str = DEFAULT_TASK) -> FactorSet:
    """A set from a mapping of factor names to distributions."""
    for key in content:
        if key not in REGISTRY:
            near = difflib.get_close_matches(str(key), REGISTRY, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(REGISTRY)}"
            raise FactorSetError(f"factor set {name!r}: there is no factor {key!r}; {hint}")
    factors = []
    for key, cls in REGISTRY.items():
        if key in content and content[key] != NOMINAL:
            factor = cls(_distribution(name, cls, content[key], task))
            factor.nominal = find(task).nominal(key, cls.nominal)
            factors.append(factor)
        elif cls.nominal is None:
            factors.append(cls(default_of(cls, task)))
    return FactorSet(name, tuple(factors))


def default_of(cls: type[Factor], task: str) -> Distribution | None:
    """The default distribution of a factor in the episodes of a task, which may have fewer or other words."""
    words = find(task).words(cls.name)
    return cls.default if words is None else Choice(words)


def _legal(cls: type[Factor], task: str) -> Distribution | None:
    """What can be applied at all in a task; None for draws with a structure of their own."""
    default = default_of(cls, task)
    return default if default is not cls.default else cls.legal or default


def _distribution(set_name: str, cls: type[Factor], given: Any, task: str) -> Distribution | None:
    where = f"factor set {set_name!r}, {cls.name} [{cls.unit}]"
    default = default_of(cls, task)
    if given == DEFAULT:
        return default
    if isinstance(given, dict) and set(given) == {"value"}:
        return _fixed(where, cls, given["value"], task)
    if default is None:
        raise FactorSetError(
            f"{where}: its draw has a structure of its own and takes no range; write {DEFAULT!r} or give a value"
        )
    if not isinstance(given, dict):
        raise FactorSetError(f"{where}: expected {NOMINAL!r}, {DEFAULT!r} or a mapping, not {_short(given)}")
    known = set(vars(default))
    unknown = sorted(set(given) - known)
    if unknown:
        raise FactorSetError(f"{where}: unknown key {unknown[0]!r}; it takes {', '.join(sorted(known))}")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    try:
        distribution = replace(default, **values)
    except (TypeError, ValueError) as error:
        raise FactorSetError(f"{where}: {error}") from error
    _check_legal(where, _legal(cls, task), distribution)
    return distribution


def _fixed(where: str, cls: type[Factor], value: Any, task: str) -> Fixed:
    simple = _legal(cls, task)  # what a composed value may be shows when the scene is built
    if cls.length > 1 and (not isinstance(value, list) or len(value) != cls.length):
        raise FactorSetError(f"{where}: its value is a list of {cls.length} numbers, not {_short(value)}")
    if cls.length == 1 and simple is not None and isinstance(value, list):
        raise FactorSetError(f"{where}: its value is a single one, not {_short(value)}")
    fixed = Fixed(tuple(value) if isinstance(value, list) else value)
    if simple is not None:
        _check_legal(where, simple, fixed)
    return fixed


def _short(given: Any) -> str:
    shown = repr(given)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _check_legal(where: str, legal: Distribution | None, distribution: Distribution) -> None:
    assert legal is not None
    impossible = legal.outside(distribution)
    if impossible:
        raise FactorSetError(f"{where}: {impossible[0]!r} cannot be applied; possible is {possible(legal)}")
