"""A checkpoint of a published size with random weights: for time and memory, which do not depend on their values."""

from __future__ import annotations

from pathlib import Path

import torch

from policy.action import ActionSpec
from policy.m1.checkpoint import save_checkpoint
from policy.m1.config import TokenizerConfig
from policy.m1.model import M1Model
from policy.m1.presets import SPATIAL_PROMPT, preset
from policy.m1.tokenizer import build_tokenizer
from workbench.training.build import DEFAULT_VIEWS
from workbench.training.vocabulary import spoken_words

MINI = "m1-mini"


def write_random(size: str, spec: ActionSpec, folder: Path) -> int:
    """Write a checkpoint of a preset to a new folder; gives its number of parameters.

    The published size is written in bfloat16, as it is published, and with a tokenizer of the tasks' words instead of
    Qwen's, which has more tokens for rare words and about as many for these.
    """
    words = spoken_words()
    config = preset(size, spec, DEFAULT_VIEWS, words if size == MINI else ())
    stand_in = TokenizerConfig("words", (*words, SPATIAL_PROMPT))
    tokenizer = build_tokenizer(config.tokenizer if size == MINI else stand_in)
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float32 if size == MINI else torch.bfloat16)
        model = M1Model(config, tokenizer)
    finally:
        torch.set_default_dtype(before)
    save_checkpoint(model, folder)
    return sum(p.numel() for p in model.parameters())


def parameters_of(size: str, spec: ActionSpec) -> int:
    """How many a preset has, without making any."""
    words = spoken_words()
    config = preset(size, spec, DEFAULT_VIEWS, words if size == MINI else ())
    tokenizer = build_tokenizer(config.tokenizer) if size == MINI else None
    with torch.device("meta"):
        return sum(p.numel() for p in M1Model(config, tokenizer).parameters())
