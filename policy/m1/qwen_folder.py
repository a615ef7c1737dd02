"""A folder of plain Qwen2.5-VL, as its authors publish it: sizes, tokenizer and, where wanted, weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2_5_VLConfig

from policy.m1.checkpoint import CheckpointError, differences, own_state, read_tokenizer
from policy.m1.config import LanguageModelConfig, M1Config, VisionTowerConfig
from policy.m1.mixtures import PublishedError
from policy.m1.model import M1Model
from policy.m1.published_names import own_tensors, unwrapped
from policy.m1.published_run import WEIGHTS_FILES, weights_of
from policy.m1.published_tensors import read_tensors
from policy.m1.strict import ConfigError, from_plain
from policy.m1.weights import unusable

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


def begin_from_qwen(folder: Path, config: M1Config) -> M1Model:
    """A new model around a plain Qwen2.5-VL: its sizes, tokenizer and weights; all else at random, in float32.

    The Q-Former reads the last hidden states. Raises PublishedError for a folder that holds no such model, whole.
    """
    weights = weights_of(folder) if folder.is_dir() else None
    if weights is None:
        raise PublishedError(f"{folder} holds no weights: none of {', '.join(WEIGHTS_FILES)}")
    vision, language = read_qwen(folder)
    last = language.num_hidden_layers
    try:
        config = replace(
            config,
            vision=vision,
            language=language,
            qformer=replace(config.qformer, start_layer=last, end_layer=last + 1),
            provenance=replace(config.provenance, base_weights=folder.resolve().name),
        )
        model = M1Model(config, read_tokenizer(folder))
    except (ConfigError, CheckpointError) as error:
        raise PublishedError(f"{folder}: {error}") from error
    found: dict[str, torch.Tensor] = {}
    for name, tensor in read_tensors(weights).items():
        plain = name if name.startswith("model.") else unwrapped(name)
        found |= own_tensors(f"qwen_vl_interface.model.{plain}", tensor) or {name: tensor}
    wanted = {k: v for k, v in own_state(model).items() if k.startswith("vlm.")}
    if language.tie_word_embeddings:
        found.pop("vlm.model.lm_head.weight", None)
    problems = differences({k: tuple(v.shape) for k, v in wanted.items()}, found) or unusable(found)
    if problems:
        raise PublishedError(f"{weights} is not the model of its config.json: {'; '.join(problems)}")
    model.load_state_dict({k: v.float() for k, v in found.items()}, strict=False, assign=True)
    model.vlm.model.tie_weights()
    return model
