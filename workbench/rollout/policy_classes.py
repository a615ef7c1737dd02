"""Policies of users: a class found by name, made with options from the command line, held to the contract.

    workbench eval policy=my_package.policies:Reach policy.gain=0.5
    workbench eval policy=reach.py policy.gain=0.5          # the file's only policy, or reach.py:Reach
    workbench eval policy=reach                             # a name that an installed package registers

The class needs a method ``act``; `policy.contract.Policy` says what else it may have, and what that means. Its
constructor gets what it has parameters for: ``num_envs``, ``action_spec`` and ``device`` from the bench, the rest from
options ``policy.NAME=value``, read by the type of the parameter. Files that parameters of the type `Path` name, and the
source of the class's package, are bound to a run by content.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, get_type_hints

from policy.contract import Policy
from policy.observation_spec import ObservationOffer, ObservationSpec
from robots.entry_points import entry_points
from workbench.cli.options import READERS, OptionError, read_option
from workbench.rollout.policy_names import PREFIX
from workbench.runs.fingerprints import file_fingerprint

if TYPE_CHECKING:
    from policy.action import ActionSpec

GROUP = "workbench.policies"
"""Entry points under which packages register policies: name -> ``package.module:Class``."""
OFFERED = ("num_envs", "action_spec", "device")
"""What a constructor gets from the bench, if it has parameters of these names."""


def registered() -> dict[str, str]:
    """Names that installed packages register -> where their classes are."""
    return {point.name: point.value for point in entry_points(group=GROUP)}


def is_class_name(name: str) -> bool:
    """Whether a policy's name says where a class is, or is registered."""
    return ":" in name or name.endswith(".py") or name in registered()


@dataclass(frozen=True)
class PolicyClass:
    """A user's policy before it is made."""

    name: str
    """As it was asked for."""
    cls: type

    @classmethod
    def find(cls, name: str) -> PolicyClass:
        """The class that ``policy=name`` means; OptionError if there is none, or if its module cannot be imported."""
        return cls(name, _find(registered().get(name, name), name, os.getcwd()))

    @property
    def cameras(self) -> tuple[str, ...]:
        """Cameras whose pictures it asks for. Environments stand before the policy does, so its class says so."""
        if self.observation_spec:
            return self.observation_spec.sources
        cameras = getattr(self.cls, "cameras", ())
        if isinstance(cameras, str) or not isinstance(cameras, Sequence):
            raise OptionError(
                f"policy={self.name}: {self.cls.__name__}.cameras must be a tuple of names that stands in the class, "
                f"not {type(cameras).__name__}"
            )
        return tuple(map(str, cameras))

    @property
    def observation_spec(self) -> ObservationSpec | None:
        """What its class says that it sees; None where it says nothing."""
        spec = getattr(self.cls, "observation_spec", None)
        return spec if isinstance(spec, ObservationSpec) else None

    def check(self, given: Mapping[str, str], offer: ObservationOffer) -> None:
        """OptionError unless it can be made with these options, and sees nothing that the task does not offer."""
        unknown = [camera for camera in self.cameras if camera not in offer.cameras]
        if unknown:
            raise OptionError(
                f"policy={self.name} looks through camera {unknown[0]}; the task has {', '.join(offer.cameras)}"
            )
        problems = self.observation_spec.mismatches(offer) if self.observation_spec else []
        if problems:
            raise OptionError(
                f"policy={self.name} takes observations that the task does not have: {'; '.join(problems)}"
            )
        if not callable(getattr(self.cls, "act", None)):
            raise OptionError(f"policy={self.name}: {self.cls.__name__} has no method act(observation)")
        self._arguments(given)

    def make(
        self,
        num_envs: int,
        action_spec: ActionSpec,
        device: str,
        given: Mapping[str, str],
        offer: ObservationOffer,
    ) -> Policy:
        """The policy for these environments, whole: what it leaves out has its default."""
        from workbench.rollout.completed_policy import CompletedPolicy

        offered = {"num_envs": num_envs, "action_spec": action_spec, "device": device}
        wanted = {name: offered[name] for name in OFFERED if name in self._parameters()}
        try:
            made = self.cls(**wanted, **self._arguments(given))
        except Exception as problem:
            raise OptionError(f"policy={self.name} cannot be made: {_said(problem)}") from problem
        return CompletedPolicy(made, self.name, action_spec, offer)

    def files(self, given: Mapping[str, str]) -> dict[str, str]:
        """Fingerprints of what decides how it acts: its package's source, and files that its options name."""
        root, sources = self._sources()
        named = {str(path.relative_to(root)): path for path in sources}
        for key, value in self._arguments(given).items():
            if isinstance(value, Path) and value.is_dir():
                inside = sorted(p for p in value.rglob("*") if p.is_file())
                named |= {f"{PREFIX}{key}/{path.relative_to(value)}": path for path in inside}
            elif isinstance(value, Path):
                named[f"{PREFIX}{key}"] = value
        try:
            return {name: file_fingerprint(path) for name, path in named.items()}
        except OSError as problem:
            raise OptionError(
                f"policy={self.name}: {problem.filename} cannot be read: {problem.strerror}"
            ) from None

    def _sources(self) -> tuple[Path, list[Path]]:
        """A folder, and what of it the class is made of: its whole package, or its one file."""
        module = sys.modules[self.cls.__module__]
        file = Path(getattr(module, "__file__", None) or ".")
        package = sys.modules.get(module.__name__.partition(".")[0] if module.__package__ else "")
        root = getattr(package, "__file__", None)
        if root and Path(root).name == "__init__.py":
            return Path(root).parents[1], sorted(Path(root).parent.rglob("*.py"))
        return file.parent, [file] if file.is_file() else []

    def _parameters(self) -> dict[str, inspect.Parameter]:
        try:
            return dict(inspect.signature(self.cls).parameters)
        except (TypeError, ValueError):
            return {}

    def _arguments(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Options as arguments of the constructor; OptionError for unknown, missing or wrong ones."""
        parameters = self._parameters()
        named = {
            name: p
            for name, p in parameters.items()
            if name not in OFFERED and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        }
        takes_all = any(p.kind == p.VAR_KEYWORD for p in parameters.values())
        unknown = [key for key in given if key not in named and not takes_all]
        if unknown:
            near = difflib.get_close_matches(unknown[0], named, 1)
            there = ", ".join(f"{PREFIX}{name}" for name in named) or "none"
            hint = f"did you mean {PREFIX}{near[0]}=?" if near else f"its options are {there}"
            raise OptionError(f"policy={self.name} has no option {PREFIX}{unknown[0]}; {hint}")
        missing = [name for name, p in named.items() if p.default is p.empty and name not in given]
        if missing:
            raise OptionError(f"policy={self.name} needs {PREFIX}{missing[0]}=...")
        kinds = _hints(self.cls)
        return {
            key: read_option(f"{PREFIX}{key}", word, kinds.get(key, _kind_of(named.get(key))))
            for key, word in given.items()
        }


@lru_cache
def _find(where: str, name: str, folder: str) -> type:
    place, _, attribute = where.partition(":")
    module = _load_file(Path(folder, place), name) if place.endswith(".py") else _import(place, name, folder)
    if not attribute:
        own = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and value.__module__ == module.__name__ and hasattr(value, "act")
        ]
        if len(own) != 1:
            there = ", ".join(cls.__name__ for cls in own) or "none"
            raise OptionError(
                f"policy={name}: name the class, as {place}:CLASS; classes with an act: {there}"
            )
        return own[0]
    found = getattr(module, attribute, None)
    if not isinstance(found, type):
        classes = [
            key for key, value in vars(module).items() if isinstance(value, type) and hasattr(value, "act")
        ]
        near = difflib.get_close_matches(attribute, classes, 1)
        hint = f"did you mean {near[0]}?" if near else f"classes with an act: {', '.join(classes) or 'none'}"
        raise OptionError(f"policy={name}: {place} has no class {attribute!r}; {hint}")
    return found


def _load_file(path: Path, name: str) -> ModuleType:
    if not path.is_file():
        raise OptionError(f"policy={name}: there is no file {path}")
    _search(str(path.resolve().parent))  # for modules beside it
    spec = importlib.util.spec_from_file_location(f"policy_file_{path.stem}", path)
    assert spec is not None, path  # its name ends in .py
    assert spec.loader is not None, path
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        raise OptionError(f"policy={name} cannot be imported: {_said(problem)}") from problem
    return module


def _import(module: str, name: str, folder: str) -> ModuleType:
    _search(folder)
    try:
        return importlib.import_module(module)
    except Exception as problem:
        raise OptionError(f"policy={name} cannot be imported: {_said(problem)}") from problem


def _search(folder: str) -> None:
    """Look for modules in a folder, too: last, so that it hides nothing."""
    if folder not in sys.path:
        sys.path.append(folder)


def _said(problem: Exception) -> str:
    """An exception in a line, with the place in its source where it came up."""
    frames = traceback.extract_tb(problem.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(problem).__name__}: {' '.join(str(problem).split())}{place}"


def _hints(cls: type[Any]) -> dict[str, Any]:
    try:
        return get_type_hints(cls.__init__)
    except (NameError, TypeError, AttributeError):
        return {}


def _kind_of(parameter: inspect.Parameter | None) -> Any:
    """The type that a parameter's default says; anything where there is none."""
    default = parameter.default if parameter is not None else None
    return type(default) if type(default) in READERS else Any
