"""The two sizes: the published model's own, and one that trains on a processor.

The small one's numbers were measured on drawn table-top scenes: of several shapes at equal cost, this one localised
best (4.4 M parameters without DINOv2, Q-Former and action head).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from policy.action import ActionSpec
from policy.grounding import GRASP, PLACE
from policy.m1.config import (
    CONTACT,
    PATH,
    ActionEncoding,
    ActionHeadConfig,
    DiffusionConfig,
    DinoConfig,
    ImageConfig,
    LanguageModelConfig,
    M1Config,
    PromptConfig,
    QFormerConfig,
    TokenizerConfig,
    VisionTowerConfig,
)
from policy.m1.strict import ConfigError
from policy.m1.tokenizer import vocabulary

SPATIAL_PROMPT = (
    "Your task is {instruction}. To identify the key objects for your task. "
    "Locate their bounding boxes in [x1,y1,x2,y2] format."
)
"""The spatial prompt that the published weights were trained with."""
QWEN_SYSTEM = "You are a helpful assistant."
"""System turn of Qwen2.5-VL's chat template."""
GROUNDING_QUESTION = "Give the bounding boxes of the key objects of the task: {instruction}."


def m1_3b(action_spec: ActionSpec, views: Sequence[str], words: Sequence[str] = ()) -> M1Config:
    """InternVLA-M1: Qwen2.5-VL-3B, DINOv2 ViT-L/14, DiT-B; 4.1 B parameters. Speaks Qwen's vocabulary, no other."""
    if words:
        raise ConfigError("m1-3b has Qwen's own vocabulary: it takes no words")
    return M1Config(
        name="m1-3b",
        vision=VisionTowerConfig(32, 1280, 3420, 16, (7, 15, 23, 31)),
        language=LanguageModelConfig(151_936, 2048, 11_008, 36, 16, 2, (16, 24, 24)),
        dino=DinoConfig(1024, 24, 16),
        qformer=QFormerConfig(36, 37),
        action_head=ActionHeadConfig(),
        diffusion=DiffusionConfig(),
        images=ImageConfig(tuple(views)),
        prompt=PromptConfig(
            system=QWEN_SYSTEM,
            action=SPATIAL_PROMPT,
            grounding=GROUNDING_QUESTION,
            lower_case=True,
        ),
        tokenizer=TokenizerConfig("qwen"),
        action_spec=action_spec,
        encoding=ActionEncoding(rotation=action_spec.rotation),
        chunk_length=16,
        execute_steps=8,
    )


def m1_mini(action_spec: ActionSpec, views: Sequence[str], words: Sequence[str]) -> M1Config:
    """The same parts at about 8 M parameters, with a vocabulary of ``words`` and a token per pixel."""
    if not words:
        raise ConfigError("m1-mini needs words: those of the instructions it is to understand")
    size, slots = 224, (GRASP, CONTACT, CONTACT, PLACE, *[PATH] * 4)
    action, grounding = (
        "task: {instruction}. hand {hand}. grasp u v contact u v u v place u v path u v u v u v u v",
        "locate: {instruction}",
    )
    said = (re.sub(r"{\w+}", " ", text) for text in (action, grounding))
    tokenizer = TokenizerConfig(
        "words", (*words, *said), coordinate_bins=size + 1
    )  # an edge may be the border
    return M1Config(
        name="m1-mini",
        vision=VisionTowerConfig(4, 160, 426, 5, (1, 3), coordinate_planes=True),
        language=LanguageModelConfig(
            vocab_size=len(vocabulary(tokenizer)),
            hidden_size=256,
            intermediate_size=704,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            mrope_section=(8, 12, 12),
            rope_theta=20.0,
            max_position_embeddings=2048,
            initializer_range=0.04,
        ),
        # Large patches, few and small queries: on a processor, both would otherwise cost as much as seeing.
        dino=DinoConfig(128, 4, 4, patch_size=28, position_grid=8),
        qformer=QFormerConfig(
            2,
            4,
            hidden_size=128,
            num_queries=16,
            num_heads=4,
            told_numbers=True,
            number_places=slots.index(PATH) + 1,
        ),
        action_head=ActionHeadConfig(depth=4, hidden_size=128, num_heads=4, reads_condition=True),
        diffusion=DiffusionConfig(sample_steps=5, draws_per_sample=2, target="sample"),
        images=ImageConfig(tuple(views), size=size),
        prompt=PromptConfig(
            system="",
            action=action,
            grounding=grounding,
            lower_case=True,
            slots=slots,
        ),
        tokenizer=tokenizer,
        action_spec=action_spec,
        encoding=ActionEncoding(rotation=action_spec.rotation),
        chunk_length=16,
        execute_steps=8,
    )


PRESETS: dict[str, Callable[[ActionSpec, Sequence[str], Sequence[str]], M1Config]] = {
    "m1-3b": m1_3b,
    "m1-mini": m1_mini,
}


def preset(name: str, action_spec: ActionSpec, views: Sequence[str], words: Sequence[str] = ()) -> M1Config:
    """A configuration by name; ConfigError lists the names there are."""
    if name not in PRESETS:
        raise ConfigError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name](action_spec, views, words)
