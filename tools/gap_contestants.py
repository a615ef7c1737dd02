"""Policies of known and different badness that act on the twin and in simulation alike, for `tools.gap_study`.

The twin's expert with errors is the same code on both sides; `m1` is served to the bridge. Its weaker kin have each
weight moved by a share of its tensor's spread.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from policy.m1.checkpoint import CONFIG_FILE, WEIGHTS_FILE, locate

EXPERT = "policy=tools/twin_expert.py:TwinExpert"


@dataclass(frozen=True)
class Contestant:
    """One policy."""

    real: tuple[str, ...] = ()
    """Words of ``workbench bridge``; none for one that is served."""
    simulated: tuple[str, ...] = ("policy=m1",)
    """Words of ``workbench eval``."""
    moved: float | None = None
    """m1: how far weights are moved, as a share of the spread of each tensor; None for others."""

    @property
    def sees(self) -> bool:
        """Whether it looks at pictures."""
        return self.moved is not None


def _noisy(*words: str) -> Contestant:
    return Contestant(("policy=noisy_expert", *words), (EXPERT, *words))


CONTESTANTS = {
    "expert": Contestant(("policy=expert",), (EXPERT,)),
    "off_by_10_mm": _noisy("policy.error_mm=10"),
    "off_by_15_mm": _noisy("policy.error_mm=15"),
    "off_by_25_mm": _noisy("policy.error_mm=25"),
    "late_by_6_steps": _noisy("policy.latency_steps=6"),
    "m1": Contestant(moved=0.0),
    "m1_worse": Contestant(moved=0.02),
    "m1_worst": Contestant(moved=0.05),
}


def checkpoint(contestant: Contestant, folder: Path, shipped: str = "m1-mini") -> Path:
    """The folder of its checkpoint, made on the first call."""
    source = locate(shipped)
    if not contestant.moved:
        return source
    if not (folder / CONFIG_FILE).exists():
        last = shutil.ignore_patterns(CONFIG_FILE, WEIGHTS_FILE)
        shutil.copytree(source, folder, ignore=last, dirs_exist_ok=True)
        random = torch.Generator().manual_seed(0)
        weights = load_file(source / WEIGHTS_FILE)
        for name, value in sorted(weights.items()):
            if value.is_floating_point() and value.numel() > 1:
                noise = torch.randn(value.shape, generator=random)
                weights[name] = value + (contestant.moved * value.float().std() * noise).to(value.dtype)
        save_file(weights, folder / WEIGHTS_FILE)
        # Last, so that a folder with a configuration is a whole checkpoint.
        shutil.copy2(source / CONFIG_FILE, folder / CONFIG_FILE)
    return folder
