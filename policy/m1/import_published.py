"""InternVLA-M1's published checkpoints, read into this implementation: all of one, or none of it.

    model, notes = import_published(Path("run"), Path("Qwen2.5-VL-3B-Instruct"), Choices(views=("front", "wrist")))

A run's folder holds neither the tokenizer nor the sizes of Qwen2.5-VL, so a folder of that model (its ``config.json``
and tokenizer; its weights are not needed) comes along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from policy.m1.checkpoint import (
    CheckpointError,
    assemble,
    differences,
    own_state,
    read_tokenizer,
    to_working_types,
)
from policy.m1.config import M1Config
from policy.m1.mixtures import PublishedError
from policy.m1.model import M1Model
from policy.m1.published_config import Choices, published_config
from policy.m1.published_names import own_tensors
from policy.m1.published_run import open_run, read_tensors
from policy.m1.strict import ConfigError

LM_HEAD, EMBEDDINGS = "vlm.model.lm_head.weight", "vlm.model.model.language_model.embed_tokens.weight"


def import_published(
    folder: Path, qwen: Path, choices: Choices, step: int | None = None
) -> tuple[M1Model, list[str]]:
    """The model of a published run, and notes on what its files leave open or get wrong.

    ``qwen`` is a folder with Qwen2.5-VL's ``config.json`` and tokenizer, ``step`` chooses one of several checkpoints
    (the latest by default). Raises PublishedError for anything that does not fit, with the names of tensors that are
    missing, left over or misshapen.
    """
    run = open_run(folder, step)
    tensors, unknown = _renamed(read_tensors(run.weights))
    try:
        config, notes = published_config(run, qwen, tensors, choices)
        tokenizer = read_tokenizer(qwen)
        notes += _untie(tensors, config)
        config = replace(config, provenance=replace(config.provenance, notes=tuple(notes)))
        with torch.device("meta"):
            shapes = {k: tuple(v.shape) for k, v in own_state(M1Model(config, tokenizer)).items()}
        problems = differences(shapes, {**tensors, **unknown})
        if problems:
            raise PublishedError(f"{run.weights} does not fit its config.yaml: {'; '.join(problems)}")
        model = assemble(config, tokenizer, tensors, str(run.weights))
        return to_working_types(model, None), notes
    except (ConfigError, CheckpointError) as error:
        raise PublishedError(str(error)) from error


def _renamed(
    published: Mapping[str, torch.Tensor],
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Tensors under their names here, and those that no rule knows under their own; PublishedError for a clash."""
    known: dict[str, torch.Tensor] = {}
    unknown: dict[str, torch.Tensor] = {}
    for name, tensor in published.items():
        own = own_tensors(name, tensor)
        if own is None:
            unknown[name] = tensor
            continue
        twice = known.keys() & own.keys()
        if twice:
            raise PublishedError(f"{name} and another tensor are both {', '.join(sorted(twice))}")
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
