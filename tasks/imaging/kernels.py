"""Warp kernels on torch tensors: one pass over the pixels, no intermediate images, the same source on CPU and GPU.

On a CPU a kernel runs on the calling thread and lets go of Python's lock, so threads may launch it on different rows.
"""

from __future__ import annotations

import threading
from typing import Any

import torch
import warp as wp

wp.config.log_level = wp.LOG_WARNING
_building = threading.Lock()
_built: set[tuple[int, str]] = set()


def launch(kernel: wp.Kernel, *arguments: Any, over: tuple[int, ...], device: torch.device) -> None:
    """Run a kernel ``over`` so many threads an axis, after what its device was asked to do before.

    Tensors become arrays of the kernel's types, a vector's components being their last axis; they share the memory.
    """
    where = str(device)
    _build(kernel.module, where)
    packed = [
        _array(value, argument.type) if isinstance(value, torch.Tensor) else value
        for value, argument in zip(arguments, kernel.adj.args, strict=True)
    ]
    stream = wp.stream_from_torch(torch.cuda.current_stream(device)) if device.type == "cuda" else None
    wp.launch(kernel, dim=over, inputs=packed, device=where, stream=stream, record_tape=False)


def strips(height: int, width: int, device: torch.device) -> tuple[tuple[int, int], int]:
    """How images are shared between threads: threads down and across, and pixels in a row that each works on.

    Setting a thread up costs a CPU as much as some pixels of work, so there it takes a whole row.
    """
    length = width if device.type == "cpu" else 1
    return (height, -(-width // length)), length


def _array(tensor: torch.Tensor, kind: Any) -> Any:
    array = wp.from_torch(tensor, dtype=kind.dtype, return_ctype=True)
    if array.ndim != kind.ndim:
        raise ValueError(f"a kernel wants an array of {kind.ndim} dimensions, not one of {array.ndim}")
    return array


def _build(module: Any, device: str) -> None:
    """Compile or load a module once, not in every thread."""
    key = (id(module), device)
    if key not in _built:
        with _building:
            wp.load_module(module, device)
            _built.add(key)
