"""A published run's folder, read without running any of it: configuration, statistics, weights.

RUN_DIR/config.yaml                                 what it was trained with
RUN_DIR/dataset_statistics.json                     tag -> action statistics
RUN_DIR/checkpoints/steps_N_pytorch_model.pt        one flat dictionary of tensors, or
RUN_DIR/final_model/pytorch_model.pt
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from policy.m1.mixtures import PublishedError

_STEPS = re.compile(r"steps_(\d+)_pytorch_model\.pt")


@dataclass(frozen=True)
class PublishedRun:
    """What a run's folder holds."""

    folder: Path
    config: Mapping[str, Any]
    statistics: Mapping[str, Any]
    weights: Path
    steps: int
    """Training steps behind `weights`; 0 where the file's name does not say."""

    def setting(self, path: str, default: Any = None) -> Any:
        """A value of config.yaml by dotted path; PublishedError if it is not there and there is no default."""
        value: Any = self.config
        for part in path.split("."):
            if not isinstance(value, Mapping) or part not in value:
                if default is None:
                    raise PublishedError(f"{self.folder / 'config.yaml'} has no {path}")
                return default
            value = value[part]
        return value

    def number(self, path: str) -> int:
        """A whole number of config.yaml; PublishedError if it is none or not there."""
        value = self.setting(path)
        if not isinstance(value, int) or isinstance(value, bool):
            raise PublishedError(
                f"{self.folder / 'config.yaml'}: {path} must be a whole number, not {value!r}"
            )
        return value

    def action_statistics(self, tag: str) -> Mapping[str, Any]:
        """Statistics of one robot's actions; PublishedError lists the robots there are."""
        found = self.statistics.get(tag)
        action = found.get("action") if isinstance(found, Mapping) else None
        if not isinstance(action, Mapping):
            raise PublishedError(
                f"dataset_statistics.json has no action statistics of {tag!r}; it has {', '.join(self.statistics)}"
            )
        return action


def open_run(folder: Path, step: int | None = None) -> PublishedRun:
    """Find a run's files; the latest of several checkpoints, or that of ``step``. PublishedError."""
    if not folder.is_dir():
        raise PublishedError(f"{folder} is no folder")
    config = _mapping(folder / "config.yaml", yaml.safe_load)
    statistics = _mapping(folder / "dataset_statistics.json", json.loads)
    by_step = {
        int(match[1]): path
        for path in (folder / "checkpoints").glob("*.pt")
        if (match := _STEPS.fullmatch(path.name))
    }
    final = folder / "final_model" / "pytorch_model.pt"
    if step is None and not by_step and final.is_file():
        return PublishedRun(folder, config, statistics, final, 0)
    if not by_step:
        raise PublishedError(f"{folder} has no checkpoints/steps_N_pytorch_model.pt")
    if step is not None and step not in by_step:
        raise PublishedError(f"{folder} has no checkpoint of step {step}; it has {sorted(by_step)}")
    chosen = max(by_step) if step is None else step
    return PublishedRun(folder, config, statistics, by_step[chosen], chosen)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a ``.pt`` file, mapped into memory. Anything but tensors in it is refused, unread.

    A pickle can run any program when it is opened; ``weights_only`` opens none that would. PublishedError.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        first = str(error).strip().splitlines()[0]
        raise PublishedError(f"{path} holds more than tensors and was not opened: {first}") from error
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise PublishedError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise PublishedError(f"{path} holds a {type(content).__name__}, not a dictionary of tensors")
    odd = [str(name) for name, value in content.items() if not isinstance(value, torch.Tensor)]
    if odd:
        raise PublishedError(f"{path} holds more than tensors: {', '.join(odd[:5])}")
    return content


def _mapping(path: Path, parse: Any) -> Mapping[str, Any]:
    try:
        content = parse(path.read_text("utf-8"))
    except OSError as error:
        raise PublishedError(f"{path} cannot be read: {error}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise PublishedError(f"{path} cannot be understood: {error}") from error
    if not isinstance(content, Mapping):
        raise PublishedError(f"{path} must hold a mapping")
    return content
