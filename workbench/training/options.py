"""Options of ``workbench train``, and what makes them impossible."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from workbench.cli.options import OptionError, option
from workbench.rollout.launch import check_device
from workbench.rollout.options import at_least, choose

SCHEMES = ("min_max", "q01_q99")
"""Ranges of the data that actions may be scaled by."""

GROUNDING, ACTION = "grounding", "action"
STAGES = (GROUNDING, ACTION)
PRESETS = ("m1-mini", "m1-3b")
ON, OFF = "on", "off"
PRECISIONS = ("float32", "bfloat16")
AUTO = "auto"
PRESENTATION = ("log_every", "save_every", "keep")
"""Options that change what is written down, not what is learned; a resumed run may differ in them."""


@dataclass
class TrainOptions:
    """What to train, on what, and how. A value of none is the recipe's own for the stage and the preset."""

    stage: str = option("", f"what to train: {' or '.join(STAGES)}")
    data: str = option(
        "", "folder that `workbench generate` made; stage=action guidance=off: also a dataset of others"
    )
    out: str = option(AUTO, "run folder; auto: named after what is trained, in runs/; the same again resumes")
    preset: str = option("m1-mini", f"size of a new model: {' or '.join(PRESETS)}")
    from_checkpoint: str = option(
        "", "checkpoint to begin with, as of an earlier stage, instead of a new model"
    )
    qwen: str = option(
        "",
        "preset=m1-3b: folder of Qwen2.5-VL (config.json, tokenizer, weights) that a new model begins with",
    )
    new_head: bool = option(
        False,
        "stage=action: of from_checkpoint, keep the vision-language model alone; all else begins at random",
    )
    guidance: str = option(
        ON,
        "stage=action: off trains for comparison without the grounding stage, the spatial prompt and co-training, "
        "everything else equal",
    )
    views: str = option("", "cameras, separated by commas; none: the checkpoint's, or front")
    chunk: int | None = option(None, "new model: actions per decision", "control steps")
    normalisation: str = option(
        "min_max", f"range of the data that actions are scaled by: {' or '.join(SCHEMES)}"
    )
    seed: int = option(0, "seed of the first weights and of all chance")
    device: str = option(
        AUTO, "cpu or cuda; auto: a GPU if there is one. For several, use `accelerate launch`"
    )
    steps: int | None = option(
        None, "of the action stage, or of joint training on answers", "optimizer steps"
    )
    vision_steps: int | None = option(
        None, "stage=grounding: the vision tower alone, before", "optimizer steps"
    )
    naming_steps: int | None = option(
        None, "stage=grounding: the language model on questions for one thing in a crowd", "optimizer steps"
    )
    language_steps: int | None = option(
        None, "stage=grounding: the language model on all questions, the tower frozen", "optimizer steps"
    )
    slots_steps: int | None = option(
        None, "stage=grounding: tower and language model on the places that acting needs", "optimizer steps"
    )
    numbers_steps: int | None = option(
        None, "stage=action of m1-mini: acting on numbers alone, before all else", "optimizer steps"
    )
    head_steps: int | None = option(
        None,
        "stage=action of m1-mini: the action head on pictures, after numbers, grounded backbones frozen",
        "optimizer steps",
    )
    batch: int | None = option(None, "samples with pictures in one pass on one device")
    answer_batch: int | None = option(None, "stage=action: pictures asked about, beside a batch of actions")
    accumulation: int = option(1, "passes to a step")
    lr_vision: float | None = option(None, "peak learning rate of the vision tower; 0 freezes")
    lr_language: float | None = option(None, "of the language model")
    lr_dino: float | None = option(None, "of DINOv2")
    lr_qformer: float | None = option(None, "of the Q-Former")
    lr_action_head: float | None = option(None, "of the action head")
    warmup: int | None = option(None, "steps over which rates rise", "optimizer steps")
    min_lr: float | None = option(None, "rate at the end of the cosine, as a share of the peak")
    weight_decay: float | None = option(None, "AdamW's")
    clip: float = option(1.0, "greatest norm of a step's gradient")
    ema: float | None = option(None, "decay of the running average of the weights; 0 for none")
    precision: str = option(
        AUTO, f"of the two backbones' arithmetic: {' or '.join(PRECISIONS)}; auto: bfloat16 on a GPU"
    )
    recompute: bool = option(False, "gradient checkpointing: less memory, more time")
    answer_weight: float = option(0.1, "stage=action: weight of the loss of answers in co-training")
    augment: bool = option(True, "vary colours; in scene lessons, also mirror")
    crop: float = option(0.05, "scene lessons: most of a side cut off a picture; 0 for none")
    pasted: int = option(36, "scene lessons: most things pasted into a picture from others; 0 for none")
    crowd: int = option(24, "questions: most things pasted into a picture from others; 0 for none")
    paraphrases: float = option(0.2, "share of tasks told in the data's other words")
    log_every: int = option(10, "steps between two lines of losses", "optimizer steps")
    save_every: int = option(250, "steps between two states to resume from", "optimizer steps")
    keep: int = option(2, "states kept")
    pss_every: int = option(
        0, "steps between two measurements of gradient alignment; 0 for never", "optimizer steps"
    )
    pss_batch: int = option(64, "samples of each kind in one of them")

    def resolve(self) -> None:
        """Replace ``auto`` by what it means here; OptionError for what cannot be."""
        for name in ("stage", "data"):
            if not getattr(self, name):
                raise OptionError(
                    f"{name}= is missing; usage: workbench train stage=grounding|action data=FOLDER"
                )
        choose("stage", self.stage, STAGES)
        choose("preset", self.preset, PRESETS)
        choose("guidance", self.guidance, (ON, OFF))
        choose("precision", self.precision, (*PRECISIONS, AUTO))
        choose("normalisation", self.normalisation, SCHEMES)
        for name, least in (
            ("accumulation", 1),
            ("log_every", 1),
            ("save_every", 1),
            ("keep", 1),
            ("pss_batch", 1),
        ):
            at_least(name, getattr(self, name), least)
        for name in (
            "steps",
            "vision_steps",
            "naming_steps",
            "language_steps",
            "slots_steps",
            "numbers_steps",
            "head_steps",
            "warmup",
            "pasted",
            "crowd",
            "pss_every",
            "seed",
            "answer_weight",
        ):
            self._number(name, 0, math.inf)
        for name in ("batch", "answer_batch", "chunk"):
            self._number(name, 1, math.inf)
        for name in ("lr_vision", "lr_language", "lr_dino", "lr_qformer", "lr_action_head", "weight_decay"):
            self._number(name, 0, 1)
        self._number("min_lr", 0, 1)
        self._number("crop", 0, 0.5)
        self._number("paraphrases", 0, 1)
        if self.ema is not None and not 0 <= self.ema < 1:
            raise OptionError(f"ema must be at least 0 and below 1, not {self.ema}")
        if not self.clip > 0:
            raise OptionError(f"clip must be positive, not {self.clip}")
        if self.stage == GROUNDING and self.guidance == OFF:
            raise OptionError(
                "guidance=off is training without the grounding stage: it goes with stage=action"
            )
        if self.qwen and (self.from_checkpoint or self.preset != "m1-3b"):
            raise OptionError("qwen= is for a new model of preset=m1-3b: a checkpoint has its own weights")
        if self.new_head and (self.stage == GROUNDING or not self.from_checkpoint):
            raise OptionError("new_head=true goes with stage=action and from_checkpoint=")
        if self.chunk is not None and self.from_checkpoint:
            raise OptionError("chunk= is for a new model: a checkpoint's action head has its own length")
        if self.device == AUTO:
            import torch

            self.device = "cuda" if torch.cuda.is_available() else "cpu"
        if self.device not in ("cpu", "cuda"):
            raise OptionError(f"device must be cpu or cuda, not {self.device}")
        check_device("cuda:0" if self.device == "cuda" else "cpu")
        if self.precision == AUTO:
            # Most processors convert to bfloat16 and back at greater cost than the shorter products save.
            self.precision = "bfloat16" if self.device == "cuda" else "float32"
        if self.out == AUTO:
            guided = "" if self.guidance == ON else "-unguided"
            self.out = f"runs/train-{self.stage}-{self.preset}{guided}-seed{self.seed}"

    def config(self) -> dict[str, Any]:
        """What a run stores, and a resumed one must agree with: plain JSON types."""
        kept = {k: v for k, v in dataclasses.asdict(self).items() if k != "out" and (k != "qwen" or v)}
        return kept | {"command": "train"}

    @property
    def is_guided(self) -> bool:
        """Whether spatial guidance is on."""
        return self.guidance == ON

    def _number(self, name: str, least: float, most: float) -> None:
        value = getattr(self, name)
        if value is not None and not least <= value <= most:
            raise OptionError(f"{name} must be between {least:g} and {most:g}, not {value}")
