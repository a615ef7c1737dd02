"""A folder of plain Qwen2.5-VL, as its authors publish it: sizes, tokenizer and, where wanted, weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import Qwen2_5_VLConfig

from policy.m1.config import LanguageModelConfig, VisionTowerConfig
from policy.m1.mixtures import PublishedError
from policy.m1.strict import ConfigError, from_plain

MODEL_TYPE = "qwen2_5_vl"


def read_qwen(folder: Path) -> tuple[VisionTowerConfig, LanguageModelConfig]:
    """Sizes from a Qwen2.5-VL folder's ``config.json``, of older and newer releases; PublishedError."""
    path = folder / "config.json"
    try:
        content: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PublishedError(f"{path} cannot be read: {error}") from error
    kind = content.get("model_type") if isinstance(content, dict) else None
    if kind != MODEL_TYPE:
        raise PublishedError(f"{path} is of model type {kind!r}, not {MODEL_TYPE}")
    try:
        config = Qwen2_5_VLConfig(**content)
        text, vision = config.text_config, config.vision_config
        sizes = {
            name: getattr(text, name)
            for name in LanguageModelConfig.__dataclass_fields__
            if name not in ("mrope_section", "rope_theta", "tie_word_embeddings")
        }
        sizes |= {name: text.rope_parameters[name] for name in ("mrope_section", "rope_theta")}
        sizes["tie_word_embeddings"] = config.tie_word_embeddings
        seen = {
            name: getattr(vision, name)
            for name in VisionTowerConfig.__dataclass_fields__
            if name != "coordinate_planes"
        }
    except Exception as error:  # the library raises whatever it meets in a field
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PublishedError(f"{path} does not describe a {MODEL_TYPE}: {first}") from error
    try:
        return (
            from_plain(VisionTowerConfig, {**seen, "coordinate_planes": False}, "vision_config"),
            from_plain(LanguageModelConfig, sizes, "text_config"),
        )
    except ConfigError as error:
        raise PublishedError(f"{path}: {error}") from error
