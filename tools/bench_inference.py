"""What does a decision of the spatially guided policy cost, and what does deciding for many environments at once save?

    python -m tools.bench_inference                            # m1-mini with random weights, 16 environments
    python -m tools.bench_inference checkpoint=runs/acting/checkpoint num_envs=64 device=cuda

The pictures are noise: they cost what others cost. Calls for one environment and for all take turns, so that a busy
machine slows both alike. Grounding is timed apart: an answer takes as many passes as it has tokens.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from policy.contract import Observation
from policy.m1.checkpoint import CheckpointError, load_checkpoint
from policy.m1.model import M1Model
from policy.m1.policy import M1Policy
from policy.m1.presets import preset
from policy.m1.tokenizer import build_tokenizer
from robots.registry import robot
from tasks.tabletop.action_spaces import DELTA_EEF
from workbench.cli.options import OptionError, option, parse_options
from workbench.rollout.launch import LaunchError, check_device, default_device
from workbench.rollout.options import at_least
from workbench.rollout.stopwatch import Stopwatch
from workbench.runs.provenance import machine
from workbench.training.build import DEFAULT_VIEWS
from workbench.training.vocabulary import spoken_words

INSTRUCTION = "put the red cube in the bowl"
ANSWER_TOKENS = 16
"""Most tokens of an answer: enough for two boxes."""


@dataclass
class InferenceBenchOptions:
    """Options of the benchmark."""

    preset: str = option("m1-mini", "size of a model with random weights")
    checkpoint: str = option("", "folder of a trained model, instead")
    device: str = option("auto", "cpu or cuda:N")
    num_envs: int = option(16, "environments in a batch")
    repeats: int = option(10, "times that everything is timed")
    threads: int = option(0, "threads of torch; 0: as many as it takes by itself")

    def resolve(self) -> None:
        """Replace ``auto`` by what it means here; OptionError or LaunchError for what cannot be."""
        for name, least in (("num_envs", 1), ("repeats", 1), ("threads", 0)):
            at_least(name, getattr(self, name), least)
        if self.device == "auto":
            self.device = default_device()
        check_device(self.device)
        if not self.checkpoint and self.preset != "m1-mini":
            raise OptionError(f"only m1-mini is built without weights, not {self.preset!r}; give checkpoint=")


def main() -> int:
    """Measure and print."""
    try:
        options = parse_options(InferenceBenchOptions, sys.argv[1:])
        options.resolve()
        model = _model(options)
    except (OptionError, LaunchError, CheckpointError) as error:
        print(f"bench_inference: {error}", file=sys.stderr)
        return 2
    if options.threads:
        torch.set_num_threads(options.threads)
    policy = M1Policy(model.to(options.device))
    everyone = range(options.num_envs)
    policy.reset(everyone, everyone)
    seen = _observation(policy, options.num_envs)
    alone = [_observation(policy, 1, row) for row in everyone]
    watch = Stopwatch()
    singles, batches, answers = [], [], []
    for repeat in range(-1, options.repeats):  # the first is slower
        one = _timed(lambda: [policy.act(row) for row in alone], options.device)
        with _parts_timed(model, watch, options.device):
            batch = _timed(lambda: policy.act(seen), options.device)
        spoken = _timed(
            lambda: model.answer(seen.images, seen.instruction, max_new_tokens=ANSWER_TOKENS), options.device
        )
        if repeat < 0:
            watch.seconds.clear()
            continue
        singles.append(one)
        batches.append(batch)
        answers.append(spoken)
    _report(options, model, np.array(singles), np.array(batches), np.array(answers), watch)
    return 0


def _model(options: InferenceBenchOptions) -> M1Model:
    if options.checkpoint:
        return load_checkpoint(Path(options.checkpoint), "cpu", torch.float32)
    torch.manual_seed(0)
    config = preset(options.preset, DELTA_EEF, DEFAULT_VIEWS, spoken_words())
    return M1Model(config, build_tokenizer(config.tokenizer))


def _observation(policy: M1Policy, rows: int, first: int = 0) -> Observation:
    generator = torch.Generator().manual_seed(first)
    side = policy.config.images.size
    pictures = {
        name: torch.randint(256, (rows, side, side, 3), dtype=torch.uint8, generator=generator)
        for name in policy.cameras
    }
    still = torch.zeros(rows, len(robot(policy.action_spec.robot).spec.arm_joints))
    return Observation(
        range(first, first + rows), torch.zeros(rows, dtype=torch.int64), [INSTRUCTION] * rows, still, still,
        torch.zeros(rows), torch.zeros(rows, 7), pictures,
    )  # fmt: skip


def _timed(work: Callable[[], Any], device: str) -> float:
    """Wall time of some work [s]."""
    _wait(device)
    began = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - began


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


class _parts_timed:
    """Times the parts of a model within."""

    PARTS = (
        ("language model with vision tower", "vlm", "hidden_states"),
        ("DINOv2", None, "_dino_tokens"),
        ("Q-Former", "qformer", "forward"),
        ("action head, all diffusion steps", "action_head", "sample"),
    )

    def __init__(self, model: M1Model, watch: Stopwatch, device: str) -> None:
        self._model, self._watch, self._device = model, watch, device

    def __enter__(self) -> None:
        for label, part, method in self.PARTS:
            owner = getattr(self._model, part) if part else self._model
            setattr(owner, method, self._watched(label, getattr(owner, method)))

    def __exit__(self, *_: object) -> None:
        for _label, part, method in self.PARTS:
            delattr(getattr(self._model, part) if part else self._model, method)

    def _watched(self, label: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            with self._watch(label):
                result = work(*args, **kwargs)
                _wait(self._device)
            return result

        return watched


def _report(
    options: InferenceBenchOptions,
    model: M1Model,
    singles: np.ndarray,
    batches: np.ndarray,
    answers: np.ndarray,
    watch: Stopwatch,
) -> None:
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    print(f"{model.config.name}, {millions:.1f} M parameters, on {options.device}; {machine()}")
    n, ms = options.num_envs, 1e3
    table = Table("", "median [ms]")
    table.add_row(f"a decision for {n} environments", f"{ms * np.median(batches):.0f}")
    table.add_row(f"{n} decisions for one", f"{ms * np.median(singles):.0f}")
    table.add_row(
        f"answers of at most {ANSWER_TOKENS} tokens for {n} environments, besides",
        f"{ms * np.median(answers):.0f}",
    )
    parts = Table("part of a decision", "share")
    total = float(batches.sum())
    for label, seconds in watch.seconds.items():
        parts.add_row(label, f"{seconds / total:.0%}")
    parts.add_row("the rest", f"{1 - sum(watch.seconds.values()) / total:.0%}")
    console = Console()
    console.print(table, parts)
    print(f"at once {np.median(singles / batches):.1f} times as fast as one by one")


if __name__ == "__main__":
    sys.exit(main())
