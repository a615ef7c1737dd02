"""A published run's configuration as ours: what its files say, what its tensors show, what its mixture means.

Sizes that ``config.yaml`` gets wrong, as DINOv2's, are read off the tensors. A run's folder does not hold the sizes of
Qwen2.5-VL, so that model's own ``config.json`` is read beside it. Each correction becomes a note.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from policy.action import ActionSpec
from policy.m1.config import (
    ActionEncoding,
    ActionHeadConfig,
    DiffusionConfig,
    DinoConfig,
    ImageConfig,
    M1Config,
    PromptConfig,
    Provenance,
    QFormerConfig,
    TokenizerConfig,
)
from policy.m1.mixtures import MIXTURES, PublishedError, Scheme, choose_mixture, mixture_spec, scheme_of
from policy.m1.presets import GROUNDING_QUESTION, QWEN_SYSTEM
from policy.m1.published_run import PublishedRun
from policy.m1.qwen_folder import read_qwen
from policy.m1.strict import shown

DIT_SIZES = {"DiT-S": (6, 4), "DiT-B": (12, 12), "DiT-L": (24, 16)}
"""``action_model_type`` -> depth, heads."""
DINO_SIZES = {384: ("dinov2_vits14", 12, 6), 768: ("dinov2_vitb14", 12, 12), 1024: ("dinov2_vitl14", 24, 16)}
"""Width of DINOv2 -> name, depth, heads."""
DINO_HEAD_WIDTH = 64
"""Width of an attention head in every DINOv2."""
DEFAULT_IMAGE_SIZE = 224
"""Side of the training images where a configuration does not say [px]."""


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
    """What the actions mean, instead of what the mixture says. The model's gripper is taken to be 0 and 1 all the
    same."""
    execute_steps: int | None = None
    """Actions executed per decision; half a chunk by default."""
    scaling: Scheme | None = None
    """What training scaled actions by, instead of what the mixture says."""
    rotation: Literal["rotation_vector", "euler_xyz"] | None = None
    """What the model's rotation channels are, instead of what the mixture says; needed for an `action_spec` with
    rotations and a mixture that is not known."""


def published_config(
    run: PublishedRun, qwen: Path, tensors: Mapping[str, torch.Tensor], choices: Choices
) -> tuple[M1Config, list[str]]:
    """The configuration of a run whose tensors have names of ours, and notes on it.

    Raises PublishedError for settings that are missing or not known, ConfigError for those that contradict each other.
    """
    notes = list(run.notes)
    head, qformer = "framework.action_model", "framework.layer_qformer"
    queries, width = _shape(run, tensors, "qformer.query_tokens", "layer_qformer.query_tokens", 2)
    positions, _ = _shape(
        run, tensors, "action_head.transformer.positions", "action_model.net.positional_embedding", 2
    )
    channels = _shape(
        run,
        tensors,
        "action_head.transformer.action_embedder.weight",
        "action_model.net.x_embedder.linear.weight",
        2,
    )[1]
    # What a configuration leaves out the tensors show; where it contradicts them, they are of another run.
    queries = run.count(f"{qformer}.num_query_tokens", queries)
    chunk_length = _chunk_length(run, positions - queries)
    if run.count(f"{head}.past_action_window_size", 0, least=0):
        raise PublishedError(
            f"{run.folder}: {head}.past_action_window_size must be 0: past actions are not read"
        )
    spec, encoding = _actions(run, choices, run.count(f"{head}.action_dim", channels), chunk_length, notes)
    depth, heads = _dit_size(run, tensors)
    vision, language = read_qwen(qwen)
    config = M1Config(
        name=run.folder.resolve().name,
        vision=vision,
        language=language,
        dino=_dino(run, tensors, notes),
        qformer=QFormerConfig(
            run.count(f"{qformer}.qformer_start_layer", least=0),
            run.count(f"{qformer}.qformer_end_layer"),
            hidden_size=width,
            num_queries=queries,
        ),
        action_head=ActionHeadConfig(depth, width, heads),
        diffusion=DiffusionConfig(),
        images=ImageConfig(choices.views, _image_size(run)),
        prompt=PromptConfig(
            system=QWEN_SYSTEM,
            # Without a spatial prompt, training told the instruction alone.
            action=run.text("datasets.vla_data.CoT_prompt", "{instruction}"),
            grounding=GROUNDING_QUESTION,
            lower_case=True,
        ),
        tokenizer=TokenizerConfig("qwen"),
        action_spec=spec,
        encoding=encoding,
        chunk_length=chunk_length,
        execute_steps=max(1, chunk_length // 2) if choices.execute_steps is None else choices.execute_steps,
        # Its training asked for this scale and did not apply it; further training here does.
        vlm_gradient_scale=run.share(f"{qformer}.grad_scale", 0.5),
        provenance=Provenance(
            "imported",
            base_weights=run.text("framework.qwenvl.base_vlm", "unknown"),
            datasets=(run.text("datasets.vla_data.data_mix", "unknown"),),
            steps=run.steps,
            notes=tuple(notes),
        ),
    )
    return config, notes


def _actions(
    run: PublishedRun, choices: Choices, action_dim: int, chunk_length: int, notes: list[str]
) -> tuple[ActionSpec, ActionEncoding]:
    """What the actions mean, and how the model writes them."""
    spec = choices.action_spec
    if spec is not None:
        if spec.dim != action_dim:
            raise PublishedError(f"the action spec has {spec.dim} channels, the model {action_dim}")
        return spec, ActionEncoding((0.0, 1.0), rotation=_rotation(run, choices, spec))
    name = run.text("datasets.vla_data.data_mix")
    mixture = choose_mixture(name, choices.robot)
    statistics = run.action_statistics(mixture.tag)
    scheme = choices.scaling or scheme_of(mixture, chunk_length)
    spec, still = mixture_spec(name, mixture, statistics, action_dim, choices.control_hz, scheme)
    assert spec.normalisation is not None
    scaled = "minimum and maximum" if scheme == "min_max" else "1st and 99th percentile"
    notes.append(f"mixture {name}: actions were scaled by {scaled}; gripper 1 {spec.gripper_sign[3:]}")
    if scheme != mixture.scheme and choices.scaling is None:
        notes.append(
            f"chunks of {chunk_length} steps date this run before 28 September 2025: later ones of {name} have "
            f"{mixture.longest} and are scaled by minimum and maximum; scaling=min_max or q01_q99 decides otherwise"
        )
    if still:
        notes.append(f"constant in training, and kept so whatever the model writes: {', '.join(still)}")
    mask = statistics.get("mask")
    if mask is not None and mask != list(spec.normalisation.mask):
        notes.append(
            f"the mask in dataset_statistics.json, {shown(mask)}, is not that of training and was not used"
        )
    if mixture.note:
        notes.append(mixture.note)
    rotation = mixture.rotation if choices.rotation is None else choices.rotation
    return spec, ActionEncoding((0.0, 1.0), rotation="none" if mixture.rotation == "none" else rotation)


def _rotation(
    run: PublishedRun, choices: Choices, spec: ActionSpec
) -> Literal["rotation_vector", "euler_xyz", "none"]:
    """What the model's rotation channels are, where the action spec was given."""
    if spec.rotation == "none":
        return "none"
    if choices.rotation is not None:
        return choices.rotation
    name = run.find("datasets.vla_data.data_mix")
    known = MIXTURES.get(name, ()) if isinstance(name, str) else ()
    found = {mixture.rotation for mixture in known if choices.robot in (None, mixture.tag)} - {"none"}
    if len(found) != 1:
        raise PublishedError(
            "nothing records whether the model's rotations are rotation vectors or roll, pitch and yaw: give "
            "rotation=rotation_vector or rotation=euler_xyz"
        )
    return found.pop()


def _shape(
    run: PublishedRun, tensors: Mapping[str, torch.Tensor], own: str, published: str, dimensions: int
) -> tuple[int, ...]:
    """The shape of a tensor that sizes are read off."""
    tensor = tensors.get(own)
    if tensor is None or tensor.ndim != dimensions or not tensor.numel():
        found = "none" if tensor is None else str(list(tensor.shape))
        raise PublishedError(
            f"{run.weights} needs a tensor {published} of {dimensions} dimensions, not {found}"
        )
    return tuple(tensor.shape)


def _chunk_length(run: PublishedRun, shown: int) -> int:
    """Actions per decision: starVLA's ``action_horizon``, InternVLA-M1's window plus one, or what the tensors show."""
    window = run.count("framework.action_model.future_action_window_size", max(shown - 1, 0), least=0)
    return run.count("framework.action_model.action_horizon", window + 1)


def _dit_size(run: PublishedRun, tensors: Mapping[str, torch.Tensor]) -> tuple[int, int]:
    found = 1 + max(_layers(tensors, r"action_head\.transformer\.blocks\.(\d+)\."), default=-1)
    by_depth = {depth: kind for kind, (depth, _) in DIT_SIZES.items()}
    kind = run.text("framework.action_model.action_model_type", by_depth.get(found, f"of {found} blocks"))
    if kind not in DIT_SIZES:
        raise PublishedError(f"action_model_type {kind!r} is not one of {', '.join(DIT_SIZES)}")
    return DIT_SIZES[kind]


def _layers(tensors: Mapping[str, torch.Tensor], pattern: str) -> list[int]:
    return [int(match[1]) for match in map(re.compile(pattern).match, tensors) if match]


def _image_size(run: PublishedRun) -> int:
    """Side of the images that the model sees [px]; each of the two codes reads a key of its own."""
    keys = ["image_size", "obs_image_size"]
    if run.find("framework.name") is not None:
        keys.reverse()
    path = next((p for p in (f"datasets.vla_data.{key}" for key in keys) if run.find(p) is not None), None)
    if path is None:
        return DEFAULT_IMAGE_SIZE
    size = run.find(path)
    if not isinstance(size, list) or len(size) != 2 or size[0] != size[1]:
        raise PublishedError(f"{path} must be square, two equal numbers, not {shown(size)}")
    if not isinstance(size[0], int) or isinstance(size[0], bool) or size[0] < 1:
        raise run.wrong(path, "two whole numbers of at least 1", size)
    return size[0]


def _dino(run: PublishedRun, tensors: Mapping[str, torch.Tensor], notes: list[str]) -> DinoConfig:
    """DINOv2's size, from its tensors: the configuration files name a smaller one than the weights have."""
    positions = tensors.get("dino.model.embeddings.position_embeddings")
    if positions is None or positions.ndim != 3:
        raise PublishedError(f"{run.weights} lacks the three-dimensional tensor dino_encoder.body.pos_embed")
    width = int(positions.shape[-1])
    found = 1 + max(_layers(tensors, r"dino\.model\.encoder\.layer\.(\d+)\."), default=-1)
    kind, depth, heads = DINO_SIZES.get(
        width, (f"a DINOv2 of width {width}", found, max(1, width // DINO_HEAD_WIDTH))
    )
    named = run.text("framework.dino.dino_backbone", kind)
    if kind != named:
        notes.append(f"{next(iter(run.configs))} names {named}, but the weights are {kind}")
    return DinoConfig(width, depth, heads, position_grid=round(max(positions.shape[1] - 1, 0) ** 0.5))
