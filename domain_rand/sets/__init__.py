"""Factor sets: which factors vary and over what, as YAML files that a user can copy and change.

A file maps factor names to distributions::

    dynamics.object_friction: {lo: 0.3, hi: 1.1}
    control.action_delay: nominal

A factor that a file leaves out stays at its nominal value; scene factors always draw.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

import domain_rand.factors  # noqa: F401  fills the registry
from domain_rand.distributions import Distribution
from domain_rand.factor import REGISTRY, Factor

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

    def describe(self) -> dict[str, Any]:
        """Plain JSON types: factor name -> distribution; what provenance stores."""
        return {
            f.name: {"kind": f.distribution.kind, **vars(f.distribution)}
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


def load_set(name: str) -> FactorSet:
    """A set by name, or from a YAML file of the user's.

    Raises FactorSetError, in one sentence, for an unknown set, factor, key, or an impossible range.
    """
    path = FOLDER / f"{name}.yaml"
    if not path.is_file():
        path = Path(name)
    if not path.is_file():
        raise FactorSetError(
            f"there is no factor set {name!r}: choose one of {', '.join(available_sets())}, or give a YAML file"
        )
    try:
        content = yaml.load(path.read_text(), _UniqueKeys) or {}
    except UnicodeDecodeError:
        raise FactorSetError(f"{path} is not a text file") from None
    except yaml.YAMLError as error:
        raise FactorSetError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise FactorSetError(
            f"{path} must map factor names to distributions, not hold a {type(content).__name__}"
        )
    return build_set(name, content)


def build_set(name: str, content: Mapping[str, Any]) -> FactorSet:
    """A set from a mapping of factor names to distributions."""
    for key in content:
        if key not in REGISTRY:
            near = difflib.get_close_matches(str(key), REGISTRY, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(REGISTRY)}"
            raise FactorSetError(f"factor set {name!r}: there is no factor {key!r}; {hint}")
    factors = []
    for key, cls in REGISTRY.items():
        if key in content and content[key] != NOMINAL:
            factors.append(cls(_distribution(name, cls, content[key])))
        elif cls.nominal is None:
            factors.append(cls())
    return FactorSet(name, tuple(factors))


def _distribution(set_name: str, cls: type[Factor], given: Any) -> Distribution | None:
    where = f"factor set {set_name!r}, {cls.name} [{cls.unit}]"
    if given == DEFAULT:
        return cls.default
    if cls.default is None:
        raise FactorSetError(
            f"{where}: its draw has a structure of its own and takes no range; write {DEFAULT!r}"
        )
    if not isinstance(given, dict):
        raise FactorSetError(f"{where}: expected {NOMINAL!r}, {DEFAULT!r} or a mapping, not {given!r}")
    known = set(vars(cls.default))
    unknown = sorted(set(given) - known)
    if unknown:
        raise FactorSetError(f"{where}: unknown key {unknown[0]!r}; it takes {', '.join(sorted(known))}")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    try:
        distribution = replace(cls.default, **values)
    except (TypeError, ValueError) as error:
        raise FactorSetError(f"{where}: {error}") from error
    legal = cls.legal or cls.default
    impossible = legal.outside(distribution)
    if impossible:
        bounds = ", ".join(f"{key}={value}" for key, value in vars(legal).items())
        raise FactorSetError(f"{where}: {impossible[0]} cannot be applied; possible is {bounds}")
    return distribution


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that is given twice is an error, not the last one's victory."""

    def construct_mapping(self, node, deep=False):
        """The mapping of a node; ConstructorError for a repeated key."""
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)
