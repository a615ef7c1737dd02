"""InternVLA-M1's published checkpoints, read into this implementation: all of one, or none of it.

    model, notes = import_published(Path("run"), Path("Qwen2.5-VL-3B-Instruct"), Choices(views=("front", "wrist")))

A run's folder holds neither the tokenizer nor the sizes of Qwen2.5-VL, so a folder of that model (its ``config.json``
and tokenizer; its weights are not needed) comes along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from policy.m1.checkpoint import (
    CheckpointError,
    assemble,
    read_tokenizer,
    to_working_types,
)
from policy.m1.config import M1Config
from policy.m1.mixtures import PublishedError
from policy.m1.model import M1Model
from policy.m1.published_config import Choices, published_config
from policy.m1.published_names import FLAT, own_tensors, unwrapped
from policy.m1.published_run import PublishedRun, open_run
from policy.m1.published_tensors import read_tensors
from policy.m1.strict import ConfigError, shown

FRAMEWORK = "InternVLA-M1"
PARTS = ("qwen_vl_interface", "dino_encoder", "dino_pro", "layer_qformer", "action_model.net")
"""What every InternVLA-M1 has, as published names begin."""
OWN = ("vlm.", "dino.", "qformer.", "action_head.", "dino_projection.", "numbers.")
"""How names begin here, so that a published tensor is never taken for one of ours that it happens to be called like."""
LM_HEAD, EMBEDDINGS = "vlm.model.lm_head.weight", "vlm.model.model.language_model.embed_tokens.weight"


def import_published(
    folder: Path, qwen: Path, choices: Choices, step: int | None = None
) -> tuple[M1Model, list[str]]:
    """The model of a published run, and notes on what its files leave open or get wrong.

    ``qwen`` is a folder with Qwen2.5-VL's ``config.json`` and tokenizer, ``step`` chooses one of several checkpoints
    (``final_model`` or the latest by default). Raises PublishedError for anything that does not fit, with the names of
    tensors that are missing, left over or misshapen.
    """
    run = open_run(folder, step)
    published = read_tensors(run.weights)
    _require_m1(run, published)
    tensors, unknown = _renamed(published)
    try:
        config, notes = published_config(run, qwen, tensors, choices)
        tokenizer = read_tokenizer(qwen)
        notes += _untie(tensors, config)
        config = replace(config, provenance=replace(config.provenance, notes=tuple(notes)))
        # What no rule knows goes along, to be named beside what is missing.
        model = assemble(config, tokenizer, {**unknown, **tensors}, str(run.weights))
        return to_working_types(model, None), notes
    except (ConfigError, CheckpointError) as error:
        raise PublishedError(str(error)) from error


def _require_m1(run: PublishedRun, names: Iterable[str]) -> None:
    """PublishedError for the weights of another model, saying which one."""
    whole = [unwrapped(name) for name in names]
    if any(FLAT in name for name in whole):
        raise PublishedError(
            f"{run.weights} holds parameters as FSDP lays them end to end ({FLAT}): save the whole model with "
            "StateDictType.FULL_STATE_DICT"
        )
    kind = run.find("framework.name") or run.find("framework.framework_py")
    lacking = [part for part in PARTS if not any(name.startswith(f"{part}.") for name in whole)]
    if lacking:
        other = "" if kind in (None, FRAMEWORK) else f": its framework is {shown(kind)}"
        raise PublishedError(
            f"{run.weights} has no {', '.join(lacking)}, so it is no {FRAMEWORK}{other}; import a run whose framework "
            f"is {FRAMEWORK}, since other heads are not implemented here"
        )
    if any(".deepstack_merger_list." in name for name in whole):
        raise PublishedError(
            f"{run.weights} is built on Qwen3-VL: import a run built on Qwen2.5-VL, the only one implemented here"
        )


def _renamed(
    published: Mapping[str, torch.Tensor],
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Tensors under their names here, and those that no rule knows under their own; PublishedError for a clash."""
    known: dict[str, torch.Tensor] = {}
    unknown: dict[str, torch.Tensor] = {}
    for given, tensor in published.items():
        name = unwrapped(given)
        own = own_tensors(name, tensor)
        if own is None:
            unknown[f"published {given}" if given.startswith(OWN) else given] = tensor
            continue
        twice = known.keys() & own.keys()
        if twice:
            raise PublishedError(f"{given} and another tensor are both {', '.join(sorted(twice))}")
        known |= own
    return known, unknown


def _untie(tensors: dict[str, torch.Tensor], config: M1Config) -> list[str]:
    """Drop an output layer that only repeats the embeddings; PublishedError if it does not repeat them."""
    if not config.language.tie_word_embeddings or LM_HEAD not in tensors:
        return []
    head, embeddings = tensors.pop(LM_HEAD), tensors.get(EMBEDDINGS)
    if embeddings is not None and not torch.equal(head, embeddings):
        raise PublishedError(
            "the output layer of the language model (lm_head) differs from its embeddings, although Qwen's "
            "config.json ties them"
        )
    return ["the output layer repeats the embeddings and is stored once"]
