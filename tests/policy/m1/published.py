"""A published run's folder with random weights and tiny sizes, in the names and shapes of the published files."""

import json
from copy import deepcopy
from pathlib import Path

import torch
import yaml
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from policy.m1.backbone import qwen_config
from policy.m1.config import LanguageModelConfig, TokenizerConfig, VisionTowerConfig
from policy.m1.tokenizer import build_tokenizer
from tests.policy.m1.meta_dino import meta_weights
from tests.policy.m1.tiny import WORDS

WIDTH, QUERIES, VLM, DINO = 48, 8, 64, 64
DEPTH = 12
"""Blocks of a DiT-B; its width may be anything."""
GRID = 9
"""Side of DINOv2's grid of position embeddings; not that of the images, so they are resampled."""
STATISTICS = {
    "min": [-0.9, -0.8, -0.7, -0.3, -0.2, -0.25, 0.0],
    "max": [0.9, 0.85, 0.95, 0.35, 0.4, 0.37, 1.0],
    "q01": [-0.7, -0.6, -0.5, -0.1, -0.15, -0.16, 0.0],
    "q99": [0.75, 0.8, 0.9, 0.17, 0.18, 0.33, 1.0],
    "mask": [True] * 6 + [False],
}
CONFIG = {
    "framework": {
        "framework_py": "InternVLA-M1",
        "qwenvl": {"base_vlm": "models/Qwen2.5-VL-3B-Instruct", "vl_hidden_dim": VLM},
        "dino": {"dino_backbone": "dinov2_vits14"},
        "layer_qformer": {
            "qformer_start_layer": 2,
            "qformer_end_layer": 3,
            "num_query_tokens": QUERIES,
            "input_dim": VLM,
            "ouptput_dim": WIDTH,
            "grad_scale": 0.5,
        },
        "action_model": {
            "action_model_type": "DiT-B",
            "action_hidden_dim": WIDTH,
            "action_dim": 7,
            "future_action_window_size": 7,
        },
    },
    "datasets": {
        "vla_data": {
            "data_mix": "libero_goal",
            "CoT_prompt": "Your task is {instruction}. Locate the key objects.",
            "image_size": [56, 56],
        }
    },
}
TOKENIZER = build_tokenizer(TokenizerConfig("words", WORDS, coordinate_bins=57))


def qwen_sizes() -> Qwen2_5_VLConfig:
    """A tiny Qwen2.5-VL."""
    vision = VisionTowerConfig(2, 32, 64, 2, (1,), window_size=56)
    language = LanguageModelConfig(
        len(TOKENIZER), VLM, 96, 2, 2, 1, (4, 6, 6), rope_theta=20.0, initializer_range=0.2
    )
    return qwen_config(vision, language, TOKENIZER.get_vocab())


def write_qwen(folder: Path) -> Path:
    """What a run's folder lacks: the language model's configuration and tokenizer."""
    qwen_sizes().save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return folder


def qwen_weights(seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights in the names of present releases, with the tied output layer spelled out."""
    torch.manual_seed(seed)
    state = Qwen2_5_VLForConditionalGeneration(qwen_sizes()).state_dict()
    assert {name.split(".")[1] for name in state if name != "lm_head.weight"} == {"visual", "language_model"}
    return state


def older_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same in the names of releases before 4.52: ``visual``, ``model.layers``."""
    return {
        name.replace("model.visual.", "visual.").replace("model.language_model.", "model."): tensor
        for name, tensor in state.items()
    }


def published_tensors(
    action_dim: int = 7, chunk: int = 8, qwen=None, depth: int = DEPTH
) -> dict[str, torch.Tensor]:
    """Every tensor of a published checkpoint."""
    generator = torch.Generator().manual_seed(1)
    shapes: dict[str, tuple[int, ...]] = {"dino_pro.weight": (VLM, DINO), "dino_pro.bias": (VLM,)}

    def linear(name: str, rows: int, columns: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (rows, columns), (rows,)

    shapes["layer_qformer.query_tokens"] = (QUERIES, WIDTH)
    linear("layer_qformer.proj", WIDTH, VLM)
    block = "layer_qformer.layers.0"
    for norm in ("norm1", "norm2"):
        shapes[f"{block}.{norm}.weight"] = shapes[f"{block}.{norm}.bias"] = (WIDTH,)
    shapes[f"{block}.cross_attn.in_proj_weight"] = (3 * WIDTH, WIDTH)
    shapes[f"{block}.cross_attn.in_proj_bias"] = (3 * WIDTH,)
    linear(f"{block}.cross_attn.out_proj", WIDTH, WIDTH)
    linear(f"{block}.mlp.0", 4 * WIDTH, WIDTH)
    linear(f"{block}.mlp.2", WIDTH, 4 * WIDTH)
    net = "action_model.net"
    shapes[f"{net}.positional_embedding"] = (QUERIES + chunk, WIDTH)
    for name in ("history_embedder", "x_embedder"):
        linear(f"{net}.{name}.linear", WIDTH, action_dim)
    linear(f"{net}.t_embedder.mlp.0", WIDTH, 256)
    linear(f"{net}.t_embedder.mlp.2", WIDTH, WIDTH)
    shapes[f"{net}.z_embedder.uncondition"] = (QUERIES, WIDTH)
    linear(f"{net}.z_embedder.linear", WIDTH, WIDTH)
    for i in range(depth):
        linear(f"{net}.blocks.{i}.attn.qkv", 3 * WIDTH, WIDTH)
        linear(f"{net}.blocks.{i}.attn.proj", WIDTH, WIDTH)
        linear(f"{net}.blocks.{i}.mlp.fc1", 4 * WIDTH, WIDTH)
        linear(f"{net}.blocks.{i}.mlp.fc2", WIDTH, 4 * WIDTH)
    linear(f"{net}.final_layer.linear", action_dim, WIDTH)
    tensors = {name: torch.randn(*shape, generator=generator) * 0.2 for name, shape in shapes.items()}
    tensors |= {f"dino_encoder.body.{k}": v for k, v in meta_weights(GRID, DINO).items()}
    return tensors | {f"qwen_vl_interface.model.{k}": v for k, v in (qwen or qwen_weights()).items()}


def write_run(
    folder: Path, tensors=None, config=None, statistics=None, tag: str = "franka", step: int = 30000
) -> Path:
    """A run's folder."""
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config or CONFIG))
    stats = {tag: {"action": statistics or STATISTICS, "num_transitions": 5}}
    (folder / "dataset_statistics.json").write_text(json.dumps(stats))
    torch.save(tensors or published_tensors(), folder / "checkpoints" / f"steps_{step}_pytorch_model.pt")
    return folder


def config_with(**changes) -> dict:
    """`CONFIG` with values at dotted paths (dots written as double underscores) replaced."""
    config = deepcopy(CONFIG)
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = config
        for parent in parents:
            target = target[parent]
        target[last] = value
    return config
