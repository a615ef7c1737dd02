"""A checkpoint: one folder that says everything needed to act, and holds no code.

    config.json             the `M1Config`: sizes, prompts, images, action spec with statistics, provenance
    model.safetensors       every parameter, under the names of `M1Model`
    tokenizer.json, ...     the tokenizer

Reading is strict both ways: a tensor too few, too many or of another shape is an error that names it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from policy.m1.config import M1Config
from policy.m1.model import M1Model
from policy.m1.strict import ConfigError
from policy.m1.weights import unusable

FORMAT = "sim2real-workbench/m1"
VERSION = 1
CONFIG_FILE, WEIGHTS_FILE, TOKENIZER_FILE = "config.json", "model.safetensors", "tokenizer.json"
NAMES_SHOWN = 12
SHIPPED = Path(__file__).parent / "checkpoints"
"""Checkpoints that come with the project, each with a model card; they are called by their names alone."""


class CheckpointError(Exception):
    """A checkpoint that cannot be read or written, in one sentence."""


def locate(checkpoint: str) -> Path:
    """The folder of a checkpoint: one that is there by this path, else the one that ships under this name."""
    given, shipped = Path(checkpoint), SHIPPED / checkpoint
    return shipped if not given.exists() and shipped.is_dir() else given


def save_checkpoint(model: M1Model, folder: Path) -> None:
    """Write ``model`` to a new or empty folder; CheckpointError if it holds a checkpoint already."""
    if (folder / CONFIG_FILE).exists():
        raise CheckpointError(f"{folder} holds a checkpoint already; choose another folder")
    if model.tokenizer is None:
        raise CheckpointError("a model without its tokenizer is no checkpoint")
    tensors = {name: tensor.detach().contiguous() for name, tensor in own_state(model).items()}
    if problems := unusable(tensors):
        raise CheckpointError(f"a model with weights that cannot be used is not saved: {'; '.join(problems)}")
    folder.mkdir(parents=True, exist_ok=True)
    model.tokenizer.save_pretrained(folder)
    save_file(tensors, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    content = {"format": FORMAT, "version": VERSION, "model": model.config.to_plain()}
    # Last, so that a folder with a configuration is a whole checkpoint.
    (folder / CONFIG_FILE).write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", "utf-8")


def load_checkpoint(folder: Path, device: str = "cpu", backbone_dtype: torch.dtype | None = None) -> M1Model:
    """The model of a checkpoint in evaluation mode.

    ``backbone_dtype`` converts Qwen2.5-VL and DINOv2, for instance to bfloat16, which halves their memory; Q-Former and
    action head are always float32. By default weights keep the type that they were stored in. Raises CheckpointError.
    """
    config = read_config(folder)
    try:
        with safe_open(folder / WEIGHTS_FILE, framework="pt", device=device) as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{folder / WEIGHTS_FILE} cannot be read: {error}") from error
    model = assemble(config, read_tokenizer(folder), tensors, str(folder))
    return to_working_types(model.to(device), backbone_dtype)


def read_config(folder: Path) -> M1Config:
    """The configuration of a checkpoint, without its weights; CheckpointError for what is none."""
    path = folder / CONFIG_FILE
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CheckpointError(f"{folder} is no checkpoint: {path.name} cannot be read: {error}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not of format {FORMAT}")
    if content.get("version") != VERSION:
        raise CheckpointError(f"{path} is of version {content.get('version')}; this release reads {VERSION}")
    try:
        return M1Config.from_plain(content.get("model", {}))
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from error


def read_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer saved in a folder; never looks elsewhere, never runs code from it. CheckpointError."""
    if not (folder / TOKENIZER_FILE).is_file():
        raise CheckpointError(f"{folder} has no {TOKENIZER_FILE}")
    try:
        return AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, padding_side="left"
        )
    except Exception as error:  # the library raises whatever its parser meets
        raise CheckpointError(f"the tokenizer in {folder} cannot be read: {error}") from error


def own_state(model: M1Model) -> dict[str, torch.Tensor]:
    """Every tensor that a checkpoint holds; an output layer that shares the embeddings is not held twice."""
    state: dict[str, torch.Tensor] = model.state_dict()
    if model.config.language.tie_word_embeddings:
        del state["vlm.model.lm_head.weight"]
    return state


def assemble(
    config: M1Config, tokenizer: PreTrainedTokenizerBase, tensors: Mapping[str, torch.Tensor], source: str
) -> M1Model:
    """A model of exactly these tensors; CheckpointError lists what is missing, left over or misshapen.

    No random weights are made first, so that a model of 4 B parameters is in memory once.
    """
    try:
        with torch.device("meta"):
            model = M1Model(config, tokenizer)
    except (ConfigError, ValueError, RuntimeError) as error:  # sizes that a library does not put together
        raise CheckpointError(f"{source}: {error}") from error
    expected = own_state(model)
    problems = differences({k: tuple(v.shape) for k, v in expected.items()}, tensors)
    if problems:
        raise CheckpointError(
            f"the weights of {source} do not fit their configuration: {'; '.join(problems)}"
        )
    if problems := unusable(tensors):
        raise CheckpointError(f"the weights of {source} cannot be used: {'; '.join(problems)}")
    model.load_state_dict(dict(tensors), strict=False, assign=True)
    model.vlm.model.tie_weights()
    _restore_rotary_frequencies(model)
    left = [name for name, tensor in [*model.named_parameters(), *model.named_buffers()] if tensor.is_meta]
    if left:
        raise CheckpointError(f"{source} gives no values for {', '.join(left)}")
    return model.eval()


def differences(expected: Mapping[str, tuple[int, ...]], found: Mapping[str, torch.Tensor]) -> list[str]:
    """Where tensors differ from the expected names and shapes, in plain sentences."""
    problems = []
    missing = sorted(expected.keys() - found.keys())
    extra = sorted(found.keys() - expected.keys())
    misshapen = [
        f"{name} is {list(found[name].shape)}, not {list(shape)}"
        for name, shape in expected.items()
        if name in found and tuple(found[name].shape) != shape
    ]
    for what, names in (("missing", missing), ("not expected", extra), ("misshapen", misshapen)):
        if names:
            more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
            problems.append(f"{len(names)} {what}: {', '.join(names[:NAMES_SHOWN])}{more}")
    return problems


def to_working_types(model: M1Model, backbone_dtype: torch.dtype | None) -> M1Model:
    """All but the backbones in float32; the backbones in ``backbone_dtype`` if given."""
    for part in model.children():
        if part not in (model.vlm, model.dino):
            part.float()
    if backbone_dtype is not None:
        rotary = _rotary_modules(model)
        frequencies = [module.inv_freq for module in rotary]
        model.vlm.to(backbone_dtype)
        model.dino.to(backbone_dtype)
        # Angles of far positions need more digits than bfloat16 has.
        for module, kept in zip(rotary, frequencies, strict=True):
            module.inv_freq = kept
    return model


def _rotary_modules(model: M1Model) -> list[Any]:
    return [
        module for module in model.vlm.modules() if "inv_freq" in dict(module.named_buffers(recurse=False))
    ]


def _restore_rotary_frequencies(model: M1Model) -> None:
    """Rotary frequencies are computed, not stored; a module made without memory has to compute them anew."""
    vlm = model.vlm.model
    device = model.device
    for module in _rotary_modules(model):
        for name, buffer in list(module.named_buffers(recurse=False)):
            setattr(module, name, torch.empty_like(buffer, device=device))
        vlm._init_weights(module)
