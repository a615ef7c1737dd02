"""Whether tensors are weights to compute with, checked wherever they come in or go out.

A single NaN spoils every action that a model writes, without an error anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

NAMES_SHOWN = 5


def unusable(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """Why tensors are no weights to compute with, in plain sentences: numbers of the wrong kind, NaN, infinity."""
    kinds = {
        n: str(t.dtype).removeprefix("torch.") for n, t in tensors.items() if not t.dtype.is_floating_point
    }
    odd = [f"{name} holds {kind}" for name, kind in kinds.items()]
    broken = [name for name, tensor in tensors.items() if name not in kinds and not _is_finite(tensor)]
    problems = []
    for what, names in (("not floating-point numbers", odd), ("not finite", broken)):
        if names:
            more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
            problems.append(f"{len(names)} {what}: {', '.join(names[:NAMES_SHOWN])}{more}")
    return problems


def _is_finite(tensor: torch.Tensor) -> bool:
    if not tensor.numel():
        return True
    if tensor.dtype.itemsize == 1:  # few operations know the eight-bit kinds
        tensor = tensor.float()
    return all(bool(torch.isfinite(end)) for end in torch.aminmax(tensor))
