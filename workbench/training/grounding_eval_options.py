"""Options of ``workbench eval-grounding``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from workbench.cli.options import OptionError, option
from workbench.rollout.launch import check_device
from workbench.rollout.options import at_least, between_0_and_1

AUTO = "auto"
USAGE = "usage: workbench eval-grounding checkpoint=FOLDER data=FOLDER key=value ..."


@dataclass
class GroundingEvalOptions:
    """Which checkpoint is asked about which pictures."""

    checkpoint: str = option("", "folder of an m1 checkpoint")
    data: str = option("", "folder that `workbench generate` made, of episodes that were not trained on")
    out: str = option("", "JSON file to write the result to; none: only print it")
    views: str = option("", "cameras to ask about, separated by commas; none: the checkpoint's first")
    frames: int = option(4, "frames of each episode, one by chance from each of as many equal parts")
    episodes: int | None = option(None, "renderings to ask about, from the first; all by default")
    batch: int = option(8, "questions asked at once")
    trace_points: int = option(8, "points of a trace")
    confidence: float = option(0.95, "of all intervals")
    seed: int = option(0, "seed of the choice of frames, questions and wordings")
    device: str = option(AUTO, "cpu or cuda; auto: a GPU if there is one")

    def resolve(self) -> None:
        """Replace ``auto`` by what it means here; OptionError for what cannot be."""
        for name in ("checkpoint", "data"):
            if not getattr(self, name):
                raise OptionError(f"{name}= is missing; {USAGE}")
        for name in ("frames", "batch"):
            at_least(name, getattr(self, name), 1)
        at_least("trace_points", self.trace_points, 2)
        if self.episodes is not None:
            at_least("episodes", self.episodes, 1)
        between_0_and_1("confidence", self.confidence)
        at_least("seed", self.seed, 0)
        if self.out and (Path(self.out).is_dir() or not os.access(Path(self.out).parent, os.W_OK)):
            raise OptionError(f"out={self.out} cannot be written: give a file in a folder that can be")
        if self.device == AUTO:
            import torch

            self.device = "cuda" if torch.cuda.is_available() else "cpu"
        if self.device not in ("cpu", "cuda"):
            raise OptionError(f"device must be cpu or cuda, not {self.device}")
        check_device("cuda:0" if self.device == "cuda" else "cpu")
