"""Weights in fewer bits: what a checkpoint's model computes in when it acts.

``int8`` is PyTorch's own dynamic quantisation: linear layers of the two backbones hold eight-bit weights and quantise
what comes in, on a CPU alone. ``int4`` is weights of four bits in the language model's linear layers, by torchao, on a
GPU. Q-Former and action head, a few per cent of the weights, are float32 always.
"""

from __future__ import annotations

import importlib.util
from typing import Any, cast

import torch
from torch import nn

from policy.m1.model import M1Model

STORED, FLOAT32, BFLOAT16, INT8, INT4 = "stored", "float32", "bfloat16", "int8", "int4"
PRECISIONS = (STORED, FLOAT32, BFLOAT16, INT8, INT4)
"""What weights can be: as the checkpoint has them, or converted when it is loaded."""
GROUP = 32
"""``int4``: weights that share a scale."""


def missing(precision: str, device: str) -> str | None:
    """Why a model cannot have these weights here, in one sentence; None where it can."""
    if precision == INT8:
        if not device.startswith("cpu"):
            return f"int8 is PyTorch's dynamic quantisation, which runs on device=cpu, not on {device}"
        if not hasattr(getattr(torch, "ao", None), "quantization"):
            return f"int8 is PyTorch's dynamic quantisation, which torch {torch.__version__} has no longer"
        if set(torch.backends.quantized.supported_engines) <= {"none"}:
            return "int8 needs an engine of PyTorch's for eight-bit arithmetic, and this processor has none"
    if precision == INT4:
        if device.startswith("cpu"):
            return "int4 needs a GPU: torchao has no four-bit arithmetic for a CPU"
        if importlib.util.find_spec("torchao") is None:
            return "int4 needs the package torchao, which is not installed"
    return None


def backbone_dtype(precision: str) -> torch.dtype | None:
    """What the backbones are loaded in; None: as stored."""
    floats = {FLOAT32: torch.float32, BFLOAT16: torch.bfloat16, INT8: torch.float32, INT4: torch.bfloat16}
    return floats.get(precision)


def quantised(model: M1Model, precision: str) -> M1Model:
    """The model, loaded in `backbone_dtype`, with the weights of its backbones in so many bits; changes it.

    Raises:
        ValueError: They cannot be had here: see `missing`.
    """
    if (problem := missing(precision, str(model.device))) is not None:
        raise ValueError(problem)
    if precision == INT8:
        for part in (model.vlm, model.dino):
            torch.ao.quantization.quantize_dynamic(
                cast(Any, part), {nn.Linear}, dtype=torch.qint8, inplace=True
            )
    elif precision == INT4:
        from torchao.quantization import Int4WeightOnlyConfig, quantize_

        # Of its layouts the one that needs no further package.
        quantize_(model.vlm, Int4WeightOnlyConfig(group_size=GROUP, int4_packing_format="tile_packed_to_4d"))
    return model


def weight_bytes(model: nn.Module) -> int:
    """What the weights take in memory [bytes], packed ones included."""
    found = {p.data_ptr(): p.numel() * p.element_size() for p in (*model.parameters(), *model.buffers())}
    packed = 0
    for module in model.modules():
        weight = getattr(module, "weight", None)
        if callable(weight):  # of PyTorch's quantised layers
            held = cast(torch.Tensor, weight())
            packed += held.numel() * held.element_size()
    return sum(found.values()) + packed
