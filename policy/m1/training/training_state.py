"""The state of a training between two steps, in one folder that is whole or not there.

    step-<phase>-<step>/
        state.json            where training is, and the sums of losses not logged yet
        state.safetensors     weights, their average, and the optimizer's moments

Neither random numbers nor learning rates have a state (`policy.m1.training.randomness`, `.schedule`), and a stream's
position is the step. The folder is written under another name, flushed to the disk, and renamed.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from policy.m1.training.ema import WeightAverage

FORMAT, VERSION = "sim2real-workbench/m1-training", 1
PLACE_FILE, TENSORS_FILE = "state.json", "state.safetensors"
PREFIX = "step-"


class TrainingStateError(Exception):
    """A state that cannot be read, in one sentence."""


@dataclass
class Place:
    """Where training is."""

    phase: int = 0
    """Number of the phase, from 0."""
    step: int = 0
    """Optimizer steps done in it."""
    total: int = 0
    """Optimizer steps done in all phases."""
    average_updates: int = 0
    sums: dict[str, list[float]] = field(default_factory=dict)
    """Losses since the last line of the log: name to their sum and number."""


def save_state(
    folder: Path,
    place: Place,
    learner: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: WeightAverage,
    keep: int,
) -> Path:
    """Write the state below ``folder``, remove all but the latest ``keep``; where it is."""
    target = folder / f"{PREFIX}{place.phase}-{place.step:08d}"
    partial = folder / f".{target.name}.partial"
    for left in folder.glob(".*.partial"):
        shutil.rmtree(left)
    partial.mkdir(parents=True)
    tensors = {f"weights/{k}": v for k, v in _weights(learner).items()}
    tensors |= {f"average/{k}": v for k, v in average.weights.items()}
    for name, parameter in learner.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer/{key}/{name}"] = value
    try:
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, partial / TENSORS_FILE)
        content = {"format": FORMAT, "version": VERSION, "place": asdict(place)}
        (partial / PLACE_FILE).write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", "utf-8")
        for path in (partial / TENSORS_FILE, partial / PLACE_FILE, partial):
            _flush(path)
    except Exception:
        shutil.rmtree(partial)  # a disk that is full has no room for what is of no use
        raise
    if target.exists():
        shutil.rmtree(target)
    partial.rename(target)
    _flush(folder)
    for old in states(folder)[:-keep]:
        shutil.rmtree(old)
    return target


def states(folder: Path) -> list[Path]:
    """The states below a folder, oldest first."""
    found = [path for path in folder.glob(f"{PREFIX}*-*") if path.is_dir()]
    return sorted(found, key=lambda path: tuple(int(n) for n in path.name.removeprefix(PREFIX).split("-")))


def read_place(path: Path) -> Place:
    """Where the training of a state is; TrainingStateError for what is none."""
    try:
        content: dict[str, Any] = json.loads((path / PLACE_FILE).read_text("utf-8"))
        if content["format"] != FORMAT or content["version"] != VERSION:
            raise TrainingStateError(f"{path} is of another format than {FORMAT} {VERSION}")
        return Place(**content["place"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingStateError(f"{path / PLACE_FILE} cannot be read: {error}") from error


def load_state(
    path: Path, learner: nn.Module, optimizer: torch.optim.Optimizer | None, average: WeightAverage
) -> None:
    """Put a state back, in place. ``optimizer`` must be new; None leaves its moments out.

    Raises TrainingStateError for tensors that do not fit the model.
    """
    try:
        tensors = load_file(path / TENSORS_FILE)
    except (OSError, SafetensorError) as error:
        raise TrainingStateError(f"{path / TENSORS_FILE} cannot be read: {error}") from error
    device = next(learner.parameters()).device
    by_kind: dict[str, dict[str, torch.Tensor]] = {"weights": {}, "average": {}, "optimizer": {}}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition("/")
        by_kind[kind][rest] = tensor
    expected = _weights(learner)
    differing = sorted(
        name
        for name in expected.keys() | by_kind["weights"].keys()
        if name not in expected
        or name not in by_kind["weights"]
        or by_kind["weights"][name].shape != expected[name].shape
    )
    if differing:
        raise TrainingStateError(f"{path} is of another model: {', '.join(differing[:4])} differ")
    with torch.no_grad():
        for name, tensor in expected.items():
            tensor.copy_(by_kind["weights"][name])
    average.weights = {name: tensor.to(device) for name, tensor in by_kind["average"].items()}
    average.updates = read_place(path).average_updates
    if optimizer is None:
        return
    parameters = dict(learner.named_parameters())
    for name, tensor in by_kind["optimizer"].items():
        key, _, parameter = name.partition("/")
        # AdamW counts its steps on the CPU.
        there = torch.device("cpu") if key == "step" else device
        optimizer.state[parameters[parameter]][key] = tensor.to(there)


def _weights(learner: nn.Module) -> dict[str, torch.Tensor]:
    """Every parameter and stored buffer once, under its first name."""
    seen: set[int] = set()
    found = {}
    for name, tensor in learner.state_dict().items():
        if tensor.data_ptr() in seen and tensor.numel():
            continue
        seen.add(tensor.data_ptr())
        found[name] = tensor
    return found


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
