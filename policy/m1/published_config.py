"""A published run's configuration as ours: what its files say, what its tensors show, what its mixture means.

Sizes that ``config.yaml`` gets wrong, as DINOv2's, are read off the tensors. A run's folder does not hold the sizes of
Qwen2.5-VL, so that model's own ``config.json`` is read beside it. Each correction becomes a note.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2_5_VLConfig

from policy.action import ActionSpec
from policy.m1.config import (
    ActionEncoding,
    ActionHeadConfig,
    DiffusionConfig,
    DinoConfig,
    ImageConfig,
    LanguageModelConfig,
    M1Config,
    PromptConfig,
    Provenance,
    QFormerConfig,
    TokenizerConfig,
    VisionTowerConfig,
)
from policy.m1.mixtures import PublishedError, choose_mixture, mixture_spec
from policy.m1.presets import GROUNDING_QUESTION, QWEN_SYSTEM
from policy.m1.published_run import PublishedRun

DIT_SIZES = {"DiT-S": (6, 4), "DiT-B": (12, 12), "DiT-L": (24, 16)}
"""``action_model_type`` -> depth, heads."""
DINO_SIZES = {384: ("dinov2_vits14", 12, 6), 768: ("dinov2_vitb14", 12, 12), 1024: ("dinov2_vitl14", 24, 16)}
"""Width of DINOv2 -> name, depth, heads."""
DINO_HEAD_WIDTH = 64
"""Width of an attention head in every DINOv2."""


@dataclass(frozen=True)
class Choices:
    """What a run's files leave open."""

    views: tuple[str, ...]
    """Names of the cameras, in the order in which the run's data gave them."""
    robot: str | None = None
    """Which robot's actions, where the mixture has several: a key of ``dataset_statistics.json``."""
    control_hz: float | None = None
    """Rate of actions [Hz], where the mixture has none of its own."""
    action_spec: ActionSpec | None = None
    """What the actions mean, instead of what the mixture says. The model's gripper is taken to be 0 and 1, and its
    rotations roll, pitch, yaw, all the same."""
    execute_steps: int | None = None
    """Actions executed per decision; half a chunk by default."""


def published_config(
    run: PublishedRun, qwen: Path, tensors: Mapping[str, torch.Tensor], choices: Choices
) -> tuple[M1Config, list[str]]:
    """The configuration of a run whose tensors have names of ours, and notes on it.

    Raises PublishedError for settings that are missing or not known, ConfigError for those that contradict each other.
    """
    notes: list[str] = []
    head, qformer = "framework.action_model", "framework.layer_qformer"
    spec, encoding = _actions(run, choices, notes)
    depth, heads = _dit_size(run)
    width = run.number(f"{head}.action_hidden_dim")
    chunk_length = run.number(f"{head}.future_action_window_size") + 1
    vision, language = read_qwen(qwen)
    config = M1Config(
        name=run.folder.name,
        vision=vision,
        language=language,
        dino=_dino(run, tensors, notes),
        qformer=QFormerConfig(
            run.number(f"{qformer}.qformer_start_layer"),
            run.number(f"{qformer}.qformer_end_layer"),
            hidden_size=width,
            num_queries=run.number(f"{qformer}.num_query_tokens"),
        ),
        action_head=ActionHeadConfig(depth, width, heads),
        diffusion=DiffusionConfig(),
        images=ImageConfig(choices.views, _image_size(run)),
        prompt=PromptConfig(
            system=QWEN_SYSTEM,
            action=str(run.setting("datasets.vla_data.CoT_prompt")),
            grounding=GROUNDING_QUESTION,
            lower_case=True,
        ),
        tokenizer=TokenizerConfig("qwen"),
        action_spec=spec,
        encoding=encoding,
        chunk_length=chunk_length,
        execute_steps=max(1, chunk_length // 2) if choices.execute_steps is None else choices.execute_steps,
        # Its training asked for this scale and did not apply it; further training here does.
        vlm_gradient_scale=float(run.setting(f"{qformer}.grad_scale", 0.5)),
        provenance=Provenance(
            "imported",
            base_weights=str(run.setting("framework.qwenvl.base_vlm")),
            datasets=(str(run.setting("datasets.vla_data.data_mix")),),
            steps=run.steps,
            notes=tuple(notes),
        ),
    )
    return config, notes


def _actions(run: PublishedRun, choices: Choices, notes: list[str]) -> tuple[ActionSpec, ActionEncoding]:
    """What the actions mean, and how the model writes them."""
    action_dim = run.number("framework.action_model.action_dim")
    spec = choices.action_spec
    if spec is not None:
        if spec.dim != action_dim:
            raise PublishedError(f"the action spec has {spec.dim} channels, the model {action_dim}")
        rotation = "none" if spec.rotation == "none" else "euler_xyz"
        return spec, ActionEncoding((0.0, 1.0), rotation=rotation)  # type: ignore[arg-type]
    name = str(run.setting("datasets.vla_data.data_mix"))
    mixture = choose_mixture(name, choices.robot)
    statistics = run.action_statistics(mixture.tag)
    spec = mixture_spec(name, mixture, statistics, action_dim, choices.control_hz)
    assert spec.normalisation is not None
    scaled = "minimum and maximum" if mixture.scheme == "min_max" else "1st and 99th percentile"
    notes.append(f"mixture {name}: actions were scaled by {scaled}; gripper 1 {spec.gripper_sign[3:]}")
    mask = statistics.get("mask")
    if mask is not None and [bool(m) for m in mask] != list(spec.normalisation.mask):
        notes.append(f"the mask in dataset_statistics.json, {mask}, is not that of training and was not used")
    if mixture.note:
        notes.append(mixture.note)
    return spec, ActionEncoding((0.0, 1.0), rotation=mixture.rotation)


def _dit_size(run: PublishedRun) -> tuple[int, int]:
    kind = run.setting("framework.action_model.action_model_type")
    if kind not in DIT_SIZES:
        raise PublishedError(f"action_model_type {kind!r} is not one of {', '.join(DIT_SIZES)}")
    return DIT_SIZES[kind]


def _image_size(run: PublishedRun) -> int:
    size = run.setting("datasets.vla_data.image_size", [224, 224])
    if not isinstance(size, Sequence) or len(size) != 2 or size[0] != size[1]:
        raise PublishedError(f"datasets.vla_data.image_size must be square, not {size}")
    return int(size[0])


def _dino(run: PublishedRun, tensors: Mapping[str, torch.Tensor], notes: list[str]) -> DinoConfig:
    """DINOv2's size, from its tensors: the configuration files name a smaller one than the weights have."""
    positions = tensors.get("dino.model.embeddings.position_embeddings")
    if positions is None or positions.ndim != 3:
        raise PublishedError(f"{run.weights} lacks the three-dimensional tensor dino_encoder.body.pos_embed")
    width = int(positions.shape[-1])
    numbers = [re.match(r"dino\.model\.encoder\.layer\.(\d+)\.", name) for name in tensors]
    found = max((int(match[1]) for match in numbers if match), default=-1) + 1
    kind, depth, heads = DINO_SIZES.get(
        width, (f"a DINOv2 of width {width}", found, max(1, width // DINO_HEAD_WIDTH))
    )
    named = str(run.setting("framework.dino.dino_backbone"))
    if kind != named:
        notes.append(f"config.yaml names {named}, but the weights are {kind}")
    return DinoConfig(width, depth, heads, position_grid=round((positions.shape[1] - 1) ** 0.5))


def read_qwen(folder: Path) -> tuple[VisionTowerConfig, LanguageModelConfig]:
    """Sizes from a Qwen2.5-VL folder's ``config.json``, of older and newer releases; PublishedError."""
    path = folder / "config.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PublishedError(f"{path} cannot be read: {error}") from error
    if content.get("model_type") != "qwen2_5_vl":
        raise PublishedError(f"{path} is of model type {content.get('model_type')!r}, not qwen2_5_vl")
    config = Qwen2_5_VLConfig(**content)
    text, vision = config.text_config, config.vision_config
    tied = config.tie_word_embeddings
    return (
        VisionTowerConfig(
            vision.depth,
            vision.hidden_size,
            vision.intermediate_size,
            vision.num_heads,
            tuple(vision.fullatt_block_indexes),
            vision.window_size,
            vision.patch_size,
            vision.spatial_merge_size,
            vision.temporal_patch_size,
            vision.tokens_per_second,
            coordinate_planes=False,
        ),
        LanguageModelConfig(
            text.vocab_size,
            text.hidden_size,
            text.intermediate_size,
            text.num_hidden_layers,
            text.num_attention_heads,
            text.num_key_value_heads,
            tuple(text.rope_parameters["mrope_section"]),
            float(text.rope_parameters["rope_theta"]),
            text.max_position_embeddings,
            text.rms_norm_eps,
            bool(tied),
            text.initializer_range,
        ),
    )
