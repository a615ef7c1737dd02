"""A published run's folder, read without running any of it: configuration, statistics, which weights.

RUN_DIR/config.yaml, config.json or config.full.yaml     what it was trained with
RUN_DIR/dataset_statistics.json                          tag -> action statistics
RUN_DIR/checkpoints/steps_N_pytorch_model.pt             weights on the way: also steps_N_model.safetensors, or a
                                                         folder steps_N
RUN_DIR/final_model/pytorch_model.pt                     weights at the end of training: also model.safetensors, or
                                                         model.safetensors.index.json with its shards
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from policy.m1.mixtures import PublishedError
from policy.m1.strict import shown

CONFIG_FILES = ("config.yaml", "config.json", "config.full.yaml")
"""In order of precedence. starVLA's ``config.yaml`` holds only what its training looked at; the rest is in the last."""
STATISTICS_FILE = "dataset_statistics.json"
WEIGHTS_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.pt",
    "pytorch_model.bin",
)
"""What weights are called in a folder of their own; the first that is there is read."""

_STEPS = re.compile(r"steps_(\d{1,15})(_model\.safetensors|_pytorch_model\.pt)?")
_PARTS_OF_WEIGHTS = ("*.distcp", "*/*.distcp", "*/mp_rank_*", "mp_rank_*", "*/*_optim_states.pt")
"""Files of trainings on several devices that hold each device's share."""
_MANY = 10**9


@dataclass(frozen=True)
class PublishedRun:
    """What a run's folder holds."""

    folder: Path
    configs: Mapping[str, Mapping[str, Any]]
    """File -> content, in order of precedence; at least one."""
    weights: Path
    """A file of weights, or the index of its shards."""
    steps: int
    """Training steps behind `weights`; 0 where nothing says."""
    notes: tuple[str, ...] = ()
    """What was chosen among several."""

    def find(self, path: str) -> Any:
        """A value of the configuration by dotted path; None where it is not there or null."""
        for content in self.configs.values():
            value: Any = content
            for part in path.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
            if value is not None:
                return value
        return None

    def text(self, path: str, default: str | None = None) -> str:
        """Text of the configuration; PublishedError if it is none, or missing without a default."""
        value = self._required(path, default)
        if not isinstance(value, str):
            raise self.wrong(path, "text", value)
        return value

    def count(self, path: str, default: int | None = None, least: int = 1) -> int:
        """A whole number of at least ``least``; PublishedError if it is none, or missing without a default."""
        value = self._required(path, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MANY:
            raise self.wrong(path, f"a whole number of at least {least}", value)
        return value

    def share(self, path: str, default: float) -> float:
        """A number from 0 to 1; PublishedError if it is none."""
        value = self._required(path, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
            raise self.wrong(path, "a number from 0 to 1", value)
        return float(value)

    def wrong(self, path: str, wanted: str, value: Any) -> PublishedError:
        """What to raise for a value that is not ``wanted``."""
        return PublishedError(
            f"{self.folder / next(iter(self.configs))}: {path} must be {wanted}, not {shown(value)}"
        )

    def _required(self, path: str, default: Any) -> Any:
        value = self.find(path)
        if value is None and default is None:
            raise PublishedError(f"{' or '.join(self.configs)} of {self.folder} has no {path}")
        return default if value is None else value

    def action_statistics(self, tag: str) -> Mapping[str, Any]:
        """Statistics of one robot's actions; PublishedError lists the robots there are."""
        statistics = _mapping(self.folder / STATISTICS_FILE, json.loads)
        found = statistics.get(tag)
        action = found.get("action") if isinstance(found, Mapping) else None
        if not isinstance(action, Mapping):
            raise PublishedError(
                f"{self.folder / STATISTICS_FILE} has no action statistics of {tag!r}; it has "
                f"{', '.join(map(str, statistics)) or 'none'}"
            )
        return action


def open_run(folder: Path, step: int | None = None) -> PublishedRun:
    """Find a run's files: of several checkpoints that of ``step``, or ``final_model``, or the latest. PublishedError.

    Training writes ``final_model`` at its end, after every ``steps_N``.
    """
    if not folder.is_dir():
        raise PublishedError(f"{folder} is no folder")
    configs = read_configs(folder)
    by_step = _checkpoints(folder / "checkpoints")
    final = weights_of(folder / "final_model")
    if step is not None:
        if step not in by_step:
            raise PublishedError(
                f"{folder} has no checkpoint of step {step}; it has {sorted(by_step) or 'none with a step'}"
            )
        return PublishedRun(folder, configs, by_step[step], step)
    if final is not None:
        run = PublishedRun(folder, configs, final, 0)
        steps = run.find("trainer.max_train_steps")
        known = isinstance(steps, int) and not isinstance(steps, bool) and 0 < steps < _MANY
        latest = max(by_step, default=0)
        note = f"final_model was taken, which training writes at its end; step={latest} takes {by_step.get(latest)}"
        return PublishedRun(
            folder, configs, final, int(steps) if known else latest, (note,) if by_step else ()
        )
    if not by_step:
        raise PublishedError(
            f"{folder} has neither checkpoints/steps_N_pytorch_model.pt nor final_model/pytorch_model.pt, nor "
            f"either as model.safetensors{_parts_of_weights(folder)}"
        )
    chosen = max(by_step)
    return PublishedRun(folder, configs, by_step[chosen], chosen)


def weights_of(folder: Path) -> Path | None:
    """The weights in a folder of their own: a file, or the index of shards; None where there are none."""
    return next((folder / name for name in WEIGHTS_FILES if (folder / name).is_file()), None)


def read_configs(folder: Path) -> dict[str, Mapping[str, Any]]:
    """The configuration files of a run's folder by name, in order of precedence; PublishedError where there is none."""
    found = {
        name: _mapping(folder / name, json.loads if name.endswith(".json") else yaml.safe_load)
        for name in CONFIG_FILES
        if (folder / name).is_file()
    }
    if not found:
        raise PublishedError(f"{folder} has none of {', '.join(CONFIG_FILES)}")
    model_type = next(iter(found.values())).get("model_type")
    if isinstance(model_type, str) and "framework" not in next(iter(found.values())):
        raise PublishedError(
            f"{folder} is a plain {model_type}, no run of InternVLA-M1; to train from plain Qwen2.5-VL, give it to "
            "`workbench train preset=m1-3b` as qwen="
        )
    return found


def _checkpoints(folder: Path) -> dict[int, Path]:
    """Step -> weights, of everything that is called ``steps_N...``."""
    found: dict[int, Path] = {}
    for path in sorted(folder.glob("steps_*")) if folder.is_dir() else []:
        match = _STEPS.fullmatch(path.name)
        if match is None:
            continue
        weights = weights_of(path) if path.is_dir() else path if match[2] else None
        if weights is not None:
            found.setdefault(int(match[1]), weights)  # safetensors sort first
    return found


def _parts_of_weights(folder: Path) -> str:
    """What to do where a training on several devices left each device's share."""
    for place in (folder, folder / "checkpoints", *sorted((folder / "checkpoints").glob("*"))):
        if any(next(place.glob(pattern), None) for pattern in _PARTS_OF_WEIGHTS):
            return (
                f"; {place} holds the shares of several devices: join them first (`accelerate merge-weights` for "
                "FSDP, DeepSpeed's zero_to_fp32.py)"
            )
    return ""


def _mapping(path: Path, parse: Callable[[str], Any]) -> Mapping[str, Any]:
    try:
        content = parse(path.read_text("utf-8"))
    except OSError as error:
        raise PublishedError(f"{path} cannot be read: {error.strerror or error}") from error
    except RecursionError as error:
        raise PublishedError(f"{path} cannot be understood: it is nested too deeply") from error
    except (ValueError, yaml.YAMLError) as error:
        raise PublishedError(f"{path} cannot be understood: {' '.join(str(error).split())}") from error
    if not isinstance(content, Mapping):
        raise PublishedError(f"{path} must hold a mapping, not {shown(content)}")
    return content
